//! Functions that make a change, one for each kind.

use std::borrow::Cow;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationLogId, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::key::KeyRecord;
use crate::model::session::Session;
use crate::model::user::User;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::change::{
    AdminKeyOp, AuditOp, Change, ClientOp, CutoffScope, KeyOp, LogOp, NewRevocation, SessionDataPatch,
    SessionEnding, SessionOp, SessionsToEnd, SessionsToRefresh, StatusIndexRequest, UserOp, VerifierKeyOp,
};
use crate::store::counter::{CounterKey, CounterValue};
use crate::store::job_lock::{JobLock, JobLockOp};

impl Change {
    /// Inserts a user ([`UserOp::Insert`]).
    pub fn insert_user(user: User) -> Self {
        Self::User(UserOp::Insert(Box::new(user)))
    }

    /// Replaces a user ([`UserOp::Replace`]).
    pub fn replace_user(user: User) -> Self {
        Self::User(UserOp::Replace(Box::new(user)))
    }

    /// Removes a user ([`UserOp::Remove`]).
    pub fn remove_user(user: UserId) -> Self {
        Self::User(UserOp::Remove(user))
    }

    /// Inserts a session ([`SessionOp::Insert`]).
    pub fn insert_session(session: Session) -> Self {
        Self::Session(SessionOp::Insert(Box::new(session)))
    }

    /// Replaces a session ([`SessionOp::Replace`]).
    pub fn replace_session(session: Session) -> Self {
        Self::Session(SessionOp::Replace(Box::new(session)))
    }

    /// Gives a session an index in the status lists ([`SessionOp::AssignStatusIndex`]).
    pub fn assign_status_index(request: StatusIndexRequest) -> Self {
        Self::Session(SessionOp::AssignStatusIndex(request))
    }

    /// Ends a session ([`SessionOp::End`]).
    pub fn end_session(session: SessionId, ending: SessionEnding) -> Self {
        Self::Session(SessionOp::End(SessionsToEnd::One(session), ending))
    }

    /// Ends all sessions of a user except `except` ([`SessionsToEnd::AllOf`]).
    pub fn end_sessions_of(user: UserId, except: Option<SessionId>, ending: SessionEnding) -> Self {
        Self::Session(SessionOp::End(SessionsToEnd::AllOf { user, except }, ending))
    }

    /// Ends the sessions of a user above a limit ([`SessionsToEnd::OldestOf`]).
    pub fn end_oldest_sessions_of(user: UserId, except: SessionId, keep: u32, ending: SessionEnding) -> Self {
        Self::Session(SessionOp::End(SessionsToEnd::OldestOf { user, except, keep }, ending))
    }

    /// Sets the position of a session ([`SessionOp::RefreshPosition`]).
    pub fn refresh_position(session: SessionId) -> Self {
        Self::Session(SessionOp::RefreshPosition(SessionsToRefresh::One(session)))
    }

    /// Sets the positions of all sessions of a user ([`SessionOp::RefreshPosition`]).
    pub fn refresh_positions_of(user: UserId) -> Self {
        Self::Session(SessionOp::RefreshPosition(SessionsToRefresh::AllOf(user)))
    }

    /// Sets the positions of all cookie sessions ([`SessionOp::RefreshPosition`]).
    pub fn refresh_cookie_positions() -> Self {
        Self::Session(SessionOp::RefreshPosition(SessionsToRefresh::Cookies))
    }

    /// Merges a patch into the data of a session ([`SessionOp::MergeData`]).
    pub fn merge_data(patch: SessionDataPatch) -> Self {
        Self::Session(SessionOp::MergeData(patch))
    }

    /// Inserts a client ([`ClientOp::Insert`]).
    pub fn insert_client(client: Client) -> Self {
        Self::Client(ClientOp::Insert(Box::new(client)))
    }

    /// Replaces a client ([`ClientOp::Replace`]).
    pub fn replace_client(client: Client) -> Self {
        Self::Client(ClientOp::Replace(Box::new(client)))
    }

    /// Inserts a key ([`KeyOp::Insert`]).
    pub fn insert_key(key: KeyRecord) -> Self {
        Self::Key(KeyOp::Insert(Box::new(key)))
    }

    /// Replaces a key ([`KeyOp::Replace`]).
    pub fn replace_key(key: KeyRecord) -> Self {
        Self::Key(KeyOp::Replace(Box::new(key)))
    }

    /// Inserts an admin key ([`AdminKeyOp::Insert`]).
    pub fn insert_admin_key(key: AdminKeyRecord) -> Self {
        Self::AdminKey(AdminKeyOp::Insert(Box::new(key)))
    }

    /// Removes an admin key ([`AdminKeyOp::Remove`]).
    pub fn remove_admin_key(key: AdminKeyId) -> Self {
        Self::AdminKey(AdminKeyOp::Remove(key))
    }

    /// Removes all admin keys that a user created ([`AdminKeyOp::RemoveAllOf`]).
    pub fn remove_admin_keys_of(user: UserId, event: AuditEvent) -> Self {
        Self::AdminKey(AdminKeyOp::RemoveAllOf(user, Box::new(event)))
    }

    /// Inserts a verifier key ([`VerifierKeyOp::Insert`]).
    pub fn insert_verifier_key(key: VerifierKeyRecord) -> Self {
        Self::VerifierKey(VerifierKeyOp::Insert(Box::new(key)))
    }

    /// Removes a verifier key ([`VerifierKeyOp::Remove`]).
    pub fn remove_verifier_key(key: VerifierKeyId) -> Self {
        Self::VerifierKey(VerifierKeyOp::Remove(key))
    }

    /// Appends an entry to the revocation log ([`LogOp::Append`]).
    pub fn append_revocation(entry: NewRevocation) -> Self {
        Self::Log(LogOp::Append(entry))
    }

    /// Starts another revocation log ([`LogOp::Start`]).
    pub fn start_revocation_log(id: RevocationLogId, after: RevocationPosition) -> Self {
        Self::Log(LogOp::Start { id, after })
    }

    /// Sets a revocation cutoff ([`LogOp::SetCutoff`]).
    pub fn set_cutoff(scope: CutoffScope) -> Self {
        Self::Log(LogOp::SetCutoff(scope))
    }

    /// Records an audit event ([`AuditOp::Record`]).
    pub fn record_event(event: AuditEvent) -> Self {
        Self::Audit(AuditOp::Record(Box::new(event)))
    }

    /// Records an audit event for each ended session ([`AuditOp::RecordSessionEnds`]).
    pub fn record_session_ends(event: AuditEvent) -> Self {
        Self::Audit(AuditOp::RecordSessionEnds(Box::new(event)))
    }

    /// Sets a value of the installation's metadata ([`Change::Metadata`]).
    pub fn set_metadata(key: impl Into<Cow<'static, str>>, value: Vec<u8>) -> Self {
        Self::Metadata(key.into(), Some(value))
    }

    /// Removes a value of the installation's metadata, if it is there ([`Change::Metadata`]).
    pub fn remove_metadata(key: impl Into<Cow<'static, str>>) -> Self {
        Self::Metadata(key.into(), None)
    }

    /// Takes or renews the lock of a job ([`JobLockOp::Take`]).
    pub fn take_job_lock(lock: JobLock, now: Time, until: Time) -> Self {
        Self::JobLock(JobLockOp::Take { lock, now, until })
    }

    /// Releases the lock of a job ([`JobLockOp::Release`]).
    pub fn release_job_lock(lock: JobLock) -> Self {
        Self::JobLock(JobLockOp::Release(lock))
    }

    /// Sets a durable counter ([`Change::Counter`]).
    pub fn set_counter(key: CounterKey, value: CounterValue) -> Self {
        Self::Counter(key, value)
    }
}
