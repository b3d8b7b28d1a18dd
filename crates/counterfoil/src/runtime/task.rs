//! Tasks outside of requests: background tasks that are restarted after a panic, and work on blocking
//! threads.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;

use crate::runtime::panics;

/// How long a task waits after a panic before it is restarted.
pub(crate) const RESTART_DELAY: Duration = Duration::from_secs(5);

/// A task that is aborted when this is dropped, so that it never outlives its owner.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Spawns `future` on the current runtime.
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(boxed(future)))
    }

    /// Waits until the task ends by itself. A panic of the task is resumed here.
    pub(crate) async fn join(&mut self) {
        (&mut self.0).await.unwrap_or_else(resume_panic);
    }

    /// Aborts the task at its next await point, and waits until everything it holds is dropped.
    pub(crate) async fn cancel(mut self) {
        self.0.abort();
        // The task is ended on purpose: its result does not matter.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `future` to completion even if the caller's own future is dropped.
///
/// A request's future is dropped when its client disconnects. Without this an attacker could guess passwords
/// uncounted by disconnecting after the hash, and a committed change could miss its update in memory.
pub(crate) async fn run_detached<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(boxed(future)).await.unwrap_or_else(resume_panic)
}

/// A future of a type that does not depend on what it does: tokio's code for a task, 2.5 kB, is then compiled once for each type
/// of output instead of once for each future.
fn boxed<T>(future: impl Future<Output = T> + Send + 'static) -> Pin<Box<dyn Future<Output = T> + Send>> {
    Box::pin(future)
}

/// Runs the future that `start` makes, and starts it again after `delay` whenever it panics.
///
/// For tasks that the server can miss for a few seconds only. The panic hook logs the panic itself; this
/// function counts it and logs the `name` of the task.
pub(crate) async fn supervise<T, F: Future<Output = T>>(
    name: &'static str,
    delay: Duration,
    start: impl Fn() -> F,
) -> T {
    loop {
        if let Some(output) = catch_panic(start()).await {
            return output;
        }
        panics::count_panic();
        tracing::error!(task = name, "a background task panicked and is restarted");
        sleep(delay).await;
    }
}

/// The output of `future`, or `None` if it panics.
async fn catch_panic<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // A future that panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// Runs `work`, which waits for the disk, on a blocking thread. Once started it always completes.
pub(crate) async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // Boxed for the reason that `boxed` gives.
    let work: Box<dyn FnOnce() -> T + Send> = Box::new(work);
    tokio::task::spawn_blocking(work).await.unwrap_or_else(resume_panic)
}

/// Runs `future` on a blocking thread, so that long computations in it do not delay requests. Once started it
/// always completes, even if the caller's own future is dropped.
///
/// The generation of an RSA key takes tenths of a second, and sometimes several seconds.
pub(crate) async fn run_on_blocking_thread<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(future)).await
}

/// Resumes the panic of a task. The tasks in this file are aborted only after their last use, so no other
/// error occurs.
fn resume_panic<T>(error: JoinError) -> T {
    resume_unwind(error.into_panic())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_restarted_and_does_not_affect_others() {
        let (starts, other_runs) = (AtomicU32::new(0), AtomicU32::new(0));
        let before = panics::panic_count();
        let panics_twice = || async {
            tokio::task::yield_now().await;
            assert!(starts.fetch_add(1, Ordering::SeqCst) == 2, "a panic on purpose");
        };
        let never_panics = || async {
            sleep(Duration::from_millis(20)).await;
            other_runs.fetch_add(1, Ordering::SeqCst);
        };

        tokio::join!(
            supervise("panics twice", Duration::from_millis(1), panics_twice),
            supervise("never panics", Duration::ZERO, never_panics),
        );

        assert_eq!((starts.into_inner(), other_runs.into_inner()), (3, 1));
        assert!(panics::panic_count() >= before + 2, "both panics are counted");
    }
}
