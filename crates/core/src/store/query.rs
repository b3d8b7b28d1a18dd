//! What reads of a store take and return.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;

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

/// Which audit events to read.
#[derive(Debug, Clone, Default)]
pub struct AuditEventQuery {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Only those that revoked everything of a client or of everyone.
    pub cutoffs_only: bool,
    /// Only those before this number.
    pub before: Option<AuditEventNumber>,
    /// The largest number of events.
    pub limit: u32,
}
