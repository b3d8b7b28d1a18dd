//! Cases about the indexes in the status lists: no two sessions have the same one, and each revocation names its own.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::task::JoinSet;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject};

use crate::model::client::Client;
use crate::model::session::{EndReason, Session};
use crate::model::status_index::StatusIndex;
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, answer, applied, conflict, end, ending, insert, insert_user, session, session_id, user,
};
use crate::store::conformance::purge::purge_all;
use crate::store::{Change, CutoffScope, NewRevocation, StatusIndexRequest, StatusRevocation, Store};

fn request(session: u16, replaces: Option<StatusIndex>, freed_before: Time) -> Change {
    let session = session_id(session);
    Change::assign_status_index(StatusIndexRequest { session, replaces, now: NOON, freed_before })
}

/// Assigns an index to a session, of those that were freed before a time.
async fn assign(store: &Arc<dyn Store>, session: u16, freed_before: Time) -> StatusIndex {
    let applied = applied(store, &[request(session, None, freed_before)]).await;
    applied.status_index.expect("an index was requested")
}

async fn revocations(store: &Arc<dyn Store>) -> Vec<StatusRevocation> {
    let page = answer(store.status_revocations_after(RevocationPosition::START, NonZeroU32::MAX).await);
    assert_eq!((page.next, page.head), (None, answer(store.revocation_log_head().await)));
    page.entries
}

/// Inserts user 1 with sessions from 1 to `count`.
async fn sessions(store: &Arc<dyn Store>, count: u16) {
    let sessions = (1..=count).map(|number| insert(session(number, 1)));
    let changes: Vec<_> = [insert_user(user(1))].into_iter().chain(sessions).collect();
    let _ = applied(store, &changes).await;
}

pub(super) async fn a_session_gets_one_index_and_keeps_it(store: Arc<dyn Store>) {
    sessions(&store, 2).await;
    assert_eq!(answer(store.status_list_state().await).next_index, 0);

    let first = assign(&store, 1, NOON).await;
    assert_ne!(assign(&store, 2, NOON).await, first);
    assert_eq!(assign(&store, 1, NOON).await, first);

    assert_eq!(answer(store.status_list_state().await).next_index, 2);
    let stored = answer(store.session(session_id(1)).await).expect("it was inserted");
    assert_eq!((stored.status_index, stored.revision), (Some(first), 0));
    assert_eq!(conflict(&store, &[request(9, None, NOON)]).await, 0);
}

pub(super) async fn an_index_is_assigned_in_the_commit_that_inserts_the_session(store: Arc<dyn Store>) {
    let changes = [insert_user(user(1)), insert(session(1, 1)), request(1, None, NOON)];
    let index = applied(&store, &changes).await.status_index;

    assert_eq!(answer(store.session(session_id(1)).await).and_then(|stored| stored.status_index), index);
    // A commit that conflicts takes no index.
    assert_eq!(conflict(&store, &[request(1, Some(StatusIndex::new(77)), NOON)]).await, 0);
    assert_eq!(
        conflict(&store, &[insert(session(2, 1)), request(2, None, NOON), insert(session(1, 1))]).await,
        2
    );
    assert_eq!(answer(store.status_list_state().await).next_index, 1);
}

pub(super) async fn parallel_sessions_get_different_indexes(store: Arc<dyn Store>) {
    sessions(&store, 32).await;
    let mut callers = JoinSet::new();
    for number in 1..=32 {
        let store = Arc::clone(&store);
        callers.spawn(async move { assign(&store, number, NOON).await });
    }
    assert_eq!(callers.join_all().await.into_iter().collect::<BTreeSet<_>>().len(), 32);
}

pub(super) async fn a_replacement_neither_changes_nor_loses_an_index(store: Arc<dyn Store>) {
    sessions(&store, 1).await;
    let index = assign(&store, 1, NOON).await;
    // A writer who read the session before it had the index must read it again.
    assert_eq!(
        conflict(&store, &[Change::replace_session(Session { revision: 1, ..session(1, 1) })]).await,
        0
    );

    let next = Session { revision: 1, status_index: Some(index), ..session(1, 1) };
    let _ = applied(&store, &[Change::replace_session(next.clone())]).await;
    assert_eq!(answer(store.session(session_id(1)).await), Some(next));
}

pub(super) async fn the_end_of_a_session_names_its_index(store: Arc<dyn Store>) {
    sessions(&store, 4).await;
    let (first, third) = (assign(&store, 1, NOON).await, assign(&store, 3, NOON).await);

    let _ = applied(&store, &[end(1, NOON)]).await;
    let _ = applied(&store, &[end(1, NOON), end(2, NOON)]).await;
    let all = Change::end_sessions_of(user(1).id, None, ending(NOON, EndReason::ByAdmin));
    let _ = applied(&store, &[all]).await;

    let mut named: Vec<_> =
        revocations(&store).await.into_iter().map(|entry| (entry.subject, entry.status_index)).collect();
    named[2..].sort_by_key(|(_, index)| index.is_none());
    let of = |number| RevocationSubject::Session(session_id(number));
    let expected = [(of(1), Some(first)), (of(2), None), (of(3), Some(third)), (of(4), None)];
    assert_eq!(named, expected);
    let until = revocations(&store).await[0].until;
    assert_eq!(until, Some(NOON + HOUR));
}

pub(super) async fn an_index_is_assigned_again_only_after_its_time(store: Arc<dyn Store>) {
    sessions(&store, 4).await;
    let (first, second) = (assign(&store, 1, NOON).await, assign(&store, 2, NOON).await);
    let _ = applied(&store, &[end(1, NOON)]).await;
    let _ = purge_all(&store, NOON + DAY - HOUR).await;
    assert!(answer(store.session(session_id(1)).await).is_some());
    // Session 1 ended a day ago. The others expired two minutes ago, and are kept for some more.
    let deleted_at = NOON + DAY + HOUR / 30;
    let _ = purge_all(&store, deleted_at).await;
    assert_eq!(answer(store.session(session_id(1)).await), None);

    let new = assign(&store, 3, deleted_at).await;
    assert!(new != first && new != second);
    assert_eq!(assign(&store, 4, deleted_at + HOUR).await, first);
    let _ = applied(&store, &[insert(session(5, 1))]).await;
    assert!(![first, second, new].contains(&assign(&store, 5, deleted_at + HOUR).await), "it was free once");
}

pub(super) async fn the_indexes_of_a_removed_user_are_free_later(store: Arc<dyn Store>) {
    sessions(&store, 1).await;
    let index = assign(&store, 1, NOON).await;
    let _ = applied(&store, &[Change::remove_user(user(1).id)]).await;
    let _ = purge_all(&store, NOON).await;
    let _ = applied(&store, &[insert_user(user(2)), insert(session(2, 2)), insert(session(3, 2))]).await;

    assert_ne!(assign(&store, 2, NOON).await, index);
    assert_eq!(assign(&store, 3, NOON + HOUR).await, index);
}

pub(super) async fn a_replaced_index_is_revoked_and_free_later(store: Arc<dyn Store>) {
    sessions(&store, 3).await;
    let former = assign(&store, 1, NOON).await;
    let revoked = Change::append_revocation(NewRevocation {
        subject: RevocationSubject::User(user(1).id),
        reason: EndReason::PasswordChanged,
        at: NOON,
        remember_until: Some(NOON + HOUR),
        status_index: Some(former),
    });

    let applied = applied(&store, &[revoked, request(1, Some(former), NOON)]).await;

    let next = applied.status_index.expect("an index was requested");
    assert_ne!(next, former);
    assert_eq!(answer(store.session(session_id(1)).await).and_then(|stored| stored.status_index), Some(next));
    assert_eq!(revocations(&store).await[0].status_index, Some(former));
    assert_ne!(assign(&store, 2, NOON).await, former);
    assert_eq!(assign(&store, 3, NOON + HOUR).await, former);
}

pub(super) async fn the_indexes_below_a_cutoff_are_found(store: Arc<dyn Store>) {
    let shop: ClientId = "shop".parse().expect("a client id");
    let client = Client { id: shop.clone(), ..Client::default_client() };
    let of_shop = Session { client: shop.clone(), ..session(2, 1) };
    let changes =
        [Change::insert_client(client), insert_user(user(1)), insert(session(1, 1)), insert(of_shop)];
    let _ = applied(&store, &changes).await;
    let (first, second) = (assign(&store, 1, NOON).await, assign(&store, 2, NOON).await);
    let position = applied(&store, &[Change::set_cutoff(CutoffScope::Everyone)]).await;
    assert!(position.entries.is_empty());
    let head = answer(store.revocation_log_head().await);
    let later = Session { pos: head, ..session(3, 1) };
    let _ = applied(&store, &[insert(later), insert(session(4, 1)), request(3, None, NOON)]).await;

    let below = async |client: Option<&ClientId>| {
        let (mut found, mut after) = (BTreeSet::new(), None);
        loop {
            let scan = answer(store.status_indexes_below(client, head, after).await);
            found.extend(scan.rows);
            match scan.next {
                Some(last) => after = Some(last),
                None => return found,
            }
        }
    };

    assert_eq!(below(None).await, BTreeSet::from([first, second]));
    assert_eq!(below(Some(&shop)).await, BTreeSet::from([second]));
    assert_eq!(below(Some(&"other".parse().expect("a client id"))).await, BTreeSet::new());
}

pub(super) async fn a_page_of_status_revocations_says_what_follows(store: Arc<dyn Store>) {
    sessions(&store, 5).await;
    for number in 1..=5 {
        let _ = assign(&store, number, NOON).await;
        let _ = applied(&store, &[end(number, NOON)]).await;
    }
    let (all, mut read, mut after) = (revocations(&store).await, Vec::new(), RevocationPosition::START);
    let limit = NonZeroU32::new(2).expect("it is not 0");
    loop {
        let page = answer(store.status_revocations_after(after, limit).await);
        assert!(page.entries.len() <= 2);
        read.extend(page.entries);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(read, all);
    assert_eq!(all.len(), 5);
}
