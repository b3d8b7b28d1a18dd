//! Cases about the purge: it removes what has expired, in limited steps, and nothing that is active.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;

use counterfoil_verify::{RevocationPosition, RevocationSubject};

use crate::model::session::{EndReason, Session};
use crate::store::conformance::counters::increment;
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, YEAR, answer, applied, end, insert, insert_user, one_login, record, replace,
    revocation_log_after, session, session_id, used, user,
};
use crate::store::{
    AuditEventQuery, AuditRetention, Change, NewRevocation, PurgedEvents, SessionDataPatch, Store,
};

/// Purges until nothing is left to remove.
async fn purge_all(store: &Arc<dyn Store>, now: counterfoil_jose::Time) -> u64 {
    let mut dropped = 0;
    loop {
        let count = answer(store.purge(now, 1000).await);
        dropped += count;
        if count == 0 {
            return dropped;
        }
    }
}

pub(super) async fn active_records_are_never_purged(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let long = Session { idle: YEAR, expires_at: NOON + YEAR, ..session(2, 1) };
    let endless = Session { idle: YEAR * 1_000_000, expires_at: NOON + YEAR * 1_000_000, ..session(3, 1) };
    let _ = applied(&store, &[insert(long), insert(endless)]).await;

    let _ = purge_all(&store, NOON + DAY - HOUR).await;
    assert!(answer(store.session(session_id(1)).await).is_some());
    let _ = purge_all(&store, NOON + YEAR - HOUR).await;
    assert!(answer(store.session(session_id(1)).await).is_none());
    assert!(answer(store.session(session_id(2)).await).is_some());
    let _ = purge_all(&store, NOON + 1000 * YEAR).await;
    assert!(answer(store.session(session_id(2)).await).is_none());
    assert!(answer(store.session(session_id(3)).await).is_some());
    assert!(answer(store.user(user(1).id).await).is_some());
}

pub(super) async fn an_ended_session_stays_a_day_without_its_data(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let patch = Map::from_iter([("a".to_owned(), 1.into())]);
    let merge = Change::merge_data(SessionDataPatch {
        session: session_id(1),
        patch,
        expected_revision: None,
        max_bytes: 100,
        max_bytes_of_user: None,
        now: NOON,
    });
    let _ = applied(&store, &[merge, end(1, NOON + HOUR)]).await;

    // The reuse of a refresh token must still be detected.
    let _ = purge_all(&store, NOON + DAY).await;
    let ended = answer(store.session(session_id(1)).await).expect("it ended less than a day ago");
    assert!(ended.ended.is_some());
    assert_eq!(answer(store.session_data(session_id(1)).await), None, "the data is removed with the end");

    let _ = purge_all(&store, NOON + 10 * DAY).await;
    assert_eq!(answer(store.session(session_id(1)).await), None);
    assert_eq!(answer(store.session_data(session_id(1)).await), None);
}

pub(super) async fn an_expired_session_is_purged_after_ten_minutes(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let minute = HOUR / 60;

    let _ = purge_all(&store, NOON + DAY + 9 * minute).await;
    assert!(answer(store.session(stored.id).await).is_some());
    let _ = purge_all(&store, NOON + DAY + 10 * minute).await;
    assert_eq!(answer(store.session(stored.id).await), None);
}

pub(super) async fn a_session_in_use_is_not_purged(store: Arc<dyn Store>) {
    let mut stored = one_login(&store).await;
    for day in 1..=20 {
        let now = NOON + day * DAY - HOUR;
        stored = used(&stored, now);
        let _ = applied(&store, &[replace(stored.clone())]).await;
        let _ = purge_all(&store, now).await;
        assert_eq!(answer(store.session(stored.id).await), Some(stored.clone()), "on day {day}");
    }
    let _ = purge_all(&store, NOON + 23 * DAY).await;
    assert_eq!(answer(store.session(stored.id).await), None);
}

pub(super) async fn log_entries_are_purged_when_they_expire_and_keys_never(store: Arc<dyn Store>) {
    let append = |subject: &str, until| {
        Change::append_revocation(NewRevocation {
            subject: subject.parse::<RevocationSubject>().expect("a subject"),
            reason: EndReason::ByAdmin,
            at: NOON,
            remember_until: until,
        })
    };
    let changes = [
        append("key:k", None),
        append("client:early", Some(NOON + HOUR)),
        append("client:late", Some(NOON + DAY)),
    ];
    let entries = applied(&store, &changes).await.entries;
    let left = async || revocation_log_after(&store, RevocationPosition::START).await;

    let _ = purge_all(&store, NOON + HOUR - HOUR / 2).await;
    assert_eq!(left().await.entries, entries);
    let _ = purge_all(&store, NOON + 2 * HOUR).await;
    assert_eq!(left().await.entries, [entries[0].clone(), entries[2].clone()]);
    let _ = purge_all(&store, NOON + YEAR).await;
    assert_eq!(left().await.entries, [entries[0].clone()]);

    // The head does not fall when entries are removed.
    assert_eq!(left().await.head, entries[2].position);
    let next = applied(&store, &[append("client:c", None)]).await.entries;
    assert!(next[0].position > entries[2].position);
}

pub(super) async fn old_counters_are_purged(store: Arc<dyn Store>) {
    let _ = answer(store.increment_counters(&[increment("login", 5)], NOON).await);

    assert_eq!(purge_all(&store, NOON + HOUR / 2).await, 0);
    assert_eq!(answer(store.increment_counters(&[increment("login", 1)], NOON).await)[0].count, 6);
    assert_eq!(purge_all(&store, NOON + DAY).await, 1);
}

/// The numbers of all events, the newest first.
async fn event_numbers(store: &Arc<dyn Store>) -> Vec<u64> {
    let query = AuditEventQuery { limit: 100, ..AuditEventQuery::default() };
    answer(store.audit_events(&query).await).into_iter().map(|(number, _)| number).collect()
}

pub(super) async fn old_events_are_purged_and_their_numbers_are_not_used_again(store: Arc<dyn Store>) {
    let retention = AuditRetention { max_age: 90 * DAY, max_events: None };
    let _ = applied(&store, &[record(1, 1, NOON), record(1, 1, NOON + 50 * DAY)]).await;

    let at = NOON + 91 * DAY;
    let purged = answer(store.purge_audit_log(retention, at, 100).await);
    assert_eq!(purged, PurgedEvents { expired: 1, above_limit: 0 });
    let left = event_numbers(&store).await;
    assert_eq!(left.len(), 1);

    // The newest event stays, however old it is.
    assert_eq!(answer(store.purge_audit_log(retention, NOON + YEAR, 100).await).total(), 0);
    let _ = applied(&store, &[record(1, 1, NOON + YEAR)]).await;
    assert!(event_numbers(&store).await[0] > left[0]);
}

pub(super) async fn events_above_the_limit_are_purged_oldest_first_and_in_steps(store: Arc<dyn Store>) {
    let retention = AuditRetention { max_age: YEAR, max_events: NonZeroU64::new(10) };
    let changes: Vec<_> = (0..35).map(|second| record(1, 1, NOON + Duration::from_secs(second))).collect();
    let _ = applied(&store, &changes).await;
    let all = event_numbers(&store).await;

    let mut purged = Vec::new();
    loop {
        let PurgedEvents { expired, above_limit } = answer(store.purge_audit_log(retention, NOON, 7).await);
        assert_eq!(expired, 0);
        purged.push(above_limit);
        if above_limit < 7 {
            break;
        }
    }

    assert_eq!(purged, [7, 7, 7, 4]);
    assert_eq!(event_numbers(&store).await, all[..10], "the newest are left");
    let unlimited = AuditRetention { max_events: None, ..retention };
    assert_eq!(answer(store.purge_audit_log(unlimited, NOON, 7).await).total(), 0);
}

pub(super) async fn a_purge_removes_at_most_its_limit(store: Arc<dyn Store>) {
    let mut changes = vec![insert_user(user(1))];
    for number in 0..50 {
        changes.extend([insert(session(number, 1)), end(number, NOON)]);
    }
    let _ = applied(&store, &changes).await;

    let mut dropped = Vec::new();
    loop {
        let count = answer(store.purge(NOON + YEAR, 7).await);
        assert!(count <= 7);
        dropped.push(count);
        if count == 0 {
            break;
        }
    }

    // Fifty sessions and fifty log entries.
    assert_eq!(dropped.iter().sum::<u64>(), 100);
}
