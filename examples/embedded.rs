//! An axum application with users, sessions, JWTs and the hybrid: `cargo run -p counterfoil --example embedded`.
//!
//! ```sh
//! json='content-type: application/json'
//! curl -H "$json" -d '{"username":"ada","password":"correct horse"}' localhost:3000/v1/register
//! curl -H "$json" -d '{"username":"ada","password":"correct horse","mode":"jwt"}' localhost:3000/v1/login
//! curl -H "authorization: Bearer <access_token>" localhost:3000/account
//! ```

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::{get, post};
use counterfoil::{Counterfoil, Principal, SessionData, SessionDataError};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Counterfoil::open("sqlite:embedded.db").await?;
    let service = shop(&auth).into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let until = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, service).with_graceful_shutdown(until).await?;
    Ok(auth.close().await?)
}

/// The shop's own routes below the layer, and ours beside them.
pub(crate) fn shop(auth: &Counterfoil) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/account", get(account))
        .route("/cart", post(add_to_cart))
        .layer(auth.layer())
        .merge(auth.routes())
}

/// Anybody may come in.
async fn home(caller: Option<Principal>) -> String {
    caller.map_or_else(|| "Hello, stranger".into(), |caller| format!("Hello, {}", caller.subject()))
}

/// Reached by those alone who are somebody: a handler that takes a `Principal` cannot forget to ask.
async fn account(caller: Principal) -> String {
    format!("The account of {}", caller.subject())
}

/// What is in the cart stays on our side, whatever the client carries.
async fn add_to_cart(mut data: SessionData) -> Result<String, SessionDataError> {
    let items = data.get::<u32>("items")?.unwrap_or(0) + 1;
    data.merge(json!({ "items": items })).await?;
    Ok(format!("{items} in the cart"))
}
