//! What reads of a store take and return.

use std::net::IpAddr;
use std::ops::AddAssign;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{Mode, Session};

/// A page of the revocation log, from one snapshot.
#[derive(Debug, Clone, Default)]
pub struct RevocationLogPage {
    /// The entries, in order.
    pub entries: Vec<RevocationEntry>,
    /// The position after which the next page starts. `None`: no entry follows up to `head`.
    pub next: Option<RevocationPosition>,
    /// The head of the log. The entries up to here are known only when the last page has been read.
    pub head: RevocationPosition,
}

impl RevocationLogPage {
    /// The position up to which every entry is known after this page and all pages before it.
    ///
    /// A verifier that published `head` with any page but the last would accept credentials whose revocation
    /// is on a later page.
    pub fn complete_up_to(&self) -> RevocationPosition {
        self.next.unwrap_or(self.head)
    }
}

/// The data of an application for a session: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionData {
    /// The object.
    pub members: serde_json::Map<String, serde_json::Value>,
    /// The number of changes. The first merge makes it 1.
    pub revision: u64,
}

/// The name that a user logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// A username in its form for look-up.
    Username(String),
    /// An e-mail address in its canonical form. It finds only users who have verified it.
    Email(String),
}

impl LoginName {
    /// The text that is looked up.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Username(text) | Self::Email(text) => text,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<C> {
    /// The row after which it starts. `None`: the first row.
    pub after: Option<C>,
    /// The largest number of rows.
    pub limit: u32,
}

/// What one read of a filtered list has found. A read visits a bounded number of rows, so that it is never long, however few
/// of them match.
#[derive(Debug, Clone)]
pub struct Scan<T, C> {
    /// The rows that match, at most as many as requested.
    pub rows: Vec<T>,
    /// The row that was visited last, after which the next read continues. `None`: no row follows.
    pub next: Option<C>,
}

/// How many records a portion of a table has. A portion is bounded, so that no read is long, however many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortionCount<T, C> {
    /// The count.
    pub count: T,
    /// The record after which the next portion starts. `None`: this one was the last.
    pub next: Option<C>,
}

/// Active sessions by mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionsByMode {
    /// Those with a session token.
    pub session: u64,
    /// Those with an access token.
    pub jwt: u64,
    /// Those with a refresh token.
    pub hybrid: u64,
}

impl SessionsByMode {
    /// Counts a session of this mode.
    pub const fn add(&mut self, mode: Mode) {
        match mode {
            Mode::Session => self.session += 1,
            Mode::Jwt => self.jwt += 1,
            Mode::Hybrid => self.hybrid += 1,
        }
    }
}

impl AddAssign for SessionsByMode {
    fn add_assign(&mut self, other: Self) {
        self.session += other.session;
        self.jwt += other.jwt;
        self.hybrid += other.hybrid;
    }
}

/// Which live sessions to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionQuery {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those that were last used from this IP address.
    pub ip: Option<IpAddr>,
    /// Only those in this mode.
    pub mode: Option<Mode>,
}

impl SessionQuery {
    /// Whether a session matches. A back end may select by the user alone and ask this for each row.
    pub fn matches(&self, session: &Session) -> bool {
        self.user.is_none_or(|user| session.user == user)
            && self.ip.is_none_or(|ip| session.client_info.ip == Some(ip))
            && self.mode.is_none_or(|mode| session.mode() == mode)
    }
}

/// A position in a list of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCursor {
    /// When the session was created.
    pub authenticated_at: Time,
    /// The id, for sessions that were created at the same time.
    pub id: SessionId,
}

/// A position in a list of admin keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminKeyCursor {
    /// When the key was created.
    pub created_at: Time,
    /// The id, for keys that were created at the same time.
    pub id: AdminKeyId,
}

/// A position in a list of verifier keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierKeyCursor {
    /// When the key was created.
    pub created_at: Time,
    /// The id, for keys that were created at the same time.
    pub id: VerifierKeyId,
}

/// The number of an audit event.
pub type AuditEventNumber = u64;

/// Which audit events to read. Every condition that is present must be met.
#[derive(Debug, Clone, Default)]
pub struct AuditEventQuery {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those of these kinds. Empty: of all kinds.
    pub kinds: Vec<AuditEventKind>,
    /// Only those at this time or later.
    pub from: Option<Time>,
    /// Only those before this time.
    pub until: Option<Time>,
    /// Only those that this actor caused.
    pub actor: Option<Actor>,
    /// Only those of requests from this IP address.
    pub ip: Option<IpAddr>,
    /// Only those that revoked everything of a client or of everyone.
    pub cutoffs_only: bool,
    /// Only those before this number.
    pub before: Option<AuditEventNumber>,
    /// Only those after this number, the oldest first. `None`: the newest first.
    pub after: Option<AuditEventNumber>,
    /// The largest number of events.
    pub limit: u32,
    /// The user who reads their own events. `None`: an administrator.
    pub reader: Option<UserId>,
}

impl AuditEventQuery {
    /// Whether it has a condition for which there is no index, so that a read visits events that do not match.
    pub fn is_filtered(&self) -> bool {
        !self.kinds.is_empty()
            || self.from.is_some()
            || self.until.is_some()
            || self.actor.is_some()
            || self.ip.is_some()
    }

    /// Whether an event matches by its actor and its address.
    pub fn matches_source(&self, event: &AuditEvent) -> bool {
        self.actor.as_ref().is_none_or(|actor| event.actor == *actor)
            && self.ip.is_none_or(|ip| event.client_info.ip == Some(ip))
    }

    /// Whether an event of this kind at this time matches, whatever its user and its session are.
    pub fn matches(&self, kind: AuditEventKind, at: Time) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.from.is_none_or(|from| from <= at)
            && self.until.is_none_or(|until| at < until)
    }

    /// Whether no event with a lower number than one of this kind at this time matches: all of them are too old.
    ///
    /// Events are recorded in the order of their times, but for failures, which may be counted for a day, and for expired
    /// sessions, which the next purge records. After the clock was set back, a list without `from` shows what was recorded
    /// before.
    pub fn ends_at(&self, kind: AuditEventKind, at: Time) -> bool {
        kind != AuditEventKind::SessionExpired && self.from.is_some_and(|from| at + MAX_DELAY < from)
    }
}

/// How much later than its time an event may be recorded: failures are counted for at most a day.
const MAX_DELAY: Duration = Duration::from_secs(25 * 60 * 60);
