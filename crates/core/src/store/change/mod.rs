//! The changes that a transaction consists of, grouped by what they change.

mod constructors;
mod newest_time;

use std::borrow::Cow;
use std::num::NonZeroU64;

use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, RevocationLogId, RevocationPosition, RevocationSubject, SessionId, UserId,
};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::key::KeyRecord;
use crate::model::session::{EndReason, Session, SessionEnd};
use crate::model::status_index::StatusIndex;
use crate::model::user::User;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::counter::{CounterKey, CounterValue};
use crate::store::job_lock::JobLockOp;

/// The most sessions that one change ends. What one user has stored must not make a transaction so long that the others
/// wait for it: ending a session takes about 50 µs.
pub const MAX_ENDED_PER_COMMIT: u32 = 256;

/// A change of the records. The functions of this type, such as [`Change::insert_user`], make one.
#[derive(Debug, Clone)]
pub enum Change {
    /// Changes a user.
    User(UserOp),
    /// Changes sessions or their data.
    Session(SessionOp),
    /// Changes a client.
    Client(ClientOp),
    /// Changes a key of the installation.
    Key(KeyOp),
    /// Changes admin keys.
    AdminKey(AdminKeyOp),
    /// Changes verifier keys.
    VerifierKey(VerifierKeyOp),
    /// Changes the revocation log or a cutoff.
    Log(LogOp),
    /// Adds to the audit log.
    Audit(AuditOp),
    /// Sets a value of the installation's metadata, or removes it.
    Metadata(Cow<'static, str>, Option<Vec<u8>>),
    /// Sets a durable counter and the end of its window.
    Counter(CounterKey, CounterValue),
    /// Takes or releases the lock of a job.
    JobLock(JobLockOp),
}

/// A change of a user.
#[derive(Debug, Clone)]
pub enum UserOp {
    /// Inserts a user. Conflict: the id or the folded name exists.
    Insert(Box<User>),
    /// Replaces a user. Conflict: the revision is not the next one.
    Replace(Box<User>),
    /// Removes a user with their sessions, the data of the sessions, and the admin keys that they created. No read finds
    /// any of them after this commit. Their rows are deleted later, in portions: [`Store::purge`](crate::Store::purge).
    /// Conflict: the user does not exist.
    ///
    /// It appends no revocation; the same commit must contain the changes that revoke the user's tokens.
    Remove(UserId),
}

/// A change of sessions or of the data of a session.
#[derive(Debug, Clone)]
pub enum SessionOp {
    /// Inserts a session. Conflict: the id exists, or the user or the client does not exist.
    Insert(Box<Session>),
    /// Replaces a session. Conflict: the revision is not the next one, the session has ended, or the user,
    /// the client, `authenticated_at`, `amr` or the status index differs.
    Replace(Box<Session>),
    /// Ends sessions that have not ended yet, at most [`MAX_ENDED_PER_COMMIT`], and appends a revocation for each.
    End(SessionsToEnd, SessionEnding),
    /// Sets the `pos` of sessions to the last position of this commit, or to the head. Sessions that have
    /// ended or are below a cutoff are left out, since nothing may undo a revocation. A cutoff of the same
    /// commit does not leave them out. Conflict: [`SessionsToRefresh::One`] is left out.
    ///
    /// It raises the revision, so that a writer with the former revision cannot restore the former `pos`.
    RefreshPosition(SessionsToRefresh),
    /// Gives a session an index in the status lists if it has none: one that was freed long enough ago, else a new one.
    /// [`AppliedChanges::status_index`] is the index of the session. Conflict: the session does not exist, or
    /// [`StatusIndexRequest::replaces`] is not its index.
    ///
    /// It does not change the revision. An index is freed when it is replaced, and when the row of its session is deleted.
    ///
    /// [`AppliedChanges::status_index`]: crate::store::AppliedChanges::status_index
    AssignStatusIndex(StatusIndexRequest),
    /// Merges a patch into the data of a session, member by member (RFC 7396), in one statement.
    ///
    /// Conflict: the session is not active at `now`, the data has another revision than `expected_revision`,
    /// or the result would exceed a limit.
    MergeData(SessionDataPatch),
}

/// Which sessions end. Sessions that have ended before are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToEnd {
    /// This session.
    One(SessionId),
    /// All sessions of a user.
    ///
    /// If they are too many for one commit, it raises the cutoff of the user above the others and the position of
    /// `except` with it, so that all of them are invalid at once. [`AppliedChanges::pending_ends`] says which sessions
    /// remain to be marked, and [`Store::pending_session_ends`] does so until that is done.
    ///
    /// [`AppliedChanges::pending_ends`]: crate::store::AppliedChanges::pending_ends
    /// [`Store::pending_session_ends`]: crate::Store::pending_session_ends
    AllOf {
        /// The user.
        user: UserId,
        /// The session that stays.
        except: Option<SessionId>,
    },
    /// Sessions of a user below a position that a cutoff has revoked before: [`PendingSessionEnd`]. If fewer than
    /// [`MAX_ENDED_PER_COMMIT`] end, none is pending any more.
    ///
    /// [`PendingSessionEnd`]: crate::store::PendingSessionEnd
    Below {
        /// The user.
        user: UserId,
        /// The cutoff.
        position: RevocationPosition,
    },
    /// The active sessions of a user above a limit. The time of the ending decides which sessions are active. If the
    /// limit was lowered, one commit may leave sessions above it for the next.
    OldestOf {
        /// The user.
        user: UserId,
        /// The session that always stays: the login that this commit is about.
        except: SessionId,
        /// The number of other sessions that stay: the newest ones.
        keep: u32,
    },
}

/// Which sessions get a new position in the revocation log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToRefresh {
    /// This session.
    One(SessionId),
    /// All sessions of a user.
    AllOf(UserId),
    /// All cookie sessions of all users.
    Cookies,
}

/// A patch to the data of a session, and the conditions for it.
#[derive(Debug, Clone)]
pub struct SessionDataPatch {
    /// The session.
    pub session: SessionId,
    /// The patch, an object.
    pub patch: serde_json::Map<String, serde_json::Value>,
    /// The revision that the client has read (`If-Match`). 0 means no data.
    pub expected_revision: Option<u64>,
    /// The limit for the result in bytes.
    pub max_bytes: usize,
    /// The limit for the data of all sessions of the user that have not ended, in bytes. It applies only to a result that is
    /// longer than the data before and than 1 KiB, so that every session can store a little. `None`: no limit.
    pub max_bytes_of_user: Option<NonZeroU64>,
    /// The current time.
    pub now: Time,
}

/// A request for an index in the status lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusIndexRequest {
    /// The session.
    pub session: SessionId,
    /// The index of the session that is replaced by another one, because the tokens that name it are revoked and the session
    /// stays. The same commit contains the revocation with this index.
    pub replaces: Option<StatusIndex>,
    /// The current time.
    pub now: Time,
    /// An index that was freed at this time or later is not assigned yet: a revocation of its last session may still be
    /// published.
    pub freed_before: Time,
}

/// A change of a client.
#[derive(Debug, Clone)]
pub enum ClientOp {
    /// Inserts a client. Conflict: the id exists.
    Insert(Box<Client>),
    /// Replaces a client. Conflict: the revision is not the next one.
    Replace(Box<Client>),
}

/// A change of a key of the installation.
#[derive(Debug, Clone)]
pub enum KeyOp {
    /// Inserts a key. Conflict: the id exists.
    Insert(Box<KeyRecord>),
    /// Replaces a key. Conflict: the revision is not the next one.
    Replace(Box<KeyRecord>),
}

/// A change of admin keys.
#[derive(Debug, Clone)]
pub enum AdminKeyOp {
    /// Inserts an admin key. Conflict: the id exists, or the user who created it does not exist.
    Insert(Box<AdminKeyRecord>),
    /// Removes an admin key. Conflict: it does not exist.
    Remove(AdminKeyId),
    /// Removes all admin keys that a user created, and records this audit event for each, with the id of the
    /// key as its detail.
    RemoveAllOf(UserId, Box<AuditEvent>),
}

/// A change of verifier keys.
#[derive(Debug, Clone)]
pub enum VerifierKeyOp {
    /// Inserts a verifier key. Conflict: the id exists.
    Insert(Box<VerifierKeyRecord>),
    /// Removes a verifier key. Conflict: it does not exist.
    Remove(VerifierKeyId),
}

/// A change of the revocation log or of a cutoff.
#[derive(Debug, Clone)]
pub enum LogOp {
    /// Appends an entry.
    Append(NewRevocation),
    /// Starts another revocation log with this id. All positions from this commit on are above `after`.
    /// Existing entries stay.
    ///
    /// Used after a restore from a backup: verifiers that followed the former log must detect that it has
    /// ended.
    Start {
        /// The id.
        id: RevocationLogId,
        /// A position that is at or above all positions of the former log.
        after: RevocationPosition,
    },
    /// Sets a revocation cutoff to the last position of this commit: everything issued so far to a user,
    /// through a client or to anyone stays revoked after the log has been purged. A cutoff never falls,
    /// whatever is replaced. Conflict: the user or the client does not exist.
    SetCutoff(CutoffScope),
}

/// An entry of the revocation log that has no position yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevocation {
    /// What is revoked.
    pub subject: RevocationSubject,
    /// The reason.
    pub reason: EndReason,
    /// The time, which is a lower bound of the position in Unix milliseconds.
    pub at: Time,
    /// How long it must be remembered. `None`: for ever (keys).
    pub remember_until: Option<Time>,
    /// The index of the session in the status lists, if it ends one that has an index.
    pub status_index: Option<StatusIndex>,
}

/// An addition to the audit log.
#[derive(Debug, Clone)]
pub enum AuditOp {
    /// Records an audit event.
    Record(Box<AuditEvent>),
    /// Records this audit event for each session that this commit has ended since its previous
    /// `RecordSessionEnds`, with that session, its user and its client filled in.
    RecordSessionEnds(Box<AuditEvent>),
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
