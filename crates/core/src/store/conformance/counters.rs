//! Laws of durable counters: what was taken is counted, whoever takes at the same time.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::store::conformance::fixture::{HOUR, NOON, answer, applied};
use crate::store::{Change, CounterIncrement, CounterKey, CounterValue, Store};

pub(super) fn counter(name: &str) -> CounterKey {
    CounterKey(name.to_owned())
}

/// Something taken from one counter, for an hour.
pub(super) fn increment(name: &str, amount: u32) -> CounterIncrement {
    CounterIncrement { key: counter(name), amount, window: HOUR }
}

pub(super) async fn of_parallel_takes_none_is_forgotten(store: Arc<dyn Store>) {
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            answer(store.increment_counters(&[increment("login", 3)], NOON).await)[0].count
        });
    }
    let mut reported = callers.join_all().await;

    reported.sort_unstable();
    assert_eq!(reported, (1..=64).map(|count| 3 * count).collect::<Vec<u64>>());
}

pub(super) async fn a_window_begins_anew_when_it_is_over(store: Arc<dyn Store>) {
    let take =
        async |name, amount, now| answer(store.increment_counters(&[increment(name, amount)], now).await)[0];

    assert_eq!(take("a", 2, NOON).await, CounterValue { count: 2, resets_at: NOON + HOUR });
    assert_eq!(take("a", 0, NOON + HOUR / 2).await, CounterValue { count: 2, resets_at: NOON + HOUR });
    assert_eq!(
        take("b", 1, NOON + HOUR / 2).await,
        CounterValue { count: 1, resets_at: NOON + HOUR / 2 + HOUR }
    );
    assert_eq!(take("a", 5, NOON + HOUR).await, CounterValue { count: 5, resets_at: NOON + 2 * HOUR });
    // A clock that was set back gives nothing back.
    assert_eq!(take("a", 1, NOON).await, CounterValue { count: 6, resets_at: NOON + 2 * HOUR });
}

pub(super) async fn several_counters_are_told_in_the_order_that_was_asked(store: Arc<dyn Store>) {
    let reported = answer(
        store.increment_counters(&[increment("b", 2), increment("a", 1), increment("b", 3)], NOON).await,
    );

    assert_eq!(reported.iter().map(|spent| spent.count).collect::<Vec<_>>(), [2, 1, 5]);
    let keys = [counter("a"), counter("none"), counter("b")];
    let taken = async |now| answer(store.counters(&keys, now).await).into_iter().map(|spent| spent.count);
    assert_eq!(taken(NOON).await.collect::<Vec<_>>(), [1, 0, 5]);
    assert_eq!(taken(NOON + HOUR).await.collect::<Vec<_>>(), [0, 0, 0], "the windows are over");
    // Reading takes nothing.
    assert_eq!(answer(store.increment_counters(&[increment("a", 0)], NOON).await)[0].count, 1);
}

pub(super) async fn a_counter_is_what_it_was_last_set_to(store: Arc<dyn Store>) {
    let _ = answer(store.increment_counters(&[increment("a", 7)], NOON).await);
    let set = CounterValue { count: 1, resets_at: NOON + HOUR * 3 };

    let _ = applied(&store, &[Change::SetCounter(counter("a"), set)]).await;
    let _ = applied(&store, &[Change::SetCounter(counter("b"), set)]).await;

    assert_eq!(answer(store.counters(&[counter("a"), counter("b")], NOON + HOUR).await), [set, set]);
    let taken = answer(store.increment_counters(&[increment("a", 1)], NOON + HOUR).await);
    assert_eq!(taken, [CounterValue { count: 2, ..set }]);
}
