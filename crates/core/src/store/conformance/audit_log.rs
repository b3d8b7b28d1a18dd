//! Cases about the audit log: events are found by user, session and kind.

use std::net::IpAddr;
use std::sync::Arc;

use counterfoil_verify::ClientId;

use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason};
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, answer, applied, end, ending, insert, one_login, record, session, session_id, user_id,
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
                answer(store.audit_events(&AuditEventQuery { before, limit: 4, ..query.clone() }).await).rows;
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

pub(super) async fn events_are_found_by_their_actor_and_their_address(store: Arc<dyn Store>) {
    let ip = |last| IpAddr::from([192, 0, 2, last]);
    for number in 0..12_u8 {
        let actor =
            if number % 3 == 0 { Actor::Operator } else { Actor::User(user_id(u16::from(number % 3))) };
        let client_info = ClientInfo { ip: Some(ip(number % 4)), ..ClientInfo::default() };
        let event = AuditEvent::by_actor(AuditEventKind::LoginSucceeded, actor, &client_info, NOON);
        let _ = applied(&store, &[Change::record_event(event)]).await;
    }
    let found = async |actor: Option<Actor>, ip: Option<IpAddr>| {
        let query = AuditEventQuery { actor, ip, limit: 100, ..AuditEventQuery::default() };
        answer(store.audit_events(&query).await).rows.len()
    };

    assert_eq!(found(Some(Actor::Operator), None).await, 4);
    assert_eq!(found(Some(Actor::User(user_id(2))), None).await, 4);
    assert_eq!(found(None, Some(ip(1))).await, 3);
    assert_eq!(found(Some(Actor::Operator), Some(ip(3))).await, 1);
    assert_eq!(found(Some(Actor::System), None).await, 0);
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
        answer(store.audit_events(&AuditEventQuery { limit: 10, ..AuditEventQuery::default() }).await).rows;
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
        answer(store.audit_events(&query).await).rows.into_iter().map(|(_, event)| event.kind).collect();

    assert_eq!(
        found,
        [AuditEventKind::Restored, AuditEventKind::EveryoneRevoked, AuditEventKind::ClientRevoked]
    );
}

/// The numbers of the events that `query` finds, in all reads together, and the number of reads.
async fn scan_all(store: &Arc<dyn Store>, query: &AuditEventQuery) -> (Vec<AuditEventNumber>, usize) {
    let (mut found, mut query) = (Vec::new(), query.clone());
    for reads in 1.. {
        let scan = answer(store.audit_events(&query).await);
        found.extend(scan.rows.into_iter().map(|(number, _)| number));
        let Some(next) = scan.next else { return (found, reads) };
        match query.after {
            Some(_) => query.after = Some(next),
            None => query.before = Some(next),
        }
    }
    unreachable!("the loop ends with the last event")
}

pub(super) async fn events_are_filtered_by_kind_and_time_in_both_directions(store: Arc<dyn Store>) {
    let kinds = [AuditEventKind::LoginSucceeded, AuditEventKind::LoginFailed, AuditEventKind::SessionEnded];
    for (hour, kind) in (0..30).zip(kinds.into_iter().cycle()) {
        let at = NOON + hour * HOUR;
        let event = AuditEvent::by_actor(kind, Actor::System, &ClientInfo::default(), at);
        let _ = applied(&store, &[Change::record_event(event.with_user(user_id(1)))]).await;
    }
    let all = AuditEventQuery { limit: 4, ..AuditEventQuery::default() };
    let two_kinds = AuditEventQuery { kinds: kinds[..2].to_vec(), ..all.clone() };
    let between =
        AuditEventQuery { from: Some(NOON + 6 * HOUR), until: Some(NOON + 9 * HOUR), ..all.clone() };
    let both = AuditEventQuery { user: Some(user_id(1)), kinds: vec![kinds[2]], ..between.clone() };
    let later = AuditEventQuery { from: Some(NOON + 30 * HOUR), ..all.clone() };

    for (query, count, newest) in [(two_kinds, 20, 29), (between, 3, 9), (both, 1, 9), (later, 0, 0)] {
        let (mut newest_first, _) = scan_all(&store, &query).await;
        let (oldest_first, _) = scan_all(&store, &AuditEventQuery { after: Some(0), ..query }).await;
        assert_eq!((newest_first.len(), newest_first.first().copied().unwrap_or(0)), (count, newest));
        newest_first.reverse();
        assert_eq!(newest_first, oldest_first);
    }
}

pub(super) async fn a_read_with_a_filter_visits_a_bounded_number_of_events(store: Arc<dyn Store>) {
    for _ in 0..5 {
        let changes: Vec<_> = (0..1000).map(|_| record(1, 1, NOON)).collect();
        let _ = applied(&store, &changes).await;
    }
    let event =
        AuditEvent::by_actor(AuditEventKind::Restored, Actor::Operator, &ClientInfo::default(), NOON + HOUR);
    let _ = applied(&store, &[Change::record_event(event), record(1, 1, NOON + HOUR)]).await;

    let of_kind = |kind| AuditEventQuery { kinds: vec![kind], limit: 10, ..AuditEventQuery::default() };
    let (found, reads) = scan_all(&store, &of_kind(AuditEventKind::Restored)).await;
    assert_eq!(found, [5001]);
    assert!(reads > 2, "{reads} reads of 5,002 events");
    let recent = AuditEventQuery { from: Some(NOON + 2 * DAY), ..of_kind(AuditEventKind::Restored) };
    assert_eq!(
        scan_all(&store, &recent).await,
        (Vec::new(), 1),
        "it ends at the first event that is too old"
    );
}
