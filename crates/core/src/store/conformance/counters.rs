//! Laws of durable counters: what was taken is counted, whoever takes at the same time.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::fixture::{HOUR, NOON, answer};
use crate::store::{CounterKey, Spent, Store};

fn counter(name: &str) -> CounterKey {
    CounterKey(name.to_owned())
}

pub(super) async fn of_parallel_takes_none_is_forgotten(store: Arc<dyn Store>) {
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let store = Arc::clone(&store);
        callers.spawn(async move { answer(store.take(&counter("login"), 3, HOUR, NOON).await).taken });
    }
    let mut told = callers.join_all().await;

    told.sort_unstable();
    assert_eq!(told, (1..=64).map(|count| 3 * count).collect::<Vec<u64>>());
}

pub(super) async fn a_window_begins_anew_when_it_is_over(store: Arc<dyn Store>) {
    let take = async |name, cost, now| answer(store.take(&counter(name), cost, HOUR, now).await);

    assert_eq!(take("a", 2, NOON).await, Spent { taken: 2, until: NOON + HOUR });
    assert_eq!(take("a", 0, NOON + HOUR / 2).await, Spent { taken: 2, until: NOON + HOUR });
    assert_eq!(take("b", 1, NOON + HOUR / 2).await, Spent { taken: 1, until: NOON + HOUR / 2 + HOUR });
    assert_eq!(take("a", 5, NOON + HOUR).await, Spent { taken: 5, until: NOON + 2 * HOUR });
    // A clock that was set back gives nothing back.
    assert_eq!(take("a", 1, NOON).await, Spent { taken: 6, until: NOON + 2 * HOUR });
}
