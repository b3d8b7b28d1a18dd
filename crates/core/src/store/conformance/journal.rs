//! The law of the journal: its lines are found again.

use std::sync::Arc;

use counterfoil_verify::ClientId;

use crate::model::audit_event::{Actor, Event, EventKind};
use crate::model::session::{Cause, Circumstances};
use crate::store::conformance::fixture::{
    NOON, answer, applied, end, ending, insert, one_login, record, session, session_id, user_id,
};
use crate::store::{Change, EventNumber, EventQuery, Store};

pub(super) async fn lines_are_told_by_user_by_session_and_the_newest_first(store: Arc<dyn Store>) {
    // Thirty lines: user 0, 1, 2, 0, ..., each in a session out of six.
    for line in 0..30 {
        let _ = applied(&store, &[record(line % 3, line % 6, NOON)]).await;
    }
    let found = async |query: EventQuery| {
        let mut all: Vec<EventNumber> = Vec::new();
        loop {
            let before = all.last().copied();
            let page = answer(store.events(&EventQuery { before, limit: 4, ..query.clone() }).await);
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
    assert_eq!(found(EventQuery::default()).await, 30);
    assert_eq!(found(EventQuery { user, ..EventQuery::default() }).await, 10);
    assert_eq!(found(EventQuery { session, ..EventQuery::default() }).await, 5);
    assert_eq!(found(EventQuery { user, session, ..EventQuery::default() }).await, 5);
    assert_eq!(found(EventQuery { user: Some(user_id(2)), session, ..EventQuery::default() }).await, 0);
}

pub(super) async fn each_session_that_ends_is_told_of_once(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), insert(session(3, 1)), end(3, NOON)]).await;
    let tell = |kind| {
        let line = Event::by(kind, Actor::Operator, &Circumstances::default(), NOON);
        Change::RecordEnds(Box::new(line.because(Cause::ByAdmin)))
    };
    let all = Change::EndSessionsOf { user: user_id(1), except: None, ending: ending(NOON, Cause::ByAdmin) };
    let changes = [
        tell(EventKind::SignedIn),
        end(1, NOON),
        tell(EventKind::SessionEnded),
        all,
        tell(EventKind::SessionsEnded),
    ];
    let _ = applied(&store, &changes).await;

    let lines = answer(store.events(&EventQuery { limit: 10, ..EventQuery::default() }).await);
    let told: Vec<_> = lines.iter().map(|(_, line)| (line.kind, line.session)).collect();
    assert_eq!(
        told,
        [(EventKind::SessionsEnded, Some(session_id(2))), (EventKind::SessionEnded, Some(session_id(1))),]
    );
    for (_, line) in lines {
        assert_eq!((line.user, line.client), (Some(user_id(1)), Some(ClientId::default())));
        assert_eq!((line.actor, line.cause), (Actor::Operator, Some(Cause::ByAdmin)));
    }
}

pub(super) async fn what_ended_everybody_is_found_by_itself(store: Arc<dyn Store>) {
    let kinds =
        [EventKind::ClientRevoked, EventKind::SignedIn, EventKind::EveryoneRevoked, EventKind::Restored];
    for kind in kinds {
        let line = Event::by(kind, Actor::Operator, &Circumstances::default(), NOON);
        let _ = applied(&store, &[Change::Record(Box::new(line))]).await;
    }

    let query = EventQuery { marks: true, limit: 10, ..EventQuery::default() };
    let found: Vec<_> = answer(store.events(&query).await).into_iter().map(|(_, line)| line.kind).collect();

    assert_eq!(found, [EventKind::Restored, EventKind::EveryoneRevoked, EventKind::ClientRevoked]);
}
