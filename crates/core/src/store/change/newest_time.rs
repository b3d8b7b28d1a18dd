//! The newest time in a change, below which the clock never starts.

use counterfoil_jose::Time;

use crate::model::session::Session;
use crate::store::change::{AdminKeyOp, AuditOp, Change, KeyOp, LogOp, SessionOp, UserOp, VerifierKeyOp};

impl Change {
    /// The newest time at which something happened according to this change. Times in the future, such as
    /// expiry times, do not count.
    pub(in crate::store) fn newest_time(&self) -> Time {
        match self {
            Self::User(UserOp::Insert(user) | UserOp::Replace(user)) => {
                user.created_at.max(user.disabled_at.unwrap_or_default())
            }
            Self::Session(operation) => newest_in_session(operation),
            Self::Key(KeyOp::Insert(key) | KeyOp::Replace(key)) => key.created_at.max(key.changed_at),
            Self::AdminKey(AdminKeyOp::Insert(key)) => key.created_at,
            Self::VerifierKey(VerifierKeyOp::Insert(key)) => key.created_at,
            Self::Log(LogOp::Append(entry)) => entry.at,
            Self::AdminKey(AdminKeyOp::RemoveAllOf(_, event))
            | Self::Audit(AuditOp::Record(event) | AuditOp::RecordSessionEnds(event)) => event.at,
            Self::User(UserOp::Remove(_))
            | Self::AdminKey(AdminKeyOp::Remove(_))
            | Self::VerifierKey(VerifierKeyOp::Remove(_))
            | Self::Log(LogOp::Start { .. } | LogOp::SetCutoff(_))
            | Self::Client(_)
            | Self::Metadata(..)
            | Self::Counter(..)
            | Self::JobLock(_) => Time::EPOCH,
        }
    }
}

fn newest_in_session(operation: &SessionOp) -> Time {
    match operation {
        SessionOp::Insert(session) | SessionOp::Replace(session) => newest_of(session),
        SessionOp::End(_, ending) => ending.end.at,
        SessionOp::MergeData(patch) => patch.now,
        SessionOp::AssignStatusIndex(request) => request.now,
        SessionOp::RefreshPosition(_) => Time::EPOCH,
    }
}

fn newest_of(session: &Session) -> Time {
    let ended_at = session.ended.map_or(Time::EPOCH, |ended| ended.at);
    session.authenticated_at.max(session.seen_at).max(ended_at)
}
