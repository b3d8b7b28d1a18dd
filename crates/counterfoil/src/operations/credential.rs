//! The credentials that an operation issues, as text for the client.

use std::fmt;
use std::time::Duration;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::Session;
use counterfoil_core::services::issuer::{IssuedAccessToken, TokenPair};
use counterfoil_jose::Time;

use crate::settings::cookie_options::CookieKind;

/// One credential for the client.
pub(crate) struct IssuedCredential {
    /// What it is.
    pub(crate) kind: CookieKind,
    /// The credential itself.
    pub(crate) text: String,
    /// When it expires, unless it is refreshed.
    pub(crate) expires_at: Time,
}

impl IssuedCredential {
    /// The credential of mode `session`.
    pub(crate) fn from_session_token(token: &SessionToken, session: &Session) -> Vec<Self> {
        vec![Self { kind: CookieKind::Session, text: token.to_string(), expires_at: session.expires_at }]
    }

    /// The credential of mode `jwt`.
    pub(crate) fn from_access_token(access: &IssuedAccessToken) -> Vec<Self> {
        vec![Self { kind: CookieKind::Access, text: access.token.to_string(), expires_at: access.expires_at }]
    }

    /// The credentials of mode `hybrid`.
    pub(crate) fn from_token_pair(pair: &TokenPair) -> Vec<Self> {
        let refresh = Self {
            kind: CookieKind::Refresh,
            text: pair.refresh.to_string(),
            expires_at: pair.refresh_expires_at,
        };
        Self::from_access_token(&pair.access).into_iter().chain([refresh]).collect()
    }

    /// How long it lives: the difference of whole Unix seconds. A lifetime of an hour is 3600 s, whatever the
    /// milliseconds.
    pub(crate) fn lifetime(&self, now: Time) -> Duration {
        Duration::from_secs(self.expires_at.unix_seconds().saturating_sub(now.unix_seconds()))
    }
}

impl fmt::Debug for IssuedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedCredential").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_of_an_hour_is_3600_seconds_whatever_the_milliseconds() {
        let credential =
            |expires_at| IssuedCredential { kind: CookieKind::Session, text: String::new(), expires_at };
        let now = Time::from_unix_ms(1_764_000_000_999);

        let hour = credential(Time::from_unix_seconds(1_764_003_600)).lifetime(now);
        assert_eq!(hour, Duration::from_secs(3600));
        assert_eq!(credential(Time::from_unix_seconds(1)).lifetime(now), Duration::ZERO);
    }

    #[test]
    fn debug_output_hides_the_credential() {
        let credential = IssuedCredential {
            kind: CookieKind::Session,
            text: "cfs_hunter2".into(),
            expires_at: Time::from_unix_seconds(1),
        };
        assert!(!format!("{credential:?}").contains("hunter2"));
    }
}
