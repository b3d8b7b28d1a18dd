//! A result that callers share as long as it is recent.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The result of the last run, and when it was over.
#[derive(Debug)]
pub(crate) struct RecentResult<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for RecentResult<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> RecentResult<T> {
    /// The last result, if it is not older than `max_age`, or else that of `run`. Who comes meanwhile waits for the same run; if its
    /// caller goes away, the next one runs.
    pub(crate) async fn get_or_run(&self, max_age: Duration, run: impl Future<Output = T>) -> T {
        let mut last = self.0.lock().await;
        if let Some((over_at, result)) = &*last
            && over_at.elapsed() <= max_age
        {
            return result.clone();
        }
        let result = run.await;
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_run_and_a_later_one_runs_again() {
        let (recent, runs) = (Arc::new(RecentResult::default()), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for _ in 0..64 {
            let (recent, runs) = (Arc::clone(&recent), Arc::clone(&runs));
            callers.spawn(async move {
                let run = async {
                    yield_now().await;
                    runs.fetch_add(1, Ordering::Relaxed)
                };
                recent.get_or_run(Duration::from_secs(3_600), run).await
            });
        }

        assert_eq!(callers.join_all().await, [0; 64]);
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(recent.get_or_run(Duration::ZERO, async { 7 }).await, 7);
    }
}
