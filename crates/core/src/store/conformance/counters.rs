//! Cases about durable counters: no increment is lost among parallel callers.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::store::conformance::fixture::{HOUR, NOON, answer, applied};
use crate::store::{Change, CounterIncrement, CounterKey, CounterValue, Store};

pub(super) fn counter(name: &str) -> CounterKey {
    CounterKey(name.to_owned())
}

/// An increment with a window of one hour.
pub(super) fn increment(name: &str, amount: u32) -> CounterIncrement {
    CounterIncrement { key: counter(name), amount, window: HOUR, while_previous_at_most: None }
}

pub(super) async fn no_parallel_increment_is_lost(store: Arc<dyn Store>) {
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

pub(super) async fn a_counter_starts_again_when_its_window_is_over(store: Arc<dyn Store>) {
    let add =
        async |name, amount, now| answer(store.increment_counters(&[increment(name, amount)], now).await)[0];

    assert_eq!(add("a", 2, NOON).await, CounterValue { count: 2, resets_at: NOON + HOUR });
    assert_eq!(add("a", 0, NOON + HOUR / 2).await, CounterValue { count: 2, resets_at: NOON + HOUR });
    assert_eq!(
        add("b", 1, NOON + HOUR / 2).await,
        CounterValue { count: 1, resets_at: NOON + HOUR / 2 + HOUR }
    );
    assert_eq!(add("a", 5, NOON + HOUR).await, CounterValue { count: 5, resets_at: NOON + 2 * HOUR });
    // Setting the clock back does not reset a counter.
    assert_eq!(add("a", 1, NOON).await, CounterValue { count: 6, resets_at: NOON + 2 * HOUR });
}

pub(super) async fn counters_are_returned_in_the_requested_order(store: Arc<dyn Store>) {
    let reported = answer(
        store.increment_counters(&[increment("b", 2), increment("a", 1), increment("b", 3)], NOON).await,
    );

    assert_eq!(reported.iter().map(|value| value.count).collect::<Vec<_>>(), [2, 1, 5]);
    let keys = [counter("a"), counter("none"), counter("b")];
    let values = async |now| answer(store.counters(&keys, now).await).into_iter().map(|value| value.count);
    assert_eq!(values(NOON).await.collect::<Vec<_>>(), [1, 0, 5]);
    assert_eq!(values(NOON + HOUR).await.collect::<Vec<_>>(), [0, 0, 0], "the windows are over");
    // Reading does not change a counter.
    assert_eq!(answer(store.increment_counters(&[increment("a", 0)], NOON).await)[0].count, 1);
}

pub(super) async fn a_counter_has_the_value_that_was_last_set(store: Arc<dyn Store>) {
    let _ = answer(store.increment_counters(&[increment("a", 7)], NOON).await);
    let set = CounterValue { count: 1, resets_at: NOON + HOUR * 3 };

    let _ = applied(&store, &[Change::set_counter(counter("a"), set)]).await;
    let _ = applied(&store, &[Change::set_counter(counter("b"), set)]).await;

    assert_eq!(answer(store.counters(&[counter("a"), counter("b")], NOON + HOUR).await), [set, set]);
    let values = answer(store.increment_counters(&[increment("a", 1)], NOON + HOUR).await);
    assert_eq!(values, [CounterValue { count: 2, ..set }]);
}

pub(super) async fn an_increment_counts_only_while_the_previous_value_is_low(store: Arc<dyn Store>) {
    let share = CounterIncrement { while_previous_at_most: Some(2), ..increment("all", 1) };
    let add = async |source: &str, now| {
        let values = answer(store.increment_counters(&[increment(source, 1), share.clone()], now).await);
        values.iter().map(|value| value.count).collect::<Vec<_>>()
    };

    assert_eq!(add("first", NOON).await, [1, 1]);
    assert_eq!(add("first", NOON).await, [2, 2]);
    assert_eq!(add("first", NOON).await, [3, 2], "the first source has added its share");
    assert_eq!(add("second", NOON).await, [1, 3]);
    // What depends on an increment that did not count does not count either.
    let (all, dependent) =
        (share.clone(), CounterIncrement { while_previous_at_most: Some(9), ..increment("next", 1) });
    let chain = [increment("first", 1), all, dependent];
    let values = answer(store.increment_counters(&chain, NOON).await);
    assert_eq!(values.iter().map(|value| value.count).collect::<Vec<_>>(), [4, 3, 0]);
    // A counter that is not incremented starts no window.
    let _ = answer(store.increment_counters(&[increment("full", 3), share.clone()], NOON + HOUR).await);
    assert_eq!(answer(store.counters(&[counter("all")], NOON + HOUR).await)[0].count, 0);
}
