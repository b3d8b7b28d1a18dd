//! An axum application with users and logins in all three modes: session, JWT and hybrid.
//!
//! ```sh
//! cargo run -p counterfoil --example embedded
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
    let stopping = auth.clone();
    let shutdown = async move {
        tokio::signal::ctrl_c().await.unwrap_or_default();
        stopping.end_streams();
    };
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    Ok(auth.close().await?)
}

/// The application's routes behind the authentication layer, and the routes of Counterfoil (`/v1/login`, …).
pub(crate) fn shop(auth: &Counterfoil) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/account", get(account))
        .route("/cart", post(add_to_cart))
        .layer(auth.layer())
        .merge(auth.routes())
}

/// Works with and without authentication.
async fn home(principal: Option<Principal>) -> String {
    let name = principal.as_ref().and_then(Principal::username);
    format!("Hello, {}", name.unwrap_or("guest"))
}

/// Requires authentication, because it takes a `Principal`: other requests get 401.
async fn account(principal: Principal) -> String {
    format!("The account of {}", principal.subject())
}

/// Stores the cart in the session data, on the server. This works in every mode.
async fn add_to_cart(mut data: SessionData) -> Result<String, SessionDataError> {
    let items = data.get::<u32>("items")?.unwrap_or(0) + 1;
    data.merge(json!({ "items": items })).await?;
    Ok(format!("{items} in the cart"))
}
