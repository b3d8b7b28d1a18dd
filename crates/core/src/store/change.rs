//! The changes and expectations that a commit consists of.

use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, RevocationLogId, RevocationPosition, RevocationSubject, SessionId, UserId,
};

use crate::credentials::admin_key::AdminKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::key::KeyRecord;
use crate::model::session::{EndReason, Session, SessionEnd};
use crate::model::user::User;
use crate::store::counter::{CounterKey, CounterValue};

/// A change or an expectation. A commit takes a list of them.
#[derive(Debug, Clone)]
pub enum Change {
    /// Expects that the user has this epoch.
    ExpectEpoch(UserId, u64),
    /// Expects that the client has this revision.
    ExpectClient(ClientId, u64),
    /// Expects that the session is active at this time.
    ExpectActive(SessionId, Time),
    /// Expects that the admin key exists.
    ExpectAdminKey(AdminKeyId),
    /// Inserts a user. Conflict: the id or the folded name exists.
    InsertUser(Box<User>),
    /// Replaces a user. Conflict: the revision is not the next one.
    ReplaceUser(Box<User>),
    /// Removes a user with their sessions, the data of the sessions, and the admin keys that they created.
    /// Conflict: the user does not exist.
    ///
    /// It appends no revocation; the same commit must contain the changes that revoke the user's tokens.
    RemoveUser(UserId),
    /// Inserts a session. Conflict: the id exists, or the user or the client does not exist.
    InsertSession(Box<Session>),
    /// Replaces a session. Conflict: the revision is not the next one, the session has ended, or the user,
    /// the client, `authenticated_at` or `amr` differs.
    ReplaceSession(Box<Session>),
    /// Ends a session and appends its revocation, if it has not ended yet.
    EndSession(SessionId, SessionEnding),
    /// Ends all sessions of a user that have not ended yet, except `except`, and appends a revocation for
    /// each.
    EndSessionsOf {
        /// The user.
        user: UserId,
        /// The session that stays.
        except: Option<SessionId>,
        /// How they end.
        ending: SessionEnding,
    },
    /// Ends the active sessions of a user, except `except` and the `keep` newest of the others, and appends a
    /// revocation for each.
    EndOldestSessionsOf {
        /// The user.
        user: UserId,
        /// The session that always stays: the login that this commit is about.
        except: SessionId,
        /// The number of other sessions that stay.
        keep: u32,
        /// How they end. Its time decides which sessions are active.
        ending: SessionEnding,
    },
    /// Sets the `pos` of a session to the last position of this commit, or to the head. Conflict: the session
    /// has ended or is below a cutoff, since nothing may undo a revocation.
    ///
    /// It raises the revision, so that a writer with the former revision cannot restore the former `pos`.
    RefreshPosition(SessionId),
    /// The same for all sessions of a user that have not ended and are not below a cutoff.
    RefreshPositionsOf(UserId),
    /// The same for all cookie sessions that have not ended and are not below a cutoff.
    RefreshCookiePositions,
    /// Merges a patch into the data of a session, member by member (RFC 7396), in one statement.
    ///
    /// Conflict: the session is not active at `now`, the data has another revision than `expected_revision`,
    /// or the result would have more than `max_bytes` bytes.
    MergeData {
        /// The session.
        session: SessionId,
        /// The patch, an object.
        patch: serde_json::Map<String, serde_json::Value>,
        /// The revision that the client has read (`If-Match`). 0 means no data.
        expected_revision: Option<u64>,
        /// The limit for the result in bytes.
        max_bytes: usize,
        /// The current time.
        now: Time,
    },
    /// Inserts a client. Conflict: the id exists.
    InsertClient(Box<Client>),
    /// Replaces a client. Conflict: the revision is not the next one.
    ReplaceClient(Box<Client>),
    /// Inserts a key. Conflict: the id exists.
    InsertKey(Box<KeyRecord>),
    /// Replaces a key. Conflict: the revision is not the next one.
    ReplaceKey(Box<KeyRecord>),
    /// Appends an entry to the revocation log.
    AppendRevocation {
        /// What is revoked.
        subject: RevocationSubject,
        /// The reason.
        reason: EndReason,
        /// The time, which is a lower bound of the position in Unix milliseconds.
        at: Time,
        /// How long it must be remembered. `None`: for ever (keys).
        remember_until: Option<Time>,
    },
    /// Starts another revocation log with this id. All positions from this commit on are above `after`.
    /// Existing entries stay.
    ///
    /// Used after a restore from a backup: verifiers that followed the former log must detect that it has
    /// ended.
    StartRevocationLog {
        /// The id.
        id: RevocationLogId,
        /// A position that is at or above all positions of the former log.
        after: RevocationPosition,
    },
    /// Sets a revocation cutoff to the last position of this commit: everything issued so far to a user,
    /// through a client or to anyone stays revoked after the log has been purged. A cutoff never falls,
    /// whatever is replaced.
    SetCutoff(CutoffScope),
    /// Sets a value of the installation's metadata.
    SetMetadata(&'static str, Vec<u8>),
    /// Sets a durable counter and the end of its window.
    SetCounter(CounterKey, CounterValue),
    /// Records an audit event.
    RecordEvent(Box<AuditEvent>),
    /// Records this audit event for each session that this commit has ended since its previous
    /// `RecordSessionEnds`, with that session, its user and its client filled in.
    RecordSessionEnds(Box<AuditEvent>),
    /// Inserts an admin key. Conflict: the id exists, or the user who created it does not exist.
    InsertAdminKey(Box<AdminKeyRecord>),
    /// Removes an admin key. Conflict: it does not exist.
    RemoveAdminKey(AdminKeyId),
    /// Removes all admin keys that a user created, and records this audit event for each, with the id of the
    /// key as its detail.
    RemoveAdminKeysOf(UserId, Box<AuditEvent>),
}

/// The time at which a session was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSeen {
    /// The session.
    pub session: SessionId,
    /// The time.
    pub at: Time,
}

/// How a session ends: when, why, and how long verifiers must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnding {
    /// When and why.
    pub end: SessionEnd,
    /// When its last access token has expired for every verifier.
    pub remember_until: Time,
}

/// Whose revocation cutoff is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutoffScope {
    /// The cutoff of a user.
    User(UserId),
    /// The cutoff of a client.
    Client(ClientId),
    /// The global cutoff.
    Everyone,
}
