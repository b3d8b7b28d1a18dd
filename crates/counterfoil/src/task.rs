//! Work that goes on beside the requests, for as long as somebody holds it.

use tokio::task::JoinHandle;

/// A task that ends when this is dropped: nothing runs on after whoever started it.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    /// Starts `work` on the present runtime.
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
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

/// Does `work` that waits for the disk, where no request waits behind it. Once begun it is done to its end.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody ends this work but itself.
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
