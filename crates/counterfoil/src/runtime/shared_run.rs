//! A result that callers at the same time share, and that is not older than any of their calls.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The number of calls, and the result of the last run with the number of the last call that it answers.
#[derive(Debug)]
pub(crate) struct SharedRun<T> {
    calls: AtomicU64,
    last: Mutex<Option<(u64, T)>>,
}

impl<T> Default for SharedRun<T> {
    fn default() -> Self {
        Self { calls: AtomicU64::new(0), last: Mutex::new(None) }
    }
}

impl<T: Clone> SharedRun<T> {
    /// The result of a run that has begun after this call: that of `run`, or of the same by another caller. There is one run at a
    /// time, and a caller waits for at most two, however many call; if a caller stops waiting, the next one runs.
    pub(crate) async fn get_or_run(&self, run: impl Future<Output = T>) -> T {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let Some((answered, result)) = &*last
            && *answered >= call
        {
            return result.clone();
        }
        // All that have called so far, and wait now.
        let answered = self.calls.load(Ordering::SeqCst);
        let result = run.await;
        *last = Some((answered, result.clone()));
        result
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Waker};

    use tokio::join;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_caller_shares_a_run_that_has_begun_after_its_call_and_no_earlier_one() {
        let (shared, runs) = (SharedRun::default(), AtomicUsize::new(0));
        let (finish, finished) = oneshot::channel();
        let first = shared.get_or_run(async {
            finished.await.unwrap();
            runs.fetch_add(1, Ordering::SeqCst)
        });
        let other = || shared.get_or_run(async { runs.fetch_add(1, Ordering::SeqCst) });
        let finish = async { finish.send(()).unwrap() };

        // Each is polled in this order: three call while the first run is in progress.
        let (first, second, third, fourth, ()) = join!(biased; first, other(), other(), other(), finish);

        assert_eq!((first, second, third, fourth), (0, 1, 1, 1));
        assert_eq!(other().await, 2, "a later call is not answered by an earlier run");
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_leaves_the_run_to_the_next_one() {
        let shared = SharedRun::default();
        let mut stopped = Box::pin(shared.get_or_run(pending()));
        let mut next = Box::pin(shared.get_or_run(async { 1 }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(stopped.as_mut().poll(&mut context).is_pending());
        assert!(next.as_mut().poll(&mut context).is_pending());
        drop(stopped);

        assert_eq!(next.await, 1);
    }
}
