//! Live updates for administrators: who may receive them, what they are about, and when they are due.
//!
//! What a stream sends is read in `operations::admin::live`; nothing here reads a store or a clock.

pub(crate) mod committed_changes;
pub(crate) mod event;
pub(crate) mod pace;
pub(crate) mod topic;

use std::sync::Arc;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::store::Store;
use counterfoil_verify::SessionId;

use crate::app::live::committed_changes::CommittedChanges;
use crate::limits::open_streams::{OpenStream, OpenStreams, StreamLimits, TooManyStreams};

/// How many streams may be open: each costs a few reads a second.
const LIMITS: StreamLimits = StreamLimits { per_owner: 4, total: 64 };

/// The streams of live updates of this process, and what wakes them.
#[derive(Debug)]
pub(crate) struct Live {
    streams: OpenStreams<StreamOwner>,
    changes: Arc<CommittedChanges>,
}

/// For whom a stream counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StreamOwner {
    /// An administrator's session.
    Session(SessionId),
    /// A program.
    AdminKey(AdminKeyId),
}

impl Live {
    /// Without a stream; it receives every later commit of `store`.
    pub(crate) fn new(store: &dyn Store) -> Self {
        let changes = Arc::new(CommittedChanges::default());
        store.subscribe(Arc::clone(&changes) as _);
        Self { streams: OpenStreams::default(), changes }
    }

    /// Counts another stream of `owner`, until it is dropped.
    ///
    /// # Errors
    ///
    /// If the owner or this process has as many as it may have.
    pub(crate) fn open(&self, owner: StreamOwner) -> Result<OpenStream<StreamOwner>, TooManyStreams> {
        self.streams.open(owner, LIMITS)
    }

    /// What commits have changed.
    pub(crate) fn changes(&self) -> &CommittedChanges {
        &self.changes
    }

    /// Ends every stream, now and later: the server shuts down.
    pub(crate) fn close(&self) {
        self.changes.close();
    }
}
