//! Work that goes on beside the requests, for as long as somebody holds it.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::runtime::panics;

/// How long after a panic work is begun again.
pub(crate) const RECOVERY: Duration = Duration::from_secs(5);

/// A task that ends when this is dropped: nothing runs on after whoever started it.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Starts `work` on the present runtime.
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    /// Waits until it has come to its end.
    pub(crate) async fn end(&mut self) {
        match (&mut self.0).await {
            Ok(()) => {}
            // Nobody ends it while it is waited for.
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        }
    }

    /// Ends it where it waits, and waits until it has let go of everything.
    pub(crate) async fn stop(mut self) {
        self.0.abort();
        // It was told to end; how it did does not matter.
        let _ = (&mut self.0).await;
    }
}

/// Does `work` to its end, also if whoever asked for it goes away.
///
/// A request's own future is dropped when its client disconnects. A guess that was hashed and then not counted
/// would be a free one, and a change that was committed would not be taken up.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        // Caught at the edge like any other panic; nobody else ends this task.
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// Does what `begin` begins, and begins it again after a `pause` where it panicked: work without which the server
/// goes on, but not for long. What a panic says is written by the hook that all panics have; here it is counted, and
/// an error of ours by the name of the work, `what`.
pub(crate) async fn again_and_again<T, W: Future<Output = T>>(
    what: &'static str,
    pause: Duration,
    begin: impl Fn() -> W,
) -> T {
    loop {
        if let Some(done) = survived(begin()).await {
            return done;
        }
        panics::count();
        tracing::error!(work = what, "work beside the requests panicked; it is begun again");
        sleep(pause).await;
    }
}

/// What `work` comes to; `None` where it panics.
async fn survived<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // What has panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

/// Does `work` that waits for the disk, where no request waits behind it. Once begun it is done to its end.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody ends this work but itself.
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// Does `work` that now and then computes for long, where no request waits behind it: the threads that answer go on.
/// Once begun it is done to its end, also if whoever asked for it goes away.
///
/// To draw an RSA key takes tenths of a second, and sometimes whole ones.
pub(crate) async fn aside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = Handle::current();
    blocking(move || runtime.block_on(work)).await
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_begun_again_and_takes_no_other_along() {
        let (begun, other) = (AtomicU32::new(0), AtomicU32::new(0));
        let before = panics::panics();
        let faulty = || async {
            tokio::task::yield_now().await;
            assert!(begun.fetch_add(1, Ordering::SeqCst) == 2, "a fault");
        };
        let sound = || async {
            sleep(Duration::from_millis(20)).await;
            other.fetch_add(1, Ordering::SeqCst);
        };

        tokio::join!(
            again_and_again("faulty", Duration::from_millis(1), faulty),
            again_and_again("sound", Duration::ZERO, sound),
        );

        assert_eq!((begun.into_inner(), other.into_inner()), (3, 1));
        assert!(panics::panics() >= before + 2, "whoever watches sees it");
    }
}
