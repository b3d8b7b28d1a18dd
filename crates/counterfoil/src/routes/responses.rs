//! The JSON of users, sessions and credentials in responses.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::issuer::{IssuedAccessToken, TokenPair};
use counterfoil_jose::Time;

use crate::http::set_cookie::{CookieKind, CredentialTooLarge, SetCookies};

/// The authenticated user's own record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserResponse {
    /// The `sub` of the user's tokens. Never changed and never reassigned.
    id: String,
    username: String,
    /// As given by the user, or null.
    email: Option<String>,
    /// Whether the user has proved that the address is theirs.
    email_verified: bool,
    roles: Vec<String>,
    /// Unix seconds.
    created_at: u64,
}

impl From<&User> for UserResponse {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            roles: user.roles.clone(),
            created_at: user.created_at.unix_seconds(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionResponse {
    /// The `sid` of the session's tokens.
    id: String,
    #[schema(value_type = ModeSchema)]
    mode: Mode,
    /// Unix seconds.
    created_at: u64,
    /// Unix seconds: the absolute expiry. An idle session expires earlier.
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

/// The credential of a session: an opaque session token, a JWT, or a short-lived JWT with a refresh token.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "lowercase")]
#[expect(dead_code, reason = "the OpenAPI schema of `Mode`, whose crate does not use utoipa")]
pub(super) enum ModeSchema {
    Session,
    Jwt,
    Hybrid,
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
    session_token: Option<String>,
    /// Modes `jwt` and `hybrid`: a JWT (RFC 9068), presented as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// `Bearer`, if there is an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The lifetime of the session token or the access token in seconds.
    expires_in: u64,
    /// Mode `hybrid`: `cfr_…`, to be exchanged for the next pair of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The lifetime of the refresh token in seconds, if it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
    /// The scope of the credentials, if they are limited to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl CredentialsResponse {
    pub(super) fn from_session_token(token: &SessionToken, session: &Session, now: Time) -> Self {
        Self {
            session_token: Some(token.to_string()),
            expires_in: seconds_until(session.expires_at, now),
            ..Self::default()
        }
    }

    pub(super) fn from_access_token(access: &IssuedAccessToken, now: Time) -> Self {
        Self {
            access_token: Some(access.token.to_string()),
            token_type: Some("Bearer"),
            expires_in: seconds_until(access.expires_at, now),
            ..Self::default()
        }
    }

    pub(super) fn from_token_pair(pair: &TokenPair, now: Time) -> Self {
        Self {
            refresh_token: Some(pair.refresh.to_string()),
            refresh_expires_in: Some(seconds_until(pair.refresh_expires_at, now)),
            ..Self::from_access_token(&pair.access, now)
        }
    }

    pub(super) fn with_scope(self, scope: Option<String>) -> Self {
        Self { scope, ..self }
    }

    /// Moves the tokens from the body to `cookies` if the transport is `cookie`.
    ///
    /// # Errors
    ///
    /// [`CredentialTooLarge`] if browsers would not store a token as a cookie.
    pub(super) fn with_transport(
        mut self,
        transport: Transport,
        cookies: SetCookies,
    ) -> Result<(SetCookies, Self), CredentialTooLarge> {
        match transport {
            Transport::Bearer => return Ok((cookies, self)),
            Transport::Cookie => {}
        }
        let tokens = [
            (CookieKind::Session, self.session_token.take(), self.expires_in),
            (CookieKind::Access, self.access_token.take(), self.expires_in),
            (CookieKind::Refresh, self.refresh_token.take(), self.refresh_expires_in.unwrap_or_default()),
        ];
        let cookies =
            tokens.into_iter().try_fold(cookies, |cookies, (kind, token, seconds)| match token {
                Some(token) => cookies.set(kind, &token, Duration::from_secs(seconds)),
                None => Ok(cookies),
            })?;
        Ok((cookies, self))
    }
}

/// The difference of whole Unix seconds: a lifetime of an hour is 3600, whatever the milliseconds.
fn seconds_until(end: Time, now: Time) -> u64 {
    end.unix_seconds().saturating_sub(now.unix_seconds())
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::{CookieNames, SessionId};

    use super::*;

    #[test]
    fn a_lifetime_of_an_hour_is_3600_seconds_whatever_the_milliseconds() {
        let now = Time::from_unix_ms(1_764_000_000_999);
        assert_eq!(seconds_until(Time::from_unix_seconds(1_764_003_600), now), 3600);
        assert_eq!(seconds_until(Time::from_unix_seconds(1), now), 0);
    }

    #[test]
    fn a_token_in_a_cookie_is_not_in_the_body() {
        let token = SessionToken::generate(SessionId::from_bytes([1; 16])).unwrap();
        let credentials = CredentialsResponse {
            session_token: Some(token.to_string()),
            expires_in: 60,
            ..Default::default()
        };

        let cookies = SetCookies::new(CookieNames::secure());
        let (_, body) = credentials.with_transport(Transport::Cookie, cookies).unwrap();

        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"expires_in":60}"#);
    }
}
