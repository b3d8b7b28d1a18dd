//! Reads, inline: a few connections, each in the hands of one thread at a time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::metrics::StoreMetrics;

use crate::error_class::told;
use crate::state::State;

/// The connections that read.
///
/// A read takes some microseconds, so it is done where it is asked for: to hand it to another thread and
/// back would take longer than the read. Each thread has a connection of its own as far as there are enough.
pub(crate) struct Readers {
    seats: Vec<Seat>,
    state: Arc<State>,
    figures: Arc<StoreMetrics>,
}

/// A connection, until the store is closed.
type Seat = Mutex<Option<Connection>>;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A small number for each thread that reads.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

impl Readers {
    /// Opens as many connections to `path` as there are processors, but four at most: each takes memory.
    pub(crate) fn open(path: &Path, state: Arc<State>, figures: Arc<StoreMetrics>) -> rusqlite::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        let seats = (0..count)
            .map(|_| crate::connection::for_reading(path).map(|connection| Mutex::new(Some(connection))))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { seats, state, figures })
    }

    /// Reads, if the store is open.
    pub(crate) fn read<T>(
        &self,
        find: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.state.admit()?;
        let since = Instant::now();
        let seat = self.sit();
        // Closed between the two lines.
        let connection = seat.as_ref().ok_or(StoreError::Closed)?;
        let found = find(connection).map_err(told);
        self.figures.reads.record(since.elapsed());
        found
    }

    /// The thread's own seat, or any that is free, or at last the own one when it becomes free.
    fn sit(&self) -> MutexGuard<'_, Option<Connection>> {
        let own = THREAD.with(|thread| *thread) % self.seats.len();
        let free = (0..self.seats.len())
            .find_map(|step| self.seats[(own + step) % self.seats.len()].try_lock().ok());
        // A connection has no state that a panic could leave half made: a statement is reset when dropped.
        free.unwrap_or_else(|| self.seats[own].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes every connection. Whoever reads is waited for.
    pub(crate) fn close(&self) {
        for seat in &self.seats {
            seat.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
