//! Verifiers that follow the revocation feed of a real server.

mod captured_log;
mod issuer_changes;
mod keys;
mod outages;
mod proxy;
mod revocations;
mod stale_policies;

use std::net::SocketAddr;
use std::time::Duration;

use counterfoil::Settings;
use counterfoil_verify::{AuthError, FeedOptions, InvalidReason, RemoteVerifier};
use tokio::time::timeout;

use crate::client::{Reply, send};
use crate::fixture::Fixture;
use crate::issuer::Issuer;

/// A short lease, so that the tests are quick.
const LEASE: Duration = Duration::from_millis(900);

/// Far longer than a hop on loopback takes, also on a busy machine, and shorter than the lease.
const HOP: Duration = Duration::from_millis(400);

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(10);

async fn open(fixture: &Fixture) -> Issuer {
    open_with(fixture, |_| {}).await
}

async fn open_with(fixture: &Fixture, change: impl FnOnce(&mut Settings)) -> Issuer {
    Issuer::open_with(fixture, &[], |settings| {
        settings.feed.lease = LEASE;
        change(settings);
    })
    .await
}

/// A verifier that is fresh.
async fn follow(issuer: &Issuer) -> RemoteVerifier {
    follow_with(issuer, FeedOptions::new(&issuer.verifier_key)).await
}

async fn follow_with(issuer: &Issuer, options: FeedOptions) -> RemoteVerifier {
    let verifier = RemoteVerifier::builder(issuer.tokens()).feed(options).start().unwrap();
    timeout(DEADLINE, verifier.wait_until_fresh()).await.expect("the issuer answers");
    verifier
}

fn is_revoked(result: &Result<counterfoil_verify::Principal, AuthError>) -> bool {
    matches!(result, Err(AuthError::InvalidCredential(InvalidReason::Revoked(_))))
}

/// Verifies until the token is refused as revoked, for at most `limit`.
async fn wait_until_revoked(verifier: &RemoteVerifier, token: &str, limit: Duration) {
    let refused = async {
        loop {
            let result = verifier.verify(token).await;
            if is_revoked(&result) {
                return;
            }
            assert!(result.is_ok(), "{result:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(limit, refused).await.expect("the token is still accepted");
}

/// Serves the resource server of the example.
async fn serve_shop(shop: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, shop).await.unwrap() });
    address
}

async fn get(address: SocketAddr, path: &str, token: &str) -> Reply {
    send(address, &format!("GET {path}"), &[&format!("authorization: Bearer {token}")], "").await
}
