//! Claims of the application in access tokens, and routes for a role.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example custom_claims
//! counterfoil user add boss --store sqlite:custom_claims.db --role manager --issuer http://localhost:3000
//! ```

use std::error::Error;
use std::net::TcpListener;

use axum::routing::get;
use axum::{Json, Router};
use counterfoil::{Counterfoil, CounterfoilBuilder, HasRole, Limits, Principal, Role};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = with_claims(Counterfoil::builder().store("sqlite:custom_claims.db")).open().await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(warehouse(&auth), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// Users are called `tenant.name`. Services that verify the tokens read the tenant from the claim.
pub(crate) fn with_claims(builder: CounterfoilBuilder) -> CounterfoilBuilder {
    builder.claims(|user| json!({ "tenant": user.username().split('.').next() }))
}

pub(crate) fn warehouse(auth: &Counterfoil) -> Router {
    Router::new()
        .route("/stock", get(stock))
        .route("/prices", get(prices))
        .layer(auth.layer())
        .merge(auth.routes())
}

/// The claim is in access tokens alone: a session token has none, and the application reads its own data instead.
async fn stock(user: Principal) -> Json<Value> {
    Json(json!({ "tenant": user.claim("tenant") }))
}

/// The name of a role, as a type.
struct Manager;

impl Role for Manager {
    const NAME: &'static str = "manager";
}

/// Other users get 403.
async fn prices(user: HasRole<Manager>) -> String {
    format!("The prices, for {}", user.subject())
}
