//! Cases about commits: they are atomic, ordered, and do not depend on a waiting caller.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use tokio::task::JoinSet;
use tokio::time::timeout;

use counterfoil_verify::{ClientId, KeyId, RevocationPosition, RevocationSubject};

use crate::model::client::Client;
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::model::session::{EndReason, Session};
use crate::store::conformance::fixture::{
    DAY, HOUR, NOON, YEAR, answer, applied, conflict, end, ending, holds, insert, insert_user, one_login,
    record, rejected, replace, revocation_log_after, session, session_id, used, user, user_id,
};
use crate::store::{
    AuditEventQuery, Change, CommitOutcome, CutoffScope, Expectation, ExpiryEvents, NewRevocation, Page,
    SessionDataPatch, Store, StoreError, Transaction, TransactionPart,
};

/// One change of each kind that writes, all of which apply after [`one_login`].
fn one_of_each() -> Vec<Change> {
    let key = KeyRecord {
        id: "key".parse::<KeyId>().expect("a name"),
        purpose: KeyPurpose::Signing,
        algorithm: "ES256".into(),
        sealed: vec![1, 2, 3],
        state: KeyState::Current,
        created_at: NOON,
        changed_at: NOON,
        activated_at: None,
        revision: 0,
    };
    let shop = Client { id: "shop".parse().expect("a name"), ..Client::default_client() };
    let patch = Map::from_iter([("cart".to_owned(), 3.into())]);
    vec![
        insert_user(user(2)),
        Change::replace_user(user(1).next_epoch()),
        insert(session(2, 2)),
        replace(used(&session(1, 1), NOON + HOUR)),
        Change::merge_data(SessionDataPatch {
            session: session_id(1),
            patch,
            expected_revision: Some(0),
            max_bytes: 100,
            max_bytes_of_user: None,
            now: NOON,
        }),
        Change::insert_client(shop.clone()),
        Change::replace_client(Client { name: "Shop".into(), revision: 1, ..shop }),
        Change::insert_key(key.clone()),
        Change::replace_key(KeyRecord { state: KeyState::Retired, revision: 1, ..key }),
        Change::append_revocation(NewRevocation {
            subject: RevocationSubject::Everyone,
            reason: EndReason::ByAdmin,
            at: NOON,
            remember_until: Some(NOON),
            status_index: None,
        }),
        Change::refresh_position(session_id(1)),
        Change::end_session(session_id(2), ending(NOON, EndReason::Logout)),
        Change::end_sessions_of(user_id(1), None, ending(NOON, EndReason::ByUser)),
        Change::set_cutoff(CutoffScope::User(user_id(1))),
        Change::set_cutoff(CutoffScope::Client(ClientId::default())),
        Change::set_cutoff(CutoffScope::Everyone),
        Change::set_metadata("key", vec![1]),
        record(1, 1, NOON + YEAR),
    ]
}

/// Everything that a store returns, as text.
async fn everything_in(store: &Arc<dyn Store>) -> String {
    let query = AuditEventQuery { limit: 100, ..AuditEventQuery::default() };
    let mut reported = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        answer(store.users(Page { after: None, limit: 100 }).await),
        answer(store.client(&ClientId::default()).await),
        answer(store.client(&"shop".parse().expect("a name")).await),
        answer(store.keys().await),
        revocation_log_after(store, RevocationPosition::START).await,
        answer(store.audit_events(&query).await).rows,
        answer(store.newest_time().await),
    );
    for session in [session_id(1), session_id(2)] {
        reported += &format!(
            " {:?} {:?}",
            answer(store.session_context(session).await),
            answer(store.session_data(session).await).map(|data| (data.members, data.revision)),
        );
    }
    reported + &format!(" {:?}", answer(store.metadata("key").await))
}

pub(super) async fn nothing_is_changed_if_the_last_change_conflicts(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let before = everything_in(&store).await;

    let mut changes = one_of_each();
    changes.push(insert_user(user(1)));
    assert_eq!(conflict(&store, &changes).await, changes.len() - 1);

    assert_eq!(everything_in(&store).await, before);
    let _ = applied(&store, &one_of_each()).await;
    assert_ne!(everything_in(&store).await, before);
}

pub(super) async fn the_first_part_that_conflicts_is_named(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let wrong_changes = [
        insert_user(user(1)),
        insert(stored.clone()),
        replace(stored.clone()),
        Change::refresh_position(session_id(9)),
        Change::insert_client(Client::default_client()),
        Change::replace_client(Client::default_client()),
        Change::set_cutoff(CutoffScope::User(user_id(9))),
    ];
    for change in wrong_changes {
        let applies = Change::set_metadata("key", vec![1]);
        let changes = [applies.clone(), change.clone(), applies];
        assert_eq!(conflict(&store, &changes).await, 1, "{change:?}");
    }
    let wrong_expectations = [
        Expectation::Epoch(user_id(1), 1),
        Expectation::Epoch(user_id(9), 0),
        Expectation::ClientRevision(ClientId::default(), 1),
        Expectation::ActiveSession(stored.id, NOON + YEAR),
    ];
    for expectation in wrong_expectations {
        // Expectations are checked before the first change.
        let transaction = Transaction::new([insert_user(user(1))])
            .expecting([Expectation::Epoch(user_id(1), 0), expectation.clone()]);
        let part = rejected(&store, &transaction).await;
        assert_eq!(part, TransactionPart::Expectation(1), "{expectation:?}");
    }
    // A change sees the effect of the changes before it in the same commit.
    let next = user(1).next_epoch();
    let changes = [Change::replace_user(next.clone()), Change::replace_user(next.next_epoch())];
    let _ = applied(&store, &changes).await;
}

pub(super) async fn a_raised_epoch_or_revision_conflicts(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let client = Client { revision: 1, ..Client::default_client() };
    let raise = [Change::replace_user(user(1).next_epoch()), Change::replace_client(client)];
    let _ = applied(&store, &raise).await;

    let default = ClientId::default();
    assert!(!holds(&store, Expectation::Epoch(user_id(1), 0)).await);
    assert!(!holds(&store, Expectation::ClientRevision(default.clone(), 0)).await);
    assert!(holds(&store, Expectation::Epoch(user_id(1), 1)).await);
    assert!(holds(&store, Expectation::ClientRevision(default, 1)).await);
}

pub(super) async fn a_session_is_active_only_until_its_end(store: Arc<dyn Store>) {
    let idle = one_login(&store).await;
    let absolute = Session { idle: YEAR, ..session(2, 1) };
    let _ = applied(&store, &[insert(absolute.clone())]).await;

    let moment = Duration::from_millis(1);
    for (session, end) in [(idle.id, NOON + DAY), (absolute.id, NOON + 30 * DAY)] {
        assert!(holds(&store, Expectation::ActiveSession(session, end - moment)).await);
        assert!(!holds(&store, Expectation::ActiveSession(session, end)).await);
    }
}

pub(super) async fn a_login_in_progress_conflicts_with_a_password_change(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    for round in 0..20_u64 {
        let number = u16::try_from(round).expect("twenty") + 10;
        let before = answer(store.user(user_id(1)).await).expect("it was inserted");
        let login = Transaction::new([insert(session(number, 1))])
            .expecting([Expectation::Epoch(before.id, before.epoch)]);
        let all = ending(NOON, EndReason::PasswordChanged);
        let change = Transaction::new([
            Change::replace_user(before.next_epoch()),
            Change::end_sessions_of(before.id, None, all),
        ]);

        let (login, change) = tokio::join!(store.commit(&login), store.commit(&change));

        assert!(matches!(answer(change), CommitOutcome::Applied(_)));
        let active_session =
            answer(store.session(session_id(number)).await).filter(|session| session.ended.is_none());
        assert_eq!(active_session, None, "after {login:?}");
    }
}

pub(super) async fn a_commit_applies_without_a_waiting_caller(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    for number in 10..40 {
        // The future is polled once and dropped.
        let _ = timeout(Duration::ZERO, store.commit(&[insert(session(number, 1))].into())).await;
    }
    // A later commit is applied after all of them.
    let _ = applied(&store, &[insert(session(99, 1))]).await;

    for number in 10..40 {
        assert!(answer(store.session(session_id(number)).await).is_some(), "{number}");
    }
}

pub(super) async fn a_conflict_does_not_affect_parallel_commits(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let mut callers = JoinSet::new();
    for number in 10..110 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let mut changes = vec![insert(session(number, 1)), end(number, NOON)];
            if number % 2 == 0 {
                changes.push(insert_user(user(1)));
            }
            (number, answer(store.commit(&changes.into()).await))
        });
    }
    for (number, committed) in callers.join_all().await {
        let is_stored = answer(store.session(session_id(number)).await).is_some();
        assert_eq!(is_stored, number % 2 == 1);
        assert_eq!(matches!(committed, CommitOutcome::Applied(_)), number % 2 == 1);
    }
    assert_eq!(revocation_log_after(&store, RevocationPosition::START).await.entries.len(), 50);
}

pub(super) async fn the_newest_time_follows_commits(store: Arc<dyn Store>) {
    let newest = async || answer(store.newest_time().await);
    let stored = one_login(&store).await;
    assert_eq!(newest().await, NOON);

    let _ = applied(&store, &[replace(used(&stored, NOON + HOUR))]).await;
    assert_eq!(newest().await, NOON + HOUR);
    let _ = applied(&store, &[record(1, 1, NOON + 2 * HOUR)]).await;
    assert_eq!(newest().await, NOON + 2 * HOUR);
    let _ = applied(&store, &[end(1, NOON + 3 * HOUR)]).await;
    assert_eq!(newest().await, NOON + 3 * HOUR);

    // An older time, a commit that was not applied, and the purge of the newest record have no effect.
    let _ = applied(&store, &[record(1, 1, NOON)]).await;
    let _ = conflict(&store, &[record(1, 1, NOON + YEAR), insert_user(user(1))]).await;
    let _ = answer(store.purge(NOON + YEAR, 1000, ExpiryEvents::Record).await);
    assert_eq!(newest().await, NOON + 3 * HOUR);
}

pub(super) async fn a_closed_store_rejects_every_call(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    answer(store.close().await);

    assert!(matches!(store.session(session_id(1)).await, Err(StoreError::Closed)));
    assert!(matches!(store.commit(&[insert(session(2, 1))].into()).await, Err(StoreError::Closed)));
    assert!(matches!(store.purge(NOON, 1, ExpiryEvents::Record).await, Err(StoreError::Closed)));
    answer(store.close().await);
}
