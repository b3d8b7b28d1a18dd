//! Access tokens that an operator mints, for machines and for tests as a user, or verifies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use counterfoil_core::services::issuer::{MintRequest, MintSubject};
use counterfoil_jose::Secret;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::app::App;
use crate::http::error::AppError;
use crate::http::scope::{validate_audience, validate_scope};
use crate::operations::admin::responses::TokenVerificationResponse;
use crate::operations::admin::{token_minting, token_verification};

/// The token to mint: for a user or for another subject.
///
/// ```
/// use counterfoil::operator::TokenMintRequest;
///
/// let request: TokenMintRequest = serde_json::from_str(r#"{"subject":"nightly-report","lifetime":600}"#)?;
/// assert_eq!((request.subject.as_deref(), request.lifetime), (Some("nightly-report"), Some(600)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenMintRequest {
    /// A user, by id or username. The token gets a new session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A subject that is not a user, without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The audience; the issuer by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The scope (RFC 6749, section 3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The lifetime in seconds; that of a login in mode `jwt` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
}

impl App {
    pub(super) fn verify_token(&self, token: &Secret<String>, audiences: &[String]) -> Answer {
        let result = token_verification::verify(self, token.expose(), audiences, self.now());
        let result = result.map_err(|error| AdminError::new(error.to_string()))?;
        answer(TokenVerificationResponse::from(result))
    }

    pub(super) async fn mint_token(&self, request: TokenMintRequest) -> Answer {
        let now = self.now_to_issue()?;
        let subject = match (request.user, request.subject) {
            (Some(user), None) => MintSubject::User(self.find_user(&user).await?.id),
            (None, Some(subject)) => MintSubject::Machine(subject),
            (None, None) | (Some(_), Some(_)) => {
                return Err(AdminError::new("exactly one of `user` and `subject` must be given"));
            }
        };
        let (audience, scope) = (request.audience.map(validate_audience), request.scope.map(validate_scope));
        let invalid = |error: AppError| AdminError::new(error.to_string());
        let minting = MintRequest {
            subject,
            audience: audience.transpose().map_err(invalid)?,
            scope: scope.transpose().map_err(invalid)?,
            lifetime: request.lifetime.map(Duration::from_secs),
        };
        answer(token_minting::mint(self, &minting, &operator_context(), now).await?)
    }
}
