//! Two services with an audience each: a token for one is refused by the other.
//!
//! ```sh
//! cargo run -p counterfoil --features server --example two_audiences
//! request='{"username":"ada","password":"correct horse","mode":"jwt","audience":"http://localhost:3000/orders"}'
//! curl -H 'content-type: application/json' -d "$request" localhost:3000/v1/login
//! curl -H "authorization: Bearer <access_token>" localhost:3000/orders   # 200
//! curl -H "authorization: Bearer <access_token>" localhost:3000/billing  # 401
//! ```

use std::error::Error;
use std::net::TcpListener;

use axum::Router;
use axum::routing::get;
use counterfoil::{Counterfoil, Limits, Principal};
use counterfoil_verify::{Algorithm, JwksOptions, RemoteVerifier, TokenVerifier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = "http://localhost:3000";
    let auth = Counterfoil::builder().issuer(issuer).store("sqlite:two_audiences.db").open().await?;
    let services = service(issuer, "orders")?.merge(service(issuer, "billing")?);
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    counterfoil::serve(services.merge(auth.routes()), listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// A service as it would be in a process of its own: it knows the issuer's URL and its own audience, and fetches the
/// public keys of the issuer at the first request.
pub(crate) fn service(issuer: &str, name: &'static str) -> Result<Router, Box<dyn Error>> {
    let audience = format!("{issuer}/{name}");
    let tokens = TokenVerifier::builder(issuer, &audience, &[Algorithm::Es256]);
    let verifier = RemoteVerifier::start(tokens, JwksOptions::from_discovery())?;
    let handler = async move |user: Principal| format!("{name} of {}", user.subject());
    Ok(Router::new().route(&format!("/{name}"), get(handler)).layer(verifier.layer()))
}
