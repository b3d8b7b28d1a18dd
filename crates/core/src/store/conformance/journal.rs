//! The law of the journal: its lines are found again.

use std::sync::Arc;

use super::fixture::{NOON, answer, applied, record, session_id, user_id};
use crate::store::{EventNumber, EventQuery, Store};

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
