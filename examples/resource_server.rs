//! A service of its own that verifies access tokens:
//! `cargo run -p counterfoil-verify --features axum,http --example resource_server`.
//!
//! ```sh
//! # With `counterfoil dev` running, and the token of a login in $session:
//! asked='{"audience":"http://127.0.0.1:4000","scope":"orders:read"}' json='content-type: application/json'
//! curl -H "authorization: Bearer $session" -H "$json" -d "$asked" http://127.0.0.1:3000/v1/token
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
    let (issuer, shop_url) = ("http://127.0.0.1:3000", "http://127.0.0.1:4000");
    let tokens = TokenVerifier::builder(issuer, shop_url, &[Algorithm::Es256]);
    let verifier = RemoteVerifier::start(tokens, JwksOptions::from_discovery())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    Ok(axum::serve(listener, shop(&verifier)).await?)
}

/// The shop's routes below the layer that finds out who is calling.
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

/// Anybody may come in.
async fn home(caller: Option<Principal>) -> String {
    caller.map_or_else(|| "Hello, stranger".into(), |caller| format!("Hello, {}", caller.subject()))
}

/// Reached with the scope alone: the signature says what it takes.
async fn orders(caller: HasScope<ReadOrders>) -> String {
    format!("The orders of {}", caller.subject())
}

async fn close(caller: HasRole<Admin>) -> String {
    format!("closed by {}", caller.subject())
}
