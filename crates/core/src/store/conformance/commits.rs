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
    DAY, HOUR, NOON, YEAR, answer, applied, conflict, end, ending, insert, insert_user, one_login, record,
    replace, revocation_log_after, session, session_id, used, user, user_id,
};
use crate::store::{AuditEventQuery, Change, CommitOutcome, CutoffScope, Page, Store, StoreError};

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
        Change::ExpectEpoch(user_id(1), 0),
        Change::ExpectClient(ClientId::default(), 0),
        Change::ExpectActive(session_id(1), NOON),
        insert_user(user(2)),
        Change::ReplaceUser(Box::new(user(1).next_epoch())),
        insert(session(2, 2)),
        replace(used(&session(1, 1), NOON + HOUR)),
        Change::MergeData {
            session: session_id(1),
            patch,
            expected_revision: Some(0),
            max_bytes: 100,
            now: NOON,
        },
        Change::InsertClient(Box::new(shop.clone())),
        Change::ReplaceClient(Box::new(Client { name: "Shop".into(), revision: 1, ..shop })),
        Change::InsertKey(Box::new(key.clone())),
        Change::ReplaceKey(Box::new(KeyRecord { state: KeyState::Retired, revision: 1, ..key })),
        Change::AppendRevocation {
            subject: RevocationSubject::Everyone,
            reason: EndReason::ByAdmin,
            at: NOON,
            remember_until: Some(NOON),
        },
        Change::RefreshPosition(session_id(1)),
        Change::EndSession(session_id(2), ending(NOON, EndReason::Logout)),
        Change::EndSessionsOf { user: user_id(1), except: None, ending: ending(NOON, EndReason::ByUser) },
        Change::SetCutoff(CutoffScope::User(user_id(1))),
        Change::SetCutoff(CutoffScope::Client(ClientId::default())),
        Change::SetCutoff(CutoffScope::Everyone),
        Change::SetMetadata("key", vec![1]),
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
        revocation_log_after(&store, RevocationPosition::START).await,
        answer(store.audit_events(&query).await),
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
    changes.push(Change::ExpectEpoch(user_id(1), 0));
    assert_eq!(conflict(&store, &changes).await, changes.len() - 1);

    assert_eq!(everything_in(&store).await, before);
    let _ = applied(&store, &one_of_each()).await;
    assert_ne!(everything_in(&store).await, before);
}

pub(super) async fn the_first_change_that_conflicts_is_named(store: Arc<dyn Store>) {
    let stored = one_login(&store).await;
    let wrong = [
        Change::ExpectEpoch(user_id(1), 1),
        Change::ExpectEpoch(user_id(9), 0),
        Change::ExpectClient(ClientId::default(), 1),
        Change::ExpectActive(stored.id, NOON + YEAR),
        insert_user(user(1)),
        insert(stored.clone()),
        replace(stored),
        Change::RefreshPosition(session_id(9)),
        Change::InsertClient(Box::new(Client::default_client())),
        Change::ReplaceClient(Box::new(Client::default_client())),
        Change::SetCutoff(CutoffScope::User(user_id(9))),
    ];
    for change in wrong {
        let holds = Change::ExpectEpoch(user_id(1), 0);
        let changes = [holds.clone(), change.clone(), holds];
        assert_eq!(conflict(&store, &changes).await, 1, "{change:?}");
    }
    // A change sees the effect of the changes before it in the same commit.
    let next = Box::new(user(1).next_epoch());
    let _ = applied(&store, &[Change::ReplaceUser(next), Change::ExpectEpoch(user_id(1), 1)]).await;
}

pub(super) async fn a_raised_epoch_or_revision_conflicts(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let client = Client { revision: 1, ..Client::default_client() };
    let raise =
        [Change::ReplaceUser(Box::new(user(1).next_epoch())), Change::ReplaceClient(Box::new(client))];
    let _ = applied(&store, &raise).await;

    let default = ClientId::default();
    assert_eq!(conflict(&store, &[Change::ExpectEpoch(user_id(1), 0)]).await, 0);
    assert_eq!(conflict(&store, &[Change::ExpectClient(default.clone(), 0)]).await, 0);
    let _ = applied(&store, &[Change::ExpectEpoch(user_id(1), 1), Change::ExpectClient(default, 1)]).await;
}

pub(super) async fn a_session_is_active_only_until_its_end(store: Arc<dyn Store>) {
    let idle = one_login(&store).await;
    let absolute = Session { idle: YEAR, ..session(2, 1) };
    let _ = applied(&store, &[insert(absolute.clone())]).await;

    let moment = Duration::from_millis(1);
    for (session, end) in [(idle.id, NOON + DAY), (absolute.id, NOON + 30 * DAY)] {
        let _ = applied(&store, &[Change::ExpectActive(session, end - moment)]).await;
        assert_eq!(conflict(&store, &[Change::ExpectActive(session, end)]).await, 0);
    }
}

pub(super) async fn a_login_in_progress_conflicts_with_a_password_change(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    for round in 0..20_u64 {
        let number = u16::try_from(round).expect("twenty") + 10;
        let before = answer(store.user(user_id(1)).await).expect("it was inserted");
        let login = [Change::ExpectEpoch(before.id, before.epoch), insert(session(number, 1))];
        let all = ending(NOON, EndReason::PasswordChanged);
        let change = [
            Change::ReplaceUser(Box::new(before.next_epoch())),
            Change::EndSessionsOf { user: before.id, except: None, ending: all },
        ];

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
        let _ = timeout(Duration::ZERO, store.commit(&[insert(session(number, 1))])).await;
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
                changes.push(Change::ExpectEpoch(user_id(1), 7));
            }
            (number, answer(store.commit(&changes).await))
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
    let _ = conflict(&store, &[record(1, 1, NOON + YEAR), Change::ExpectEpoch(user_id(1), 7)]).await;
    let _ = answer(store.purge(NOON + YEAR, 1000).await);
    assert_eq!(newest().await, NOON + 3 * HOUR);
}

pub(super) async fn a_closed_store_rejects_every_call(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    answer(store.close().await);

    assert!(matches!(store.session(session_id(1)).await, Err(StoreError::Closed)));
    assert!(matches!(store.commit(&[insert(session(2, 1))]).await, Err(StoreError::Closed)));
    assert!(matches!(store.purge(NOON, 1).await, Err(StoreError::Closed)));
    answer(store.close().await);
}
