//! What becomes of verifiers when their issuer restarts, is restored, or removes their key.

use std::time::{Duration, Instant};

use counterfoil::operator::{Command, KeptOnRestore, call, restore};
use counterfoil_verify::{AuthError, FreshnessState, PollFailure, StaleReason};
use tokio::time::{sleep, timeout};

use crate::fixture::Fixture;
use crate::followers::{DEADLINE, HOP, LEASE, follow, is_revoked, open, wait_until_revoked};

#[tokio::test]
async fn a_restart_of_the_issuer_costs_no_revocation() {
    let fixture = Fixture::new();
    let mut issuer = open(&fixture).await;
    let verifier = follow(&issuer).await;
    let (before, after) = (issuer.log_in().await, issuer.log_in().await);
    let tokens = [
        issuer.issue_token_for(&before, "orders:read").await,
        issuer.issue_token_for(&after, "orders:read").await,
    ];
    issuer.log_out(&before).await;

    issuer = issuer.restart().await;
    let restarted_at = Instant::now();
    timeout(DEADLINE, verifier.wait_until_fresh()).await.unwrap();
    assert!(restarted_at.elapsed() < Duration::from_secs(2));
    assert!(is_revoked(&verifier.verify(&tokens[0]).await));
    assert!(verifier.verify(&tokens[1]).await.is_ok());
    issuer.log_out(&after).await;

    wait_until_revoked(&verifier, &tokens[1], LEASE).await;
    issuer.server.shut_down().await;
}

fn stale_reason(verifier: &counterfoil_verify::RemoteVerifier) -> Option<StaleReason> {
    match verifier.freshness()?.state {
        FreshnessState::Stale { reason, .. } => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_verifier_whose_key_is_removed_refuses_within_its_lease() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = follow(&issuer).await;
    let token = issuer.issue_token("orders:read").await;
    assert!(verifier.verify(&token).await.is_ok());
    let id = issuer.verifier_key.trim_start_matches("cfv_").split('.').next().unwrap();

    let reply = issuer.send(&format!("DELETE /v1/admin/verifier-keys/{id}"), &issuer.admin_key, "").await;
    assert_eq!(reply.status, 204, "{reply:?}");
    sleep(LEASE + LEASE / 3 + HOP).await;

    assert_eq!(verifier.verify(&token).await, Err(AuthError::StaleRevocations));
    let refused = PollFailure::Refused { status: 401, retry_after: None };
    assert_eq!(stale_reason(&verifier), Some(StaleReason::PollFailed(refused)));
    issuer.server.shut_down().await;
}

/// A restore begins another log and removes the verifier keys, because the backup may not know which were removed.
#[tokio::test]
async fn after_a_restore_a_verifier_accepts_nothing_and_one_with_a_new_key_follows_the_new_log() {
    let fixture = Fixture::new();
    let mut issuer = open(&fixture).await;
    let verifier = follow(&issuer).await;
    let old = issuer.issue_token("orders:read").await;
    let backup = fixture.path("backup.db");
    call(&fixture.data_dir(), &Command::Backup { file: backup.clone(), replace: false }).await.unwrap();

    issuer = issuer
        .restart_after(async |settings| {
            restore(settings, &backup, KeptOnRestore::Nothing).await.unwrap();
        })
        .await;
    sleep(LEASE + HOP).await;

    assert!(verifier.verify(&old).await.is_err());
    let command = Command::VerifierKeyAdd { name: "shop".into() };
    let added = call(&fixture.data_dir(), &command).await.unwrap();
    issuer.verifier_key = added["key"].as_str().unwrap().to_owned();
    let verifier = follow(&issuer).await;
    assert!(verifier.verify(&old).await.is_err());
    let session = issuer.log_in().await;
    let token = issuer.issue_token_for(&session, "orders:read").await;
    assert!(verifier.verify(&token).await.is_ok());
    issuer.log_out(&session).await;
    wait_until_revoked(&verifier, &token, HOP).await;
    issuer.server.shut_down().await;
}
