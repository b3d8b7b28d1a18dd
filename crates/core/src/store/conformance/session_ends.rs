//! Cases about the ends of very many sessions: invalid in one commit, marked in portions.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_verify::RevocationSubject;

use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, Session, SessionEnd};
use crate::store::conformance::fixture::{
    HOUR, NOON, answer, applied, ending, insert, insert_user, session, session_id, user, user_id,
};
use crate::store::{
    AppliedChanges, AuditEventQuery, Change, ExpiryEvents, MAX_ENDED_PER_COMMIT, Page, Store,
    complete_all_session_ends,
};

/// More sessions than two commits end.
const MANY: u16 = 2 * MAX_ENDED_PER_COMMIT as u16 + 88;

/// One user with many sessions, and another user with one.
async fn many_sessions(store: &Arc<dyn Store>) {
    let _ = applied(store, &[insert_user(user(1)), insert_user(user(2)), insert(session(5000, 2))]).await;
    let opened = |number: u16| {
        let at = NOON + Duration::from_millis(number.into());
        insert(Session { authenticated_at: at, seen_at: at, ..session(number, 1) })
    };
    let _ = applied(store, &(0..MANY).map(opened).collect::<Vec<_>>()).await;
}

/// Ends all sessions of the user but for the last, as a request of that user from 192.0.2.1.
async fn end_all_but_the_last(store: &Arc<dyn Store>) -> AppliedChanges {
    let except = session_id(MANY - 1);
    let client_info = ClientInfo { ip: Some([192, 0, 2, 1].into()), user_agent: Some("curl".into()) };
    let event = AuditEvent::by_user(AuditEventKind::SessionEnded, user_id(1), &client_info, NOON + HOUR);
    let changes = [
        Change::end_sessions_of(user_id(1), Some(except), ending(NOON + HOUR, EndReason::ByUser)),
        Change::record_session_ends(event.with_reason(EndReason::ByUser)),
        Change::refresh_position(except),
    ];
    applied(store, &changes).await
}

async fn live_sessions(store: &Arc<dyn Store>) -> Vec<Session> {
    answer(store.sessions_of(user_id(1), Page { after: None, limit: 1000 }, NOON + HOUR).await)
}

pub(super) async fn many_sessions_are_invalid_at_once_and_marked_in_portions(store: Arc<dyn Store>) {
    many_sessions(&store).await;

    let ended = end_all_but_the_last(&store).await;

    assert_eq!(ended.ended_sessions.len(), MAX_ENDED_PER_COMMIT as usize);
    let live: Vec<_> = live_sessions(&store).await.into_iter().map(|session| session.id).collect();
    assert_eq!(live, [session_id(MANY - 1)], "a list never shows a revoked session as live");
    for number in [0, MANY / 2, MANY - 2] {
        let context = answer(store.session_context(session_id(number)).await).expect("it was inserted");
        assert!(context.session.check_active(NOON + HOUR).is_err() || context.check_access().is_err());
    }
    let kept = answer(store.session_context(session_id(MANY - 1)).await).expect("it was inserted");
    assert_eq!(kept.check_access(), Ok(()));
    let pending = answer(store.pending_session_ends(10).await);
    assert_eq!(pending, ended.pending_ends);
    assert_eq!(pending.len(), 1);

    let later = answer(complete_all_session_ends(&*store).await);

    assert_eq!(ended.ended_sessions.len() + later, usize::from(MANY) - 1);
    assert!(answer(store.pending_session_ends(10).await).is_empty());
    let marked = answer(store.session(session_id(MANY - 2)).await).and_then(|session| session.ended);
    assert_eq!(marked, Some(SessionEnd { at: NOON + HOUR, reason: EndReason::ByUser }));
    assert_eq!(live_sessions(&store).await.len(), 1);
    let other = answer(store.session_context(session_id(5000)).await).expect("it was inserted");
    assert_eq!((other.session.ended, other.check_access()), (None, Ok(())));
}

pub(super) async fn each_session_of_a_portion_is_revoked_and_recorded_as_in_the_first_commit(
    store: Arc<dyn Store>,
) {
    many_sessions(&store).await;
    let ended = end_all_but_the_last(&store).await;

    let portion = answer(store.commit(&ended.pending_ends[0].next_portion()).await);
    let portion = portion.applied().expect("it has no condition");

    assert_eq!(portion.ended_sessions.len(), MAX_ENDED_PER_COMMIT as usize);
    assert_eq!(portion.end_reasons[0], EndReason::ByUser);
    let subjects: Vec<_> = portion.entries.iter().map(|entry| entry.subject.clone()).collect();
    let ids = portion.ended_sessions.iter().copied();
    assert_eq!(subjects, ids.map(RevocationSubject::Session).collect::<Vec<_>>());
    assert_eq!(portion.entries[0].until, ended.entries[0].until);
    let last = portion.ended_sessions.last().copied();
    let query = AuditEventQuery { session: last, limit: 10, ..AuditEventQuery::default() };
    let events = answer(store.audit_events(&query).await).rows;
    let [(_, event)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&event.actor, event.reason), (&Actor::User(user_id(1)), Some(EndReason::ByUser)));
    assert_eq!((event.at, event.user), (NOON + HOUR, Some(user_id(1))));
    assert_eq!(event.client_info.ip, Some([192, 0, 2, 1].into()));
    assert_eq!(portion.derived_events.last(), Some(event));
}

pub(super) async fn a_login_after_the_end_of_many_sessions_is_not_ended_by_the_portions(
    store: Arc<dyn Store>,
) {
    many_sessions(&store).await;
    let _ = end_all_but_the_last(&store).await;
    let head = answer(store.revocation_log_head().await);
    let _ = applied(&store, &[insert(Session { pos: head, ..session(6000, 1) })]).await;

    let _ = answer(complete_all_session_ends(&*store).await);

    let live: Vec<_> = live_sessions(&store).await.into_iter().map(|session| session.id).collect();
    assert_eq!(live.len(), 2);
    assert!(live.contains(&session_id(6000)));
}

pub(super) async fn a_user_with_many_sessions_is_gone_at_once_and_deleted_in_portions(store: Arc<dyn Store>) {
    many_sessions(&store).await;
    let all = Change::end_sessions_of(user_id(1), None, ending(NOON, EndReason::UserDisabled));

    let _ = applied(&store, &[all, Change::remove_user(user_id(1))]).await;

    assert!(live_sessions(&store).await.is_empty());
    assert_eq!(answer(store.users(Page { after: None, limit: 10 }).await), [user(2)]);
    assert_eq!(answer(store.users_before("\u{10ffff}", 10).await), [user(2)]);
    assert!(answer(store.pending_session_ends(10).await).is_empty());
    // Nothing has expired at this time; only the rows of the user are left.
    let mut deleted = Vec::new();
    while deleted.last() != Some(&0) {
        deleted.push(answer(store.purge(NOON, 100, ExpiryEvents::Record).await));
        assert!(deleted.iter().all(|count| *count <= 100));
    }
    assert_eq!(deleted.iter().sum::<u64>(), u64::from(MANY) + 1);
    assert!(answer(store.session(session_id(5000)).await).is_some());
    let _ = applied(&store, &[insert_user(user(1))]).await;
}

pub(super) async fn one_login_ends_a_bounded_number_of_sessions_above_the_limit(store: Arc<dyn Store>) {
    many_sessions(&store).await;
    let newest = session_id(MANY - 1);
    let limit =
        Change::end_oldest_sessions_of(user_id(1), newest, 9, ending(NOON + HOUR, EndReason::SessionLimit));

    let mut ended = Vec::new();
    while ended.last() != Some(&0) {
        ended.push(applied(&store, std::slice::from_ref(&limit)).await.ended_sessions.len());
    }

    assert!(ended.iter().all(|count| *count <= MAX_ENDED_PER_COMMIT as usize), "{ended:?}");
    assert_eq!(live_sessions(&store).await.len(), 10);
}
