//! Live updates for administrators: who may receive them, what they are about, and when they are due.
//!
//! What a stream sends is read in `operations::admin::live`.

pub(crate) mod committed_changes;
pub(crate) mod event;
pub(crate) mod pace;
pub(crate) mod topic;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::store::Store;
use counterfoil_verify::UserId;

use crate::app::live::committed_changes::{ChangedTopics, CommittedChanges};
use crate::app::live::topic::Topic;
use crate::limits::open_streams::{OpenStream, OpenStreams, StreamLimits, TooManyStreams};
use crate::runtime::recent_result::RecentResult;

/// How many streams may be open: each costs a few reads a second.
const LIMITS: StreamLimits = StreamLimits { per_owner: 8, total: 64 };

/// How many of them programs may have with admin keys that operators created. A program with one such key can create others, and must
/// not take the places of all users with them.
const OPERATOR_KEY_LIMITS: StreamLimits = StreamLimits { per_owner: 32, total: 32 };

/// For how long the streams share one run of the readiness checks.
const MAX_CHECK_AGE: Duration = Duration::from_secs(1);

/// The streams for administrators of this process, and what wakes them.
#[derive(Debug)]
pub(crate) struct Live {
    streams: OpenStreams<StreamOwner>,
    streams_of_operator_keys: OpenStreams<()>,
    changes: Arc<CommittedChanges>,
    is_closed: watch::Sender<bool>,
    failed_checks: RecentResult<Vec<&'static str>>,
}

/// For whom a stream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StreamOwner {
    /// An administrator, with all sessions and all admin keys that the user created: a user who logs in again and again, or creates
    /// key after key, takes no place of others.
    User(UserId),
    /// A program with an admin key that an operator created.
    OperatorKey(AdminKeyId),
}

/// A stream that counts until this is dropped.
#[derive(Debug)]
pub(crate) struct LiveStream {
    _of_owner: OpenStream<StreamOwner>,
    _of_operator_key: Option<OpenStream<()>>,
}

impl Live {
    /// Without a stream; it receives every later commit of `store`.
    pub(crate) fn new(store: &dyn Store) -> Self {
        let changes = Arc::new(CommittedChanges::default());
        store.subscribe(Arc::clone(&changes) as _);
        Self {
            streams: OpenStreams::default(),
            streams_of_operator_keys: OpenStreams::default(),
            changes,
            is_closed: watch::Sender::new(false),
            failed_checks: RecentResult::default(),
        }
    }

    /// Counts another stream of `owner`, until it is dropped.
    ///
    /// # Errors
    ///
    /// If the owner, all keys of operators or this process has as many as it may have.
    pub(crate) fn open(&self, owner: StreamOwner) -> Result<LiveStream, TooManyStreams> {
        let of_operator_key = match owner {
            StreamOwner::User(_) => None,
            StreamOwner::OperatorKey(_) => Some(self.streams_of_operator_keys.open((), OPERATOR_KEY_LIMITS)?),
        };
        Ok(LiveStream { _of_owner: self.streams.open(owner, LIMITS)?, _of_operator_key: of_operator_key })
    }

    /// How many streams are open.
    #[cfg(test)]
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// What later commits change of these topics.
    pub(crate) fn subscribe(&self, topics: &[Topic]) -> ChangedTopics {
        self.changes.subscribe(topics)
    }

    /// The failed readiness checks, which `run` finds, or which it found for another stream within the last second.
    pub(crate) async fn failed_checks(
        &self,
        run: impl Future<Output = Vec<&'static str>>,
    ) -> Vec<&'static str> {
        self.failed_checks.get_or_run(MAX_CHECK_AGE, run).await
    }

    /// Ends every stream, now and later: the server shuts down.
    pub(crate) fn close(&self) {
        self.is_closed.send_replace(true);
    }

    /// Resolves when the streams must end.
    pub(crate) async fn closed(&self) {
        // The sender is not dropped before this.
        let _ = self.is_closed.subscribe().wait_for(|is_closed| *is_closed).await;
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;

    const fn user(number: u8) -> StreamOwner {
        StreamOwner::User(UserId::from_bytes([number; 16]))
    }

    const fn operator_key(number: u8) -> StreamOwner {
        StreamOwner::OperatorKey(AdminKeyId::from_bytes([number; 16]))
    }

    #[tokio::test]
    async fn a_program_that_creates_key_after_key_leaves_places_for_users() {
        let live = Live::new(&*SqliteStore::in_memory().unwrap());
        let eight = |owner: StreamOwner| (0..8).map(|_| live.open(owner).unwrap()).collect::<Vec<_>>();
        let mut of_keys: Vec<_> = (0..4).map(|number| eight(operator_key(number))).collect();

        assert!(live.open(operator_key(0)).is_err() && live.open(operator_key(4)).is_err());
        let _of_users: Vec<_> = (0..4).map(|number| eight(user(number))).collect();
        assert!(live.open(user(4)).is_err(), "all have 64");

        of_keys.pop();
        assert_eq!(live.open_streams(), 56);
        assert!(live.open(operator_key(4)).is_ok());
        // A refused stream takes no place.
        assert!(live.open(operator_key(0)).is_err());
        eight(operator_key(4));
    }
}
