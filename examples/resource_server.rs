//! A resource server that verifies access tokens:
//! `cargo run -p counterfoil-verify --features axum,http --example resource_server`.
//!
//! ```sh
//! # While `counterfoil dev` runs, with the session token of a login in $session:
//! body='{"audience":"http://127.0.0.1:4000","scope":"orders:read"}' json='content-type: application/json'
//! curl -H "authorization: Bearer $session" -H "$json" -d "$body" http://127.0.0.1:3000/v1/token
//! curl -H "authorization: Bearer <access_token>" http://127.0.0.1:4000/orders
//! ```

use std::error::Error;

use axum::Router;
use axum::routing::{get, post};
use counterfoil_jose::Algorithm;
use counterfoil_verify::{
    HasRole, HasScope, JwksOptions, Principal, RemoteVerifier, Role, Scope, TokenVerifier,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (issuer, audience) = ("http://127.0.0.1:3000", "http://127.0.0.1:4000");
    let tokens = TokenVerifier::builder(issuer, audience, &[Algorithm::Es256]);
    let verifier = RemoteVerifier::start(tokens, JwksOptions::from_discovery())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    Ok(axum::serve(listener, shop(&verifier)).await?)
}

/// The routes of a shop, behind the layer that authenticates each request.
pub(crate) fn shop(verifier: &RemoteVerifier) -> Router {
    Router::new()
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

/// Serves every caller.
async fn home(user: Option<Principal>) -> String {
    user.map_or_else(|| "Hello, guest".into(), |user| format!("Hello, {}", user.subject()))
}

/// Requires the scope `orders:read`.
async fn orders(user: HasScope<ReadOrders>) -> String {
    format!("The orders of {}", user.subject())
}

/// Requires the role `admin`.
async fn close(user: HasRole<Admin>) -> String {
    format!("closed by {}", user.subject())
}
