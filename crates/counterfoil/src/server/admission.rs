//! Letting a crowd in a few at a time: whoever is in is not to wait behind a thousand who come at once.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many connections, for each processor, may be here without having asked for anything yet. What they ask for
/// together is what others wait behind.
const AT_A_TIME: usize = 4;

/// How long one more waits for one of them to ask. Clients that connect and say nothing keep nobody out: they make
/// the door a little slower.
const PATIENCE: Duration = Duration::from_millis(1);

/// Those who have come and asked for nothing yet.
#[derive(Debug)]
pub(crate) struct Newcomers(Arc<Semaphore>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub(crate) struct Newcomer(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

impl Newcomers {
    /// None yet.
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(AT_A_TIME * processors)))
    }

    /// Counts one more when there is room for it; after a moment it comes in uncounted.
    pub(crate) async fn welcome(&self) -> Option<Newcomer> {
        let room = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await.ok()?;
        // Nobody closes it.
        room.ok().map(Newcomer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_a_few_each_waits_a_moment_unless_another_asks() {
        let newcomers = Newcomers(Arc::new(Semaphore::new(2)));
        let first = newcomers.welcome().await;
        let second = newcomers.welcome().await;
        assert!(first.is_some() && second.is_some());

        assert!(newcomers.welcome().await.is_none(), "it comes in all the same");

        drop(first);
        assert!(newcomers.welcome().await.is_some());
    }
}
