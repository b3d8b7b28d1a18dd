//! Which cached sessions a commit invalidates.

use counterfoil_verify::{SessionId, UserId};

use crate::store::{
    AppliedChanges, Change, ClientOp, CutoffScope, LogOp, SessionOp, SessionsToEnd, SessionsToRefresh, UserOp,
};

/// The cached sessions that must be verified by the store again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalidation {
    /// This session.
    Session(SessionId),
    /// The sessions of this user.
    User(UserId),
    /// All sessions.
    All,
}

impl Invalidation {
    /// What a commit of `changes` with this result invalidates.
    pub fn for_commit<'c>(
        changes: &'c [Change],
        applied: &'c AppliedChanges,
    ) -> impl Iterator<Item = Self> + 'c {
        changes.iter().filter_map(Self::for_change).chain(Self::for_result(applied))
    }

    /// What a commit with this result invalidates beyond its changes.
    pub(in crate::store) fn for_result(applied: &AppliedChanges) -> impl Iterator<Item = Self> + '_ {
        let ended = applied.ended_sessions.iter().copied().map(Self::Session);
        ended.chain(applied.pending_ends.iter().map(|pending| Self::User(pending.user)))
    }

    /// What a change invalidates, apart from the sessions that it ends.
    pub(in crate::store) fn for_change(change: &Change) -> Option<Self> {
        match change {
            Change::User(UserOp::Replace(user)) => Some(Self::User(user.id)),
            Change::User(UserOp::Remove(user)) | Change::Log(LogOp::SetCutoff(CutoffScope::User(user))) => {
                Some(Self::User(*user))
            }
            Change::Session(operation) => Self::for_session(operation),
            Change::Client(ClientOp::Replace(_))
            | Change::Log(LogOp::SetCutoff(CutoffScope::Client(_) | CutoffScope::Everyone)) => {
                Some(Self::All)
            }
            Change::User(UserOp::Insert(_))
            | Change::Client(ClientOp::Insert(_))
            | Change::Log(LogOp::Append(_) | LogOp::Start { .. })
            | Change::Key(_)
            | Change::AdminKey(_)
            | Change::VerifierKey(_)
            | Change::Audit(_)
            | Change::Metadata(..)
            | Change::Counter(..)
            | Change::JobLock(_) => None,
        }
    }

    fn for_session(operation: &SessionOp) -> Option<Self> {
        match operation {
            SessionOp::Insert(session) | SessionOp::Replace(session) => Some(Self::Session(session.id)),
            SessionOp::End(SessionsToEnd::One(session), _)
            | SessionOp::RefreshPosition(SessionsToRefresh::One(session)) => Some(Self::Session(*session)),
            SessionOp::RefreshPosition(SessionsToRefresh::AllOf(user)) => Some(Self::User(*user)),
            SessionOp::RefreshPosition(SessionsToRefresh::Cookies) => Some(Self::All),
            // The sessions that these end are in `applied.ended_sessions` and `applied.pending_ends`.
            SessionOp::End(
                SessionsToEnd::AllOf { .. } | SessionsToEnd::Below { .. } | SessionsToEnd::OldestOf { .. },
                _,
            )
            // No check of a credential reads the index.
            | SessionOp::AssignStatusIndex(_)
            | SessionOp::MergeData(_) => None,
        }
    }
}
