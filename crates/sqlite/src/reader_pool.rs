//! Reads: a few connections, each used by one thread at a time, on the thread of the caller.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::metrics::StoreMetrics;

use crate::error_class::map_error;
use crate::file::connection;
use crate::state::StoreState;

/// The most connections that read. Each one takes memory.
const MAX_CONNECTIONS: usize = 4;

/// The connections that read.
///
/// A read takes some microseconds, so it runs on the caller's thread: passing it to another thread and back
/// would take longer. Each thread has a connection of its own as far as there are enough.
pub(crate) struct ReaderPool {
    slots: Vec<Slot>,
    state: Arc<StoreState>,
    metrics: Arc<StoreMetrics>,
}

/// A connection, until the store is closed.
type Slot = Mutex<Option<Connection>>;

static THREAD_COUNT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A small number for each thread that reads.
    static THREAD_NUMBER: usize = THREAD_COUNT.fetch_add(1, Ordering::Relaxed);
}

impl ReaderPool {
    /// Opens `count` connections to `path`.
    pub(crate) fn open(
        path: &Path,
        count: usize,
        state: Arc<StoreState>,
        metrics: Arc<StoreMetrics>,
    ) -> rusqlite::Result<Self> {
        let slots = (0..count)
            .map(|_| connection::for_reading(path).map(|connection| Mutex::new(Some(connection))))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { slots, state, metrics })
    }

    /// The number of connections for the threads that serve requests: one for each CPU, at most [`MAX_CONNECTIONS`].
    pub(crate) fn default_size() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(MAX_CONNECTIONS)
    }

    /// Runs `query`, if the store is open.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.state.check_open()?;
        let started = Instant::now();
        let slot = self.lock_slot();
        // The store may have been closed between these lines.
        let connection = slot.as_ref().ok_or(StoreError::Closed)?;
        let result = query(connection).map_err(map_error);
        self.metrics.reads.record(started.elapsed());
        result
    }

    /// Locks the thread's own slot, or else any free one, or else waits for the thread's own slot.
    fn lock_slot(&self) -> MutexGuard<'_, Option<Connection>> {
        let own = THREAD_NUMBER.with(|number| *number) % self.slots.len();
        let free = (0..self.slots.len())
            .find_map(|step| self.slots[(own + step) % self.slots.len()].try_lock().ok());
        // A panic cannot leave a connection in a bad state: a statement is reset when it is dropped.
        free.unwrap_or_else(|| self.slots[own].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes every connection, after the reads in progress.
    pub(crate) fn close(&self) {
        for slot in &self.slots {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
