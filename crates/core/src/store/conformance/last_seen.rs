//! Cases about recorded uses: they move the idle timeout of active sessions, and change nothing else.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::model::session::Session;
use crate::store::conformance::commit_listener::recording_listener;
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, answer, applied, conflict, end, holds, insert, one_login, replace, session, session_id,
    used,
};
use crate::store::{Expectation, LastSeen, Store};

async fn use_session(store: &Arc<dyn Store>, number: u16, at: Time) {
    answer(store.record_last_seen(&[LastSeen { session: session_id(number), at }]).await);
}

async fn stored(store: &Arc<dyn Store>, number: u16) -> Session {
    answer(store.session(session_id(number)).await).expect("it was inserted")
}

pub(super) async fn a_use_moves_seen_at_forward_and_never_back(store: Arc<dyn Store>) {
    let first = one_login(&store).await;

    for (at, seen_at) in [(HOUR, HOUR), (HOUR / 2, HOUR), (HOUR, HOUR), (2 * HOUR, 2 * HOUR)] {
        use_session(&store, 1, NOON + at).await;
        let found = stored(&store, 1).await;
        assert_eq!(found, Session { seen_at: NOON + seen_at, revision: found.revision, ..first.clone() });
    }
}

/// Regression: a use was written after its session had ended.
pub(super) async fn a_use_of_an_ended_session_changes_nothing(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let _ = applied(&store, &[insert(session(2, 1)), end(1, NOON)]).await;
    let ended = stored(&store, 1).await;

    let uses = [1, 9, 2].map(|number| LastSeen { session: session_id(number), at: NOON + HOUR });
    answer(store.record_last_seen(&uses).await);

    assert_eq!(stored(&store, 1).await, ended);
    assert_eq!(answer(store.session(session_id(9)).await), None);
    assert_eq!(stored(&store, 2).await.seen_at, NOON + HOUR, "other uses of the same call are recorded");
}

pub(super) async fn a_replacement_based_on_an_earlier_use_conflicts(store: Arc<dyn Store>) {
    let read = one_login(&store).await;
    use_session(&store, 1, NOON + HOUR).await;

    let late = used(&read, NOON + Duration::from_secs(1));
    assert_eq!(conflict(&store, &[replace(late)]).await, 0);

    assert_eq!(stored(&store, 1).await.seen_at, NOON + HOUR);
}

pub(super) async fn a_use_extends_only_the_idle_timeout(store: Arc<dyn Store>) {
    let session = one_login(&store).await;
    let last = session.expires_at - HOUR;
    use_session(&store, 1, last).await;

    let live_at = |at| Expectation::ActiveSession(session.id, at);
    for moment in [last, session.expires_at - Duration::from_millis(1)] {
        assert!(holds(&store, live_at(moment)).await);
    }
    assert!(!holds(&store, live_at(session.expires_at)).await);
}

/// Regression: after a restart a session was used in the future.
pub(super) async fn the_newest_time_follows_a_use(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;

    use_session(&store, 1, NOON + DAY).await;

    assert_eq!(answer(store.newest_time().await), NOON + DAY);
}

pub(super) async fn a_use_calls_no_listener(store: Arc<dyn Store>) {
    let listener = recording_listener(&store).await;

    use_session(&store, 1, NOON + HOUR).await;

    assert_eq!(listener.count(), 0);
}
