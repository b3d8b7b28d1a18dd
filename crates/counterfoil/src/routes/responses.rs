//! The JSON of users, sessions and credentials in responses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::{Mode, Session};
use counterfoil_jose::Time;

use crate::http::set_cookie::{CredentialTooLarge, SetCookies};
use crate::operations::credential::IssuedCredential;
use crate::operations::views::ModeSchema;
use crate::settings::cookie_options::CookieKind;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionResponse {
    /// The `sid` of the session's tokens.
    id: String,
    /// `session`, `jwt` or `hybrid`.
    #[schema(value_type = ModeSchema)]
    mode: Mode,
    /// When the user logged in, in Unix seconds.
    created_at: u64,
    /// When the session expires at the latest, in Unix seconds. One that is not used expires earlier.
    expires_at: u64,
}

impl From<&Session> for SessionResponse {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            mode: session.mode(),
            created_at: session.authenticated_at.unix_seconds(),
            expires_at: session.expires_at.unix_seconds(),
        }
    }
}

/// How the client gets its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    /// In the body; the client presents them as `Authorization: Bearer`.
    #[default]
    Bearer,
    /// As cookies that scripts cannot read.
    Cookie,
}

/// The credentials of a session. With the transport `cookie`, without the tokens themselves.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = Credentials)]
pub(super) struct CredentialsResponse {
    /// Mode `session`: `cfs_…`, presented as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_token: Option<String>,
    /// Modes `jwt` and `hybrid`: a JWT (RFC 9068), presented as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<String>,
    /// `Bearer`, if there is an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token_type: Option<&'static str>,
    /// The lifetime of the session token or the access token in seconds.
    expires_in: u64,
    /// Mode `hybrid`: `cfr_…`, to be exchanged for the next pair of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// The lifetime of the refresh token in seconds, if it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_expires_in: Option<u64>,
    /// The scope of the credentials, if they are limited to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
}

impl CredentialsResponse {
    /// The body for a client that gets its credentials by `transport`. With the transport `cookie` the tokens are
    /// in the cookies instead.
    ///
    /// # Errors
    ///
    /// [`CredentialTooLarge`] if browsers would not store a token as a cookie.
    pub(super) fn new(
        credentials: &[IssuedCredential],
        transport: Transport,
        cookies: SetCookies,
        now: Time,
    ) -> Result<(SetCookies, Self), CredentialTooLarge> {
        let body = Self::describe(credentials, transport, now);
        match transport {
            Transport::Bearer => Ok((cookies, body)),
            Transport::Cookie => Ok((cookies.set_all(credentials, now)?, body)),
        }
    }

    /// The body for a client that gets its credentials in the body.
    pub(super) fn bearer(credentials: &[IssuedCredential], now: Time) -> Self {
        Self::describe(credentials, Transport::Bearer, now)
    }

    fn describe(credentials: &[IssuedCredential], transport: Transport, now: Time) -> Self {
        let mut body = Self::default();
        for credential in credentials {
            let text = match transport {
                Transport::Bearer => Some(credential.text.clone()),
                Transport::Cookie => None,
            };
            let lifetime = credential.lifetime(now).as_secs();
            match credential.kind {
                CookieKind::Session => (body.session_token, body.expires_in) = (text, lifetime),
                CookieKind::Access => {
                    (body.access_token, body.expires_in) = (text, lifetime);
                    body.token_type = Some("Bearer");
                }
                CookieKind::Refresh => {
                    (body.refresh_token, body.refresh_expires_in) = (text, Some(lifetime));
                }
            }
        }
        body
    }

    pub(super) fn with_scope(self, scope: Option<String>) -> Self {
        Self { scope, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::settings::cookie_options::CookieOptions;

    use super::*;

    #[test]
    fn a_token_in_a_cookie_is_not_in_the_body() {
        let now = Time::from_unix_seconds(1_764_000_000);
        let expires_at = Time::from_unix_seconds(1_764_000_060);
        let text = "cfs_secret".to_owned();
        let credentials = [IssuedCredential { kind: CookieKind::Session, text, expires_at }];
        let cookies = CookieOptions::new().for_issuer(&"https://shop.example".parse().unwrap()).unwrap();
        let new = |transport| {
            let cookies = SetCookies::new(&Arc::new(cookies.clone()));
            CredentialsResponse::new(&credentials, transport, cookies, now).unwrap()
        };

        let (cookies, body) = new(Transport::Cookie);
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"expires_in":60}"#);
        assert_eq!(cookies.lines().count(), 1);
        let (cookies, body) = new(Transport::Bearer);
        assert!(serde_json::to_string(&body).unwrap().contains("cfs_secret"));
        assert_eq!(cookies.lines().count(), 0);
    }
}
