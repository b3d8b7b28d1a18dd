//! What a running issuer says about a token that a person inspects.

use counterfoil_jose::Jws;

use crate::app::App;
use crate::operations::admin::token_verification;
use crate::operations::inspection::signature::SignatureCheck;

/// What an issuer says about a token that names one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerCheck {
    /// Whether the signature is that of its key.
    pub signature: SignatureCheck,
    /// Whether it accepts the token now, with its claims and its revocations, in a sentence; empty if the signature is not valid.
    pub decision: String,
}

impl IssuerCheck {
    /// Checks `token` with the keys and revocations of `app`, for any audience. `None` if the token names no key of it.
    #[must_use]
    pub fn of(app: &App, token: &str) -> Option<Self> {
        let jws = Jws::parse(token).ok()?;
        let active = app.parts.keys.active_keys();
        let signature = SignatureCheck::with_keys(&jws, active.verification_keys()).ok()?;
        let decision = if signature.is_valid() { decision(app, token) } else { String::new() };
        Some(Self { signature, decision })
    }
}

fn decision(app: &App, token: &str) -> String {
    match token_verification::verify(app, token, &[], app.now()) {
        Ok(Ok(_)) => {
            "Its issuer accepts it now: the claims are right, it has not expired and is not revoked."
                .to_owned()
        }
        Ok(Err(error)) => format!("Its issuer rejects it now: {}.", error.failure_reason().message()),
        // Only an empty audience or issuer is no verifier.
        Err(error) => format!("Its issuer cannot verify it: {error}."),
    }
}
