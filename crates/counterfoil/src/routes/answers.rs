//! What routes answer with: the shapes of http-api, and how long things live in whole seconds.

use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::issuer::{IssuedAccessToken, TokenPair};
use counterfoil_jose::Time;

use crate::http::set_cookie::{Kind, SetCookies, TooLarge};

/// A user, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserView {
    /// Immutable, never reassigned: the `sub` of their tokens.
    id: String,
    username: String,
    /// As claimed, or null.
    email: Option<String>,
    /// Whether the address was proved to be theirs.
    email_verified: bool,
    roles: Vec<String>,
    /// Unix seconds.
    created_at: u64,
}

impl UserView {
    pub(super) fn of(user: &User) -> Self {
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

/// One login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    /// The `sid` of its tokens.
    id: String,
    #[schema(value_type = ModeName)]
    mode: Mode,
    /// Unix seconds.
    created_at: u64,
    /// Unix seconds: when it ends however much it is used. It ends earlier if it lies unused.
    expires_at: u64,
}

impl SessionView {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            mode: session.mode(),
            created_at: session.authenticated_at.unix_seconds(),
            expires_at: session.expires_at.unix_seconds(),
        }
    }
}

/// How a login is carried: an opaque session token, a JWT, or a short JWT with a refresh token.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "lowercase")]
#[expect(dead_code, reason = "the schema of the engine's `Mode`, which knows no OpenAPI")]
pub(super) enum ModeName {
    Session,
    Jwt,
    Hybrid,
}

/// What the client carries away. Of a login that is carried as cookies, the same without the secrets.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct Credentials {
    /// Mode `session`: `cfs_…`, shown as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    /// Modes `jwt` and `hybrid`: a JWT (RFC 9068), shown as `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// `Bearer`, beside an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Seconds that the session token or the access token lives at most.
    expires_in: u64,
    /// Mode `hybrid`: `cfr_…`, for the next pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds that the refresh token lives if it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
    /// The scope of the access token, where it is limited to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// How the client's half travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Carrier {
    /// In the body of the answer.
    #[default]
    Body,
    /// As cookies that no script can read.
    Cookie,
}

impl Credentials {
    /// Of a session token, and the cookie that carries it.
    pub(super) fn of_session(token: &SessionToken, session: &Session, now: Time) -> Self {
        Self {
            session_token: Some(token.to_string()),
            expires_in: seconds_until(session.expires_at, now),
            ..Self::default()
        }
    }

    /// Of an access token alone.
    pub(super) fn of_access(access: &IssuedAccessToken, now: Time) -> Self {
        Self {
            access_token: Some(access.token.to_string()),
            token_type: Some("Bearer"),
            expires_in: seconds_until(access.expires_at, now),
            ..Self::default()
        }
    }

    /// Of a pair.
    pub(super) fn of_pair(pair: &TokenPair, now: Time) -> Self {
        Self {
            refresh_token: Some(pair.refresh.to_string()),
            refresh_expires_in: Some(seconds_until(pair.refresh_expires_at, now)),
            ..Self::of_access(&pair.access, now)
        }
    }

    /// The same, limited to this scope.
    pub(super) fn scoped(self, scope: Option<String>) -> Self {
        Self { scope, ..self }
    }

    /// Moves the secrets into cookies where that is how they travel.
    ///
    /// # Errors
    ///
    /// If one of them is too large for a cookie.
    pub(super) fn carried(
        mut self,
        carrier: Carrier,
        cookies: SetCookies,
    ) -> Result<(SetCookies, Self), TooLarge> {
        if carrier == Carrier::Body {
            return Ok((cookies, self));
        }
        let life = std::time::Duration::from_secs;
        let secrets = [
            (Kind::Session, self.session_token.take(), self.expires_in),
            (Kind::Access, self.access_token.take(), self.expires_in),
            (Kind::Refresh, self.refresh_token.take(), self.refresh_expires_in.unwrap_or_default()),
        ];
        let cookies =
            secrets.into_iter().try_fold(cookies, |cookies, (kind, secret, seconds)| match secret {
                Some(secret) => cookies.set(kind, &secret, life(seconds)),
                None => Ok(cookies),
            })?;
        Ok((cookies, self))
    }
}

/// Whole seconds on the clock of the answer: an hour is 3600, whatever the milliseconds.
fn seconds_until(end: Time, now: Time) -> u64 {
    end.unix_seconds().saturating_sub(now.unix_seconds())
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::{CookieNames, SessionId};

    use super::*;

    #[test]
    fn an_hour_is_an_hour_whatever_the_milliseconds() {
        let now = Time::from_unix_ms(1_764_000_000_999);
        assert_eq!(seconds_until(Time::from_unix_seconds(1_764_003_600), now), 3600);
        assert_eq!(seconds_until(Time::from_unix_seconds(1), now), 0);
    }

    #[test]
    fn what_travels_as_a_cookie_is_not_in_the_body() {
        let token = SessionToken::generate(SessionId::from_bytes([1; 16])).unwrap();
        let credentials =
            Credentials { session_token: Some(token.to_string()), expires_in: 60, ..Default::default() };

        let none = SetCookies::none(CookieNames::secure());
        let (_, body) = credentials.carried(Carrier::Cookie, none).unwrap();

        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"expires_in":60}"#);
    }
}
