//! The programs on `/lab/choose`, so that the compiler reads them.

use std::error::Error;

use axum::Router;
use axum::routing::get;
use counterfoil::Counterfoil;
use counterfoil_jose::Algorithm;
use counterfoil_verify::{Principal, RemoteVerifier, TokenVerifier};

/// This file.
pub(crate) const SOURCE: &str = include_str!("mod.rs");

#[allow(dead_code, reason = "it is compiled, and not run")]
async fn application() -> Result<Router, Box<dyn Error>> {
    let auth = Counterfoil::open("sqlite:auth.db").await?;
    let app = Router::new()
        .route("/hello", get(async |user: Principal| format!("Hello {}", user.username().unwrap_or("guest"))))
        .layer(auth.layer())
        .merge(auth.routes());
    Ok(app)
}

#[allow(dead_code, reason = "it is compiled, and not run")]
async fn service() -> Result<Router, Box<dyn Error>> {
    let issuer = "https://auth.example";
    let tokens = TokenVerifier::builder(issuer, issuer, &[Algorithm::Es256]);
    let verifier = RemoteVerifier::builder(tokens).verifier_key(std::env::var("VERIFIER_KEY")?).start()?;
    let app = Router::new()
        .route("/orders", get(async |user: Principal| format!("The orders of {}", user.subject())))
        .layer(verifier.layer());
    Ok(app)
}
