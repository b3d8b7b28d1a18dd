//! A client application: which modes, audiences and scopes a login through it may have, and how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use counterfoil_verify::{ClientId, RevocationPosition};

use crate::model::session::Mode;

/// An application that people log in through. Clients are public ones (RFC 6749, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// The modes that a login may have.
    pub modes: Vec<Mode>,
    /// The audiences that its tokens may be for besides the issuer; `None`: any.
    pub audiences: Option<Vec<String>>,
    /// The scopes that it may ask for; `None`: any.
    pub scopes: Option<Vec<String>>,
    /// How long what it is given lives.
    pub lifetimes: Lifetimes,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// Everything that was given through it at or below this position of the log is dead.
    pub cutoff: RevocationPosition,
    /// Counts the changes.
    pub revision: u64,
}

impl Client {
    /// The client of a login that names none: it may use all modes and ask for any audience.
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

    /// Whether a login through it may have this mode.
    pub fn allows(&self, mode: Mode) -> bool {
        self.enabled && self.modes.contains(&mode)
    }

    /// Whether its tokens may be for `audience`.
    pub fn allows_audience(&self, audience: &str) -> bool {
        self.audiences.as_ref().is_none_or(|some| some.iter().any(|one| one == audience))
    }

    /// Whether it may ask for every one of the space-separated scopes in `scope`.
    pub fn allows_scope(&self, scope: &str) -> bool {
        let Some(some) = &self.scopes else { return true };
        scope.split(' ').all(|asked| some.iter().any(|one| one == asked))
    }
}

/// How long things live, in whole seconds; the defaults are those of the protocol.
///
/// NIST SP 800-63B-4 puts AAL1 sessions at 30 days at most, AAL2 at 24 hours with one hour of idling; the
/// defaults are AAL1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifetimes {
    /// How long a session token may lie unused.
    pub session_idle: u64,
    /// How long a session token lives at most.
    pub session_absolute: u64,
    /// How long the access token of mode `jwt` lives.
    pub jwt: u64,
    /// How long the hybrid's access token lives.
    pub access: u64,
    /// How long a refresh token may lie unused.
    pub refresh_idle: u64,
    /// How long a refresh family lives at most.
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

/// What is to be otherwise with lifetimes, in whole seconds; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifetimesChange {
    /// How long a session token may lie unused.
    pub session_idle: Option<u64>,
    /// How long a session token lives at most.
    pub session_absolute: Option<u64>,
    /// How long the access token of mode `jwt` lives.
    pub jwt: Option<u64>,
    /// How long the hybrid's access token lives.
    pub access: Option<u64>,
    /// How long a refresh token may lie unused.
    pub refresh_idle: Option<u64>,
    /// How long a refresh family lives at most.
    pub refresh_absolute: Option<u64>,
}

impl LifetimesChange {
    /// The lifetimes after the change.
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
    /// The longest that any of them may be: an access token lives for hours, no cookie for more than 400 days.
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

    /// What is wrong with them, if anything: the name of the field, and what it is to be. Each is at least a
    /// second and at most [`Lifetimes::CEILING`], and nothing lies unused for longer than it lives.
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
        let (name, _, most) = bounds.into_iter().find(|(_, value, most)| !(1..=*most).contains(value))?;
        Some((name, format!("is to be 1 to {most} seconds")))
    }

    /// The longest life of an access token under these settings: how long a revocation is remembered.
    pub fn max_access_lifetime(&self) -> Duration {
        Duration::from_secs(self.jwt.max(self.access))
    }
}
