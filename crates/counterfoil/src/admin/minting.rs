//! Access tokens that an operator has minted: for machines, and for trying things out as a user.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use counterfoil_core::services::issuer::{MintRequest, MintSubject};

use crate::admin::{Refused, by_operator};
use crate::app::App;
use crate::http::scope::{validate_audience, validate_scope};

/// What is to be minted.
///
/// ```
/// use counterfoil::operator::MintForm;
///
/// let form: MintForm = serde_json::from_str(r#"{"subject":"nightly-report","lifetime":600}"#)?;
/// assert_eq!((form.subject.as_deref(), form.lifetime), (Some("nightly-report"), Some(600)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MintForm {
    /// The user that it speaks for, by id or by name; in a login of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Or something that is no user, and has no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who is to take it; the issuer itself if nobody is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// With which scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// For how many seconds; as long as a login in mode `jwt` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
}

impl App {
    pub(super) async fn mint_token(&self, form: MintForm) -> Result<Value, Refused> {
        let now = self.now_to_issue().map_err(|unsettled| {
            Refused::new(unsettled.to_string()).hint("`counterfoil clock accept`, if the clock is right")
        })?;
        let whom = match (form.user, form.subject) {
            (Some(user), None) => MintSubject::User(self.user_named(&user).await?.id),
            (None, Some(subject)) => MintSubject::Machine(subject),
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refused::new("a token is for a user or for a subject, one of them"));
            }
        };
        let (audience, scope) = (form.audience.map(validate_audience), form.scope.map(validate_scope));
        let minting = MintRequest {
            whom,
            audience: audience.transpose().map_err(|_| Refused::new("that cannot be an audience"))?,
            scope: scope.transpose().map_err(|_| Refused::new("a scope is words parted by single spaces"))?,
            life: form.lifetime.map(Duration::from_secs),
        };
        let minted = self.issuer.mint_by_hand(&minting, &by_operator(), now).await?;
        Ok(json!({
            "access_token": minted.access.token.to_string(),
            "token_type": "Bearer",
            "expires_in": minted.access.expires_at.since(now).as_secs(),
            "expires_at": minted.access.expires_at.unix_seconds(),
            "token_id": minted.id,
            "session": minted.session,
        }))
    }
}
