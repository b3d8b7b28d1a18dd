//! Client applications: the modes, audiences, scopes and lifetimes that logins through them may have.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use counterfoil_verify::{ClientId, RevocationPosition};

use crate::model::session::Mode;

/// An application that users log in through: a public client (RFC 6749, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// The name for people.
    pub name: String,
    /// The modes that a login may have.
    pub modes: Vec<Mode>,
    /// The audiences that its tokens may have besides the issuer. `None`: any.
    pub audiences: Option<Vec<String>>,
    /// The scopes that it may request. `None`: any.
    pub scopes: Option<Vec<String>>,
    /// The lifetimes of its sessions and tokens.
    pub lifetimes: Lifetimes,
    /// Whether it may be used.
    pub enabled: bool,
    /// The revocation cutoff: everything issued through this client below this log position is revoked.
    pub cutoff: RevocationPosition,
    /// The number of changes.
    pub revision: u64,
}

impl Client {
    /// The client of logins that name none: it may use every mode and request any audience.
    pub fn default_client() -> Self {
        Self {
            id: ClientId::default(),
            name: "Default".into(),
            modes: vec![Mode::Session, Mode::Jwt, Mode::Hybrid],
            audiences: None,
            scopes: None,
            lifetimes: Lifetimes::default(),
            enabled: true,
            cutoff: RevocationPosition::START,
            revision: 0,
        }
    }

    /// Whether a login through this client may have this mode.
    pub fn allows(&self, mode: Mode) -> bool {
        self.enabled && self.modes.contains(&mode)
    }

    /// Whether its tokens may have this audience.
    pub fn allows_audience(&self, audience: &str) -> bool {
        self.audiences.as_ref().is_none_or(|some| some.iter().any(|one| one == audience))
    }

    /// Whether it may request all of the space-separated scopes in `scope`.
    pub fn allows_scope(&self, scope: &str) -> bool {
        let Some(some) = &self.scopes else { return true };
        scope.split(' ').all(|asked| some.iter().any(|one| one == asked))
    }
}

/// Lifetimes in whole seconds.
///
/// NIST SP 800-63B-4 limits AAL1 sessions to 30 days, and AAL2 sessions to 24 hours with one hour of
/// inactivity. The defaults meet AAL1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifetimes {
    /// The idle timeout of a session token.
    pub session_idle: u64,
    /// The absolute lifetime of a session token.
    pub session_absolute: u64,
    /// The lifetime of an access token of mode `jwt`.
    pub jwt: u64,
    /// The lifetime of an access token of mode `hybrid`.
    pub access: u64,
    /// The idle timeout of a refresh token.
    pub refresh_idle: u64,
    /// The absolute lifetime of a session with refresh tokens.
    pub refresh_absolute: u64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        Self {
            session_idle: 24 * HOUR,
            session_absolute: 30 * DAY,
            jwt: HOUR,
            access: 15 * MINUTE,
            refresh_idle: 7 * DAY,
            refresh_absolute: 90 * DAY,
        }
    }
}

/// A change of lifetimes, in whole seconds. `None` leaves a value as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifetimesChange {
    /// The idle timeout of a session token.
    pub session_idle: Option<u64>,
    /// The absolute lifetime of a session token.
    pub session_absolute: Option<u64>,
    /// The lifetime of an access token of mode `jwt`.
    pub jwt: Option<u64>,
    /// The lifetime of an access token of mode `hybrid`.
    pub access: Option<u64>,
    /// The idle timeout of a refresh token.
    pub refresh_idle: Option<u64>,
    /// The absolute lifetime of a session with refresh tokens.
    pub refresh_absolute: Option<u64>,
}

impl LifetimesChange {
    /// The lifetimes after this change.
    pub fn apply_to(self, previous: Lifetimes) -> Lifetimes {
        Lifetimes {
            session_idle: self.session_idle.unwrap_or(previous.session_idle),
            session_absolute: self.session_absolute.unwrap_or(previous.session_absolute),
            jwt: self.jwt.unwrap_or(previous.jwt),
            access: self.access.unwrap_or(previous.access),
            refresh_idle: self.refresh_idle.unwrap_or(previous.refresh_idle),
            refresh_absolute: self.refresh_absolute.unwrap_or(previous.refresh_absolute),
        }
    }
}

impl Lifetimes {
    /// The highest values: hours for an access token, and 400 days, the limit of browsers for cookies, for a
    /// session.
    pub const CEILING: Self = {
        const HOUR: u64 = 60 * 60;
        const MAX_COOKIE_AGE: u64 = 400 * 24 * HOUR;
        Self {
            session_idle: MAX_COOKIE_AGE,
            session_absolute: MAX_COOKIE_AGE,
            jwt: 24 * HOUR,
            access: HOUR,
            refresh_idle: MAX_COOKIE_AGE,
            refresh_absolute: MAX_COOKIE_AGE,
        }
    };

    /// The first lifetime that is not valid: the name of the field and what is wrong with it. Each must be at
    /// least one second and at most [`Lifetimes::CEILING`], and an idle timeout must not exceed the absolute
    /// lifetime.
    ///
    /// ```
    /// use counterfoil_core::model::client::Lifetimes;
    ///
    /// assert!(Lifetimes::default().validate().is_none());
    /// let careless = Lifetimes { jwt: 7 * 86_400, ..Lifetimes::default() };
    /// assert_eq!(careless.validate().unwrap().0, "jwt");
    /// ```
    pub fn validate(&self) -> Option<(&'static str, String)> {
        let ceiling = Self::CEILING;
        let bounds = [
            ("session_absolute", self.session_absolute, ceiling.session_absolute),
            ("session_idle", self.session_idle, self.session_absolute),
            ("jwt", self.jwt, ceiling.jwt),
            ("access", self.access, ceiling.access),
            ("refresh_absolute", self.refresh_absolute, ceiling.refresh_absolute),
            ("refresh_idle", self.refresh_idle, self.refresh_absolute),
        ];
        let (name, _, max) = bounds.into_iter().find(|(_, value, max)| !(1..=*max).contains(value))?;
        Some((name, format!("must be 1 to {max} seconds")))
    }

    /// The longest lifetime of an access token. Revocations are remembered for that long.
    pub fn max_access_lifetime(&self) -> Duration {
        Duration::from_secs(self.jwt.max(self.access))
    }
}
