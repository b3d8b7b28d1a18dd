//! What a commit changes that other nodes may hold in memory.

use std::fmt;
use std::str::FromStr;

use counterfoil_verify::IdError;

use crate::model::session::SessionCredential;
use crate::store::session_cache::Invalidation;
use crate::store::{AppliedChanges, Change, SessionOp};

/// The metadata key of the longest lifetime that an access token of any client could have, in seconds (big-endian `u64`).
/// Every change of a client writes it.
pub const MAX_ACCESS_LIFETIME: &str = "max_access_lifetime";

/// A change that other nodes must learn of. Revocations are in the revocation log besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeChange {
    /// Cached sessions must be read again.
    Invalidate(Invalidation),
    /// The signing keys or refresh token keys have changed.
    Keys,
    /// The longest lifetime of an access token may have become longer.
    Lifetimes,
}

impl NodeChange {
    /// What a commit of `changes` with this result changes for other nodes.
    ///
    /// No other node can have a new session in its cache, and none has one with a refresh token, whose rotations are the
    /// most frequent commits. So these are left out.
    pub fn for_commit(changes: &[Change], applied: &AppliedChanges) -> Vec<Self> {
        let is_cached = |change: &&Change| match change {
            Change::Session(SessionOp::Insert(_)) => false,
            Change::Session(SessionOp::Replace(session)) => {
                !matches!(session.credential, SessionCredential::Refresh { .. })
            }
            _ => true,
        };
        let cached = changes.iter().filter(is_cached).filter_map(Invalidation::for_change);
        let ended = Invalidation::for_result(applied);
        let others = changes.iter().filter_map(|change| match change {
            Change::Key(_) => Some(Self::Keys),
            Change::Metadata(key, _) if key == MAX_ACCESS_LIFETIME => Some(Self::Lifetimes),
            _ => None,
        });
        cached.chain(ended).map(Self::Invalidate).chain(others).collect()
    }
}

impl fmt::Display for NodeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalidate(Invalidation::Session(session)) => write!(f, "session:{session}"),
            Self::Invalidate(Invalidation::User(user)) => write!(f, "user:{user}"),
            Self::Invalidate(Invalidation::All) => f.write_str("all"),
            Self::Keys => f.write_str("keys"),
            Self::Lifetimes => f.write_str("lifetimes"),
        }
    }
}

impl FromStr for NodeChange {
    type Err = IdError;

    /// A text that this version does not know, of a newer one, invalidates everything.
    fn from_str(text: &str) -> Result<Self, IdError> {
        Ok(match text.split_once(':') {
            Some(("session", id)) => Self::Invalidate(Invalidation::Session(id.parse()?)),
            Some(("user", id)) => Self::Invalidate(Invalidation::User(id.parse()?)),
            _ if text == "keys" => Self::Keys,
            _ if text == "lifetimes" => Self::Lifetimes,
            _ => Self::Invalidate(Invalidation::All),
        })
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Time;
    use counterfoil_verify::{SessionId, UserId};

    use super::*;
    use crate::model::user::User;
    use crate::store::{CutoffScope, SessionsToRefresh};

    const SESSION: SessionId = SessionId::from_bytes([1; 16]);
    const USER: UserId = UserId::from_bytes([2; 16]);

    #[test]
    fn every_change_survives_its_text_form() {
        let changes = [
            NodeChange::Invalidate(Invalidation::Session(SESSION)),
            NodeChange::Invalidate(Invalidation::User(USER)),
            NodeChange::Invalidate(Invalidation::All),
            NodeChange::Keys,
            NodeChange::Lifetimes,
        ];
        for change in changes {
            assert_eq!(change.to_string().parse(), Ok(change));
        }
        assert_eq!("later:x".parse(), Ok(NodeChange::Invalidate(Invalidation::All)));
        assert!("session:x".parse::<NodeChange>().is_err());
    }

    #[test]
    fn other_nodes_learn_of_changed_users_sessions_and_cutoffs_and_not_of_new_ones() {
        let user = User::new(USER, "ada".parse().unwrap(), Time::EPOCH);
        let learned = |change: Change| NodeChange::for_commit(&[change], &AppliedChanges::default());

        assert_eq!(learned(Change::insert_user(user.clone())), []);
        let all_of_user = [NodeChange::Invalidate(Invalidation::User(USER))];
        assert_eq!(learned(Change::replace_user(user)), all_of_user);
        assert_eq!(
            learned(Change::Session(SessionOp::RefreshPosition(SessionsToRefresh::AllOf(USER)))),
            all_of_user
        );
        let all = [NodeChange::Invalidate(Invalidation::All)];
        assert_eq!(learned(Change::set_cutoff(CutoffScope::Everyone)), all);
        let ended = AppliedChanges { ended_sessions: vec![SESSION], ..AppliedChanges::default() };
        assert_eq!(
            NodeChange::for_commit(&[], &ended),
            [NodeChange::Invalidate(Invalidation::Session(SESSION))]
        );
    }
}
