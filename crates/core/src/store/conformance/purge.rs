//! Cases about the purge: it removes what has expired, in limited steps, and nothing that is active.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Map;

use counterfoil_verify::{RevocationPosition, RevocationSubject, SessionId};

use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{EndReason, Session};
use crate::store::conformance::counters::increment;
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, YEAR, answer, applied, end, insert, insert_user, one_login, record, replace,
    revocation_log_after, session, session_id, used, user,
};
use crate::store::{
    AppliedChanges, AuditEventQuery, AuditRetention, Change, CommitListener, CutoffScope, ExpiryEvents,
    NewRevocation, PurgedEvents, SessionDataPatch, Store,
};

/// Purges until nothing is left to remove.
pub(super) async fn purge_all(store: &Arc<dyn Store>, now: counterfoil_jose::Time) -> u64 {
    let mut dropped = 0;
    loop {
        let count = answer(store.purge(now, 1000, ExpiryEvents::Record).await);
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

pub(super) async fn an_expired_session_is_purged_after_its_last_token(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let minute = HOUR / 60;

    let _ = purge_all(&store, NOON + DAY + 16 * minute).await;
    assert!(answer(store.session(stored.id).await).is_some());
    let _ = purge_all(&store, NOON + DAY + 17 * minute).await;
    assert_eq!(answer(store.session(stored.id).await), None);
}

/// The events of expired sessions, the oldest first.
async fn expiries(store: &Arc<dyn Store>) -> Vec<AuditEvent> {
    let kinds = vec![AuditEventKind::SessionExpired];
    let query = AuditEventQuery { kinds, after: Some(0), limit: 1000, ..AuditEventQuery::default() };
    answer(store.audit_events(&query).await).rows.into_iter().map(|(_, event)| event).collect()
}

pub(super) async fn an_expired_session_is_recorded_once_with_its_cause(store: Arc<dyn Store>) {
    let idle = one_login(&store).await;
    let absolute = Session { idle: YEAR, expires_at: NOON + 2 * DAY, ..session(2, 1) };
    let _ = applied(&store, &[insert(absolute.clone())]).await;

    let _ = purge_all(&store, NOON + DAY + Duration::from_secs(59)).await;
    assert_eq!(expiries(&store).await, [], "a use may still be written");
    for minute in 1..30 {
        let _ = purge_all(&store, NOON + DAY + minute * HOUR / 60).await;
    }
    let _ = purge_all(&store, NOON + YEAR).await;

    let found = expiries(&store).await;
    let summary: Vec<_> =
        found.iter().map(|event| (event.session, event.at, event.reason, event.detail.as_deref())).collect();
    assert_eq!(
        summary,
        [
            (Some(idle.id), NOON + DAY, Some(EndReason::Idle), Some("not used for 24 hours")),
            (Some(absolute.id), NOON + 2 * DAY, Some(EndReason::Absolute), Some("2 days after the login")),
        ]
    );
    assert!(found.iter().all(|event| event.user == Some(idle.user) && event.actor == Actor::System));
}

pub(super) async fn a_session_that_was_ended_or_revoked_does_not_expire(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let changes = [insert(session(2, 1)), end(2, NOON + HOUR), Change::set_cutoff(CutoffScope::Everyone)];
    let _ = applied(&store, &changes).await;

    let _ = purge_all(&store, NOON + YEAR).await;

    assert!(answer(store.session(session_id(1)).await).is_none());
    assert_eq!(expiries(&store).await, []);
}

/// A clock that is set back makes the session active again.
pub(super) async fn a_session_that_is_used_after_its_expiry_was_recorded_is_not_recorded_again(
    store: Arc<dyn Store>,
) {
    let stored = one_login(&store).await;
    let _ = purge_all(&store, NOON + DAY + HOUR / 12).await;
    let _ = applied(&store, &[replace(used(&stored, NOON + DAY - HOUR))]).await;

    let _ = purge_all(&store, NOON + DAY + HOUR).await;
    assert!(answer(store.session(stored.id).await).is_some(), "it is active for another day");
    let _ = purge_all(&store, NOON + YEAR).await;

    assert_eq!(expiries(&store).await.len(), 1);
}

pub(super) async fn many_expired_sessions_are_recorded_in_portions(store: Arc<dyn Store>) {
    let mut changes = vec![insert_user(user(1))];
    changes.extend((0..50).map(|number| insert(session(number, 1))));
    let _ = applied(&store, &changes).await;

    let mut recorded = Vec::new();
    while answer(store.purge(NOON + YEAR, 7, ExpiryEvents::Record).await) > 0 {
        recorded.push(expiries(&store).await.len());
    }

    assert_eq!(recorded, [7, 14, 21, 28, 35, 42, 49, 50]);
}

pub(super) async fn expiries_are_counted_and_not_recorded_if_the_audit_log_omits_them(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    store.subscribe(Arc::new(Expired(Arc::clone(&seen))));

    let _ = answer(store.purge(NOON + DAY + HOUR / 12, 7, ExpiryEvents::Omit).await);
    let _ = purge_all(&store, NOON + YEAR).await;

    assert_eq!(expiries(&store).await, []);
    assert_eq!(*seen.lock().expect("no panic"), [(stored.id, EndReason::Idle)]);
}

/// Collects the sessions that expire, with the reason.
struct Expired(Arc<Mutex<Vec<(SessionId, EndReason)>>>);

impl CommitListener for Expired {
    fn on_commit(&self, _: &[Change], applied: &AppliedChanges) {
        self.0.lock().expect("no panic").extend(applied.expired_sessions.iter().copied());
    }

    fn on_failure(&self) {}
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
            status_index: None,
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
    answer(store.audit_events(&query).await).rows.into_iter().map(|(number, _)| number).collect()
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
        let count = answer(store.purge(NOON + YEAR, 7, ExpiryEvents::Record).await);
        assert!(count <= 7);
        dropped.push(count);
        if count == 0 {
            break;
        }
    }

    // Fifty sessions and fifty log entries.
    assert_eq!(dropped.iter().sum::<u64>(), 100);
}
