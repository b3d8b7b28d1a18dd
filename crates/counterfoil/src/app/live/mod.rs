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

/// For how long the streams share one run of the readiness checks.
const MAX_CHECK_AGE: Duration = Duration::from_secs(1);

/// The streams for administrators of this process, and what wakes them.
#[derive(Debug)]
pub(crate) struct Live {
    streams: OpenStreams<StreamOwner>,
    changes: Arc<CommittedChanges>,
    is_closed: watch::Sender<bool>,
    failed_checks: RecentResult<Vec<&'static str>>,
}

/// For whom a stream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StreamOwner {
    /// An administrator, with all sessions: a user who logs in again and again takes no place of others.
    User(UserId),
    /// A program.
    AdminKey(AdminKeyId),
}

impl Live {
    /// Without a stream; it receives every later commit of `store`.
    pub(crate) fn new(store: &dyn Store) -> Self {
        let changes = Arc::new(CommittedChanges::default());
        store.subscribe(Arc::clone(&changes) as _);
        Self {
            streams: OpenStreams::default(),
            changes,
            is_closed: watch::Sender::new(false),
            failed_checks: RecentResult::default(),
        }
    }

    /// Counts another stream of `owner`, until it is dropped.
    ///
    /// # Errors
    ///
    /// If the owner or this process has as many as it may have.
    pub(crate) fn open(&self, owner: StreamOwner) -> Result<OpenStream<StreamOwner>, TooManyStreams> {
        self.streams.open(owner, LIMITS)
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
