//! Cases about the audit log: events are found by user, session and kind.

use std::sync::Arc;

use counterfoil_verify::ClientId;

use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason};
use crate::store::conformance::fixture::{
    NOON, answer, applied, end, ending, insert, one_login, record, session, session_id, user_id,
};
use crate::store::{AuditEventNumber, AuditEventQuery, Change, Store};

pub(super) async fn events_are_listed_by_user_and_session_and_newest_first(store: Arc<dyn Store>) {
    // Thirty events of the users 0, 1, 2, 0, ..., each in one of six sessions.
    for event in 0..30 {
        let _ = applied(&store, &[record(event % 3, event % 6, NOON)]).await;
    }
    let found = async |query: AuditEventQuery| {
        let mut all: Vec<AuditEventNumber> = Vec::new();
        loop {
            let before = all.last().copied();
            let page =
                answer(store.audit_events(&AuditEventQuery { before, limit: 4, ..query.clone() }).await);
            assert!(page.len() <= 4);
            for (_, event) in &page {
                assert!(query.user.is_none_or(|user| event.user == Some(user)));
                assert!(query.session.is_none_or(|session| event.session == Some(session)));
            }
            if page.is_empty() {
                assert!(all.is_sorted_by(|a, b| a > b));
                return all.len();
            }
            all.extend(page.into_iter().map(|(number, _)| number));
        }
    };

    let (user, session) = (Some(user_id(1)), Some(session_id(1)));
    assert_eq!(found(AuditEventQuery::default()).await, 30);
    assert_eq!(found(AuditEventQuery { user, ..AuditEventQuery::default() }).await, 10);
    assert_eq!(found(AuditEventQuery { session, ..AuditEventQuery::default() }).await, 5);
    assert_eq!(found(AuditEventQuery { user, session, ..AuditEventQuery::default() }).await, 5);
    assert_eq!(
        found(AuditEventQuery { user: Some(user_id(2)), session, ..AuditEventQuery::default() }).await,
        0
    );
}

pub(super) async fn each_session_end_is_recorded_once(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), insert(session(3, 1)), end(3, NOON)]).await;
    let record_ends = |kind| {
        let event = AuditEvent::by_actor(kind, Actor::Operator, &ClientInfo::default(), NOON);
        Change::record_session_ends(event.with_reason(EndReason::ByAdmin))
    };
    let all = Change::end_sessions_of(user_id(1), None, ending(NOON, EndReason::ByAdmin));
    let changes = [
        record_ends(AuditEventKind::LoginSucceeded),
        end(1, NOON),
        record_ends(AuditEventKind::SessionEnded),
        all,
        record_ends(AuditEventKind::SessionsEnded),
    ];
    let _ = applied(&store, &changes).await;

    let events =
        answer(store.audit_events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await);
    let reported: Vec<_> = events.iter().map(|(_, event)| (event.kind, event.session)).collect();
    assert_eq!(
        reported,
        [
            (AuditEventKind::SessionsEnded, Some(session_id(2))),
            (AuditEventKind::SessionEnded, Some(session_id(1))),
        ]
    );
    for (_, event) in events {
        assert_eq!((event.user, event.client), (Some(user_id(1)), Some(ClientId::default())));
        assert_eq!((event.actor, event.reason), (Actor::Operator, Some(EndReason::ByAdmin)));
    }
}

pub(super) async fn events_that_set_a_cutoff_are_listed_alone(store: Arc<dyn Store>) {
    let kinds = [
        AuditEventKind::ClientRevoked,
        AuditEventKind::LoginSucceeded,
        AuditEventKind::EveryoneRevoked,
        AuditEventKind::Restored,
    ];
    for kind in kinds {
        let event = AuditEvent::by_actor(kind, Actor::Operator, &ClientInfo::default(), NOON);
        let _ = applied(&store, &[Change::record_event(event)]).await;
    }

    let query = AuditEventQuery { cutoffs_only: true, limit: 10, ..AuditEventQuery::default() };
    let found: Vec<_> =
        answer(store.audit_events(&query).await).into_iter().map(|(_, event)| event.kind).collect();

    assert_eq!(
        found,
        [AuditEventKind::Restored, AuditEventKind::EveryoneRevoked, AuditEventKind::ClientRevoked]
    );
}
