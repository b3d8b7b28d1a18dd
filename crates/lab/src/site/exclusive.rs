//! One act at a time, on a thread that may block.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task;

use crate::error::LabError;
use crate::site::refusal::Refusal;

/// The value, also if a thread has panicked with it: every value is complete between two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place to play in, unless something is being played there.
pub(super) fn try_lock(mutex: &Arc<AsyncMutex<()>>) -> Result<OwnedMutexGuard<()>, Refusal> {
    Arc::clone(mutex).try_lock_owned().map_err(|_| Refusal::Busy)
}

/// Starts and stops servers, which blocks.
pub(super) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let ended = task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(LabError::start("a lab")(error).into()))
}
