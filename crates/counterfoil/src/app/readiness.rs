//! Evaluates the readiness checks: whether this process can serve requests, for `/readyz`, metrics and alerts.

use std::sync::atomic::Ordering;

use crate::app::App;
use crate::app::readiness_check::ReadinessCheck;
use crate::clock::checkpoint;

impl App {
    /// The names of the failed readiness checks, which `docs/operate.md` explains; empty if the app is ready.
    pub async fn readiness(&self) -> Vec<&'static str> {
        self.failed_checks().await.into_iter().map(ReadinessCheck::as_str).collect()
    }

    /// The failed readiness checks.
    pub(crate) async fn failed_checks(&self) -> Vec<ReadinessCheck> {
        // Anyone may ask, and as often as they like: it costs at most one read of the store at a time.
        let store = self.parts.store_check.get_or_run(self.failed_store_check()).await;
        let others = [
            (self.parts.is_shutting_down.load(Ordering::SeqCst), ReadinessCheck::Closing),
            (!self.parts.clock.may_issue(), ReadinessCheck::Clock),
            (self.parts.has_stale_keys.load(Ordering::Relaxed), ReadinessCheck::Keys),
            (self.parts.node.as_ref().is_some_and(|node| !node.lease.is_held()), ReadinessCheck::NodeLease),
            (self.parts.hashing.is_stuck(), ReadinessCheck::Hashing),
        ];
        let mut failed: Vec<_> =
            others.into_iter().filter_map(|(has_failed, check)| has_failed.then_some(check)).collect();
        failed.extend(store);
        failed.sort_by_key(|check| *check as usize);
        failed
    }

    /// Reads from the store. If its last transaction failed, also writes a clock checkpoint: while all
    /// requests are sent to other instances, no other write would find out that the store works again.
    async fn failed_store_check(&self) -> Option<ReadinessCheck> {
        if let Err(error) = self.parts.store.revocation_log_head().await {
            tracing::error!(%error, "the store cannot be read");
            return Some(ReadinessCheck::Store);
        }
        if !self.parts.store.metrics().last_commit_failed() {
            return None;
        }
        let written = checkpoint::save(&*self.parts.store, &self.parts.state_keys, &self.parts.clock).await;
        written.is_err().then_some(ReadinessCheck::StoreWrites)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tempfile::TempDir;
    use tokio::join;
    use tokio::sync::oneshot;

    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn probes_that_come_during_a_check_share_the_next_one() {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let app = App::open(Settings::new("https://auth.example".parse().unwrap(), store)).await.unwrap();
        let (finish, finished) = oneshot::channel();
        let first = app.parts.store_check.get_or_run(async {
            finished.await.unwrap();
            None
        });
        let probes = join_all((0..64).map(|_| app.readiness()));
        let finish = async { finish.send(()).unwrap() };
        let reads = || app.parts.store.metrics().reads.snapshot().count();
        let before = reads();

        // Each is polled in this order.
        let (_, failed, ()) = join!(biased; first, probes, finish);

        assert!(failed.iter().all(Vec::is_empty), "{failed:?}");
        assert_eq!(reads() - before, 1);
    }
}
