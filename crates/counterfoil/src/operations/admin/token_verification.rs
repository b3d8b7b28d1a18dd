//! Verifies an access token of this issuer for an operator: by its keys and its revocations.

use std::sync::Arc;

use counterfoil_core::model::client::Lifetimes;
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, LocalVerifier, Principal, TokenVerifier, VerifierBuildError};

use crate::app::App;

/// Verifies `token` at `now`. Without `audiences` any audience is accepted.
///
/// # Errors
///
/// If no verifier can be made of the audiences. The inner error says why the token is rejected.
pub(crate) fn verify(
    app: &App,
    token: &str,
    audiences: &[String],
    now: Time,
) -> Result<Result<Principal, AuthError>, VerifierBuildError> {
    let issuer = app.settings().issuer.as_str();
    let active = app.parts.keys.active_keys();
    let first = audiences.first().map_or(issuer, String::as_str);
    let builder = TokenVerifier::builder(issuer, first, active.signing_key().algorithm().compatible());
    let more = audiences.iter().skip(1);
    let mut builder = more.fold(builder, |builder, audience| builder.additional_audience(audience));
    if audiences.is_empty() {
        builder = builder.danger_accept_any_audience();
    }
    let tokens = builder
        .max_lifetime(Lifetimes::CEILING.max_access_lifetime())
        .build(active.verification_keys().clone())?;
    let clock = Arc::clone(&app.parts.clock);
    let revocations = Arc::clone(app.parts.verifier.revocations());
    Ok(LocalVerifier::new(tokens, revocations, move || clock.now()).verify(token, now))
}
