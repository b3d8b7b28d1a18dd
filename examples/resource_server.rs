//! A resource server (RFC 6749): a separate service that verifies access tokens of the issuer.
//!
//! ```sh
//! cargo run -p counterfoil-verify --features axum,http --example resource_server
//! # `counterfoil dev` is running; $session is the session token of a login. Get an access token for it:
//! request='{"audience":"http://127.0.0.1:4000","scope":"orders:read"}' json='content-type: application/json'
//! curl -H "authorization: Bearer $session" -H "$json" -d "$request" http://127.0.0.1:3000/v1/token
//! curl -H "authorization: Bearer <access_token>" http://127.0.0.1:4000/orders
//! ```
//!
//! With `VERIFIER_KEY=$(counterfoil verifier add shop)` it follows the revocation feed: `/orders` refuses a token within one hop
//! after its logout, and `/freshness` shows how new the known revocations are.

use std::env;
use std::error::Error;

use axum::Router;
use axum::routing::{get, post};
use counterfoil_verify::{
    Algorithm, HasRole, HasScope, JwksOptions, Principal, RemoteVerifier, Role, Scope, TokenVerifier,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (issuer, audience) = ("http://127.0.0.1:3000", "http://127.0.0.1:4000");
    let tokens = TokenVerifier::builder(issuer, audience, &[Algorithm::Es256]);
    let verifier = match env::var("VERIFIER_KEY") {
        Ok(key) => RemoteVerifier::builder(tokens).verifier_key(key).start()?,
        Err(_) => RemoteVerifier::start(tokens, JwksOptions::from_discovery())?,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    Ok(axum::serve(listener, shop(&verifier)).await?)
}

/// The routes of the service, behind the layer that authenticates requests.
pub(crate) fn shop(verifier: &RemoteVerifier) -> Router {
    let watched = verifier.clone();
    let freshness = move || async move {
        watched.freshness().map_or_else(|| "no revocations".into(), |freshness| freshness.to_string())
    };
    Router::new()
        .route("/freshness", get(freshness))
        .route("/", get(home))
        .route("/orders", get(orders))
        .route("/close", post(close))
        .layer(verifier.layer())
}

struct ReadOrders;

impl Scope for ReadOrders {
    const NAME: &str = "orders:read";
}

struct Admin;

impl Role for Admin {
    const NAME: &str = "admin";
}

/// Works with and without authentication.
async fn home(principal: Option<Principal>) -> String {
    principal.map_or_else(
        || "Hello, guest".into(),
        |principal| format!("Hello, {}", principal.username().unwrap_or_default()),
    )
}

/// Requires the scope `orders:read`: other tokens get 403.
async fn orders(principal: HasScope<ReadOrders>) -> String {
    format!("The orders of {}", principal.subject())
}

/// Requires the role `admin`.
async fn close(principal: HasRole<Admin>) -> String {
    format!("closed by {}", principal.subject())
}
