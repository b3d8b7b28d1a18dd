//! Cases about users: names and addresses are unique, and one of several parallel changes applies.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::model::external_id::ExternalId;
use crate::model::user::User;
use crate::store::conformance::fixture::{
    NOON, answer, applied, conflict, end, holds, insert, insert_user, name, record, session, user, user_id,
};
use crate::store::{
    AuditEventQuery, Change, CommitOutcome, Expectation, LoginName, Page, SessionDataPatch, Store,
    Transaction, TransactionPart,
};

pub(super) async fn one_of_32_parallel_registrations_gets_the_name(store: Arc<dyn Store>) {
    for round in 0..10_u16 {
        let mut racers = JoinSet::new();
        for racer in 0..32_u16 {
            let presented =
                if racer % 2 == 0 { format!("Straße{round}") } else { format!("STRASSE{round}") };
            let racer = User { username: name(&presented), ..user(round * 100 + racer) };
            let store = Arc::clone(&store);
            racers.spawn(async move {
                let committed = answer(store.commit(&[insert_user(racer.clone())].into()).await);
                matches!(committed, CommitOutcome::Applied(_)).then_some(racer)
            });
        }
        let winners: Vec<User> = racers.join_all().await.into_iter().flatten().collect();

        let [winner] = &winners[..] else { panic!("{} have the name", winners.len()) };
        let login = LoginName::Username(winner.username.folded().to_owned());
        assert_eq!(answer(store.user_by_login(&login).await).as_ref(), Some(winner));
    }
}

pub(super) async fn a_replacement_cannot_take_an_existing_name(store: Arc<dyn Store>) {
    let _ = applied(&store, &[insert_user(user(1)), insert_user(user(2))]).await;

    let renamed = User { username: user(1).username, revision: 1, ..user(2) };
    assert_eq!(conflict(&store, &[Change::replace_user(renamed)]).await, 0);

    assert_eq!(answer(store.user(user_id(2)).await), Some(user(2)));
    let login = LoginName::Username(user(1).username.folded().to_owned());
    assert_eq!(answer(store.user_by_login(&login).await), Some(user(1)));
}

pub(super) async fn an_address_finds_no_user_before_it_is_verified(store: Arc<dyn Store>) {
    let claims = |number| User { email: Some("Ada@Example.org".into()), ..user(number) };
    let login = LoginName::Email("ada@example.org".into());
    let _ = applied(&store, &[insert_user(claims(1)), insert_user(claims(2))]).await;
    assert_eq!(answer(store.user_by_login(&login).await), None);

    let verified = User { email_verified: true, revision: 1, ..claims(2) };
    let _ = applied(&store, &[Change::replace_user(verified.clone())]).await;

    assert_eq!(answer(store.user_by_login(&login).await), Some(verified));
    let second = User { email_verified: true, revision: 1, ..claims(1) };
    assert_eq!(conflict(&store, &[Change::replace_user(second)]).await, 0);
    let third = User { email: Some("ADA@EXAMPLE.ORG".into()), email_verified: true, ..user(3) };
    assert_eq!(conflict(&store, &[insert_user(third)]).await, 0);
    assert_eq!(answer(store.user_by_login(&LoginName::Username("ada@example.org".into())).await), None);
}

pub(super) async fn a_name_that_looks_like_another_is_found_and_conflicts(store: Arc<dyn Store>) {
    let victim = User { username: name("Iris"), ..user(1) };
    let _ = applied(&store, &[insert_user(victim.clone())]).await;

    for text in ["Iris", "lris", "irіs"] {
        let skeletons = name(text).skeletons();
        assert_eq!(answer(store.user_by_skeletons(&skeletons).await).as_ref(), Some(&victim), "{text}");
        let attacker = User { username: name(text), ..user(2) };
        let transaction =
            Transaction::new([insert_user(attacker)]).expecting([Expectation::NoLookAlike(skeletons)]);
        let outcome = answer(store.commit(&transaction).await);
        assert!(matches!(outcome, CommitOutcome::Conflict(TransactionPart::Expectation(0))), "{text}");
    }

    assert_eq!(answer(store.user_by_skeletons(&name("eris").skeletons()).await), None);
    let renamed = User { username: name("eris"), revision: 1, ..victim };
    let _ = applied(&store, &[Change::replace_user(renamed.clone())]).await;
    assert_eq!(answer(store.user_by_skeletons(&name("iris").skeletons()).await), None);
    assert_eq!(answer(store.user_by_skeletons(&name("eris").skeletons()).await), Some(renamed));
}

pub(super) async fn an_external_id_belongs_to_one_user(store: Arc<dyn Store>) {
    let id = |value| Some(ExternalId::from_json(&value).expect("a valid id"));
    let number = User { external_id: id(json!(42)), ..user(1) };
    let text = User { external_id: id(json!("42")), ..user(2) };
    let _ = applied(&store, &[number.clone(), text.clone(), user(3), user(4)].map(insert_user)).await;

    for stored in [&number, &text] {
        let id = stored.external_id.as_ref().expect("both have one");
        assert_eq!(answer(store.user_by_external_id(id).await).as_ref(), Some(stored));
    }
    let second = User { external_id: id(json!(42)), ..user(5) };
    assert_eq!(conflict(&store, &[insert_user(second)]).await, 0);
    let changed = User { external_id: id(json!("42")), revision: 1, ..user(3) };
    assert_eq!(conflict(&store, &[Change::replace_user(changed.clone())]).await, 0);

    let released = User { external_id: None, revision: 1, ..user(2) };
    let changes = [released, changed.clone()].map(Change::replace_user);
    let _ = applied(&store, &changes).await;
    let id = text.external_id.expect("it has one");
    assert_eq!(answer(store.user_by_external_id(&id).await), Some(changed));
}

pub(super) async fn users_are_listed_once_in_the_order_of_their_names(store: Arc<dyn Store>) {
    let names = ["zoë", "Ada", "ada2", "Борис", "李", "_", "a b", "0", "ß", "日本", "Z"];
    let users = names.iter().zip(1..).map(|(text, number)| User { username: name(text), ..user(number) });
    let _ = applied(&store, &users.clone().map(insert_user).collect::<Vec<_>>()).await;

    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = answer(store.users(Page { after, limit: 3 }).await);
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.username.folded().to_owned());
        found.extend(page);
    }

    let mut expected: Vec<User> = users.collect();
    expected.sort_by(|a, b| a.username.folded().cmp(b.username.folded()));
    assert_eq!(found, expected);

    // Backwards, the same pages from the other end.
    let (mut found, mut before) = (Vec::new(), "\u{10ffff}".to_owned());
    loop {
        let page = answer(store.users_before(&before, 3).await);
        assert!(page.len() <= 3 && page.is_sorted_by_key(|user| user.username.folded().to_owned()));
        let Some(first) = page.first() else { break };
        before = first.username.folded().to_owned();
        found.splice(0..0, page);
    }
    assert_eq!(found, expected);
}

pub(super) async fn users_are_counted_in_portions(store: Arc<dyn Store>) {
    let count = async |limit| {
        let (mut portions, mut after) = (Vec::new(), None);
        loop {
            let portion = answer(store.count_users(Page { after, limit }).await);
            portions.push(portion.count);
            after = portion.next;
            if after.is_none() {
                return portions;
            }
        }
    };
    assert_eq!(count(3).await, [0]);
    let _ = applied(&store, &(1..9).map(|number| insert_user(user(number))).collect::<Vec<_>>()).await;
    let _ = applied(&store, &[Change::remove_user(user_id(2))]).await;

    assert_eq!(count(3).await, [3, 3, 1]);
    assert_eq!(count(100).await, [7]);
    assert_eq!(count(7).await.iter().sum::<u64>(), 7);
}

pub(super) async fn the_names_of_existing_users_are_found_by_their_ids(store: Arc<dyn Store>) {
    let _ = applied(&store, &(1..4).map(|number| insert_user(user(number))).collect::<Vec<_>>()).await;
    let _ = applied(&store, &[Change::remove_user(user_id(2))]).await;

    let mut names = answer(store.usernames(&[1, 2, 3, 9].map(user_id)).await);

    names.sort_by(|(_, a), (_, b)| a.cmp(b));
    assert_eq!(names, [1, 3].map(|number| (user_id(number), user(number).username.to_string())));
}

pub(super) async fn one_of_32_parallel_changes_of_a_user_applies(store: Arc<dyn Store>) {
    let mut stored = user(1);
    let _ = applied(&store, &[insert_user(stored.clone())]).await;
    for _ in 0..10 {
        let mut racers = JoinSet::new();
        for racer in 0..32 {
            let (store, next) = (Arc::clone(&store), stored.with_roles(vec![format!("role{racer}")]));
            racers.spawn(async move {
                let committed = answer(store.commit(&[Change::replace_user(next.clone())].into()).await);
                matches!(committed, CommitOutcome::Applied(_)).then_some(next)
            });
        }
        let winners: Vec<User> = racers.join_all().await.into_iter().flatten().collect();

        let [winner] = &winners[..] else { panic!("{} have won", winners.len()) };
        assert_eq!(answer(store.user(stored.id).await).as_ref(), Some(winner));
        stored = winner.clone();
    }
}

pub(super) async fn a_user_is_removed_with_all_their_sessions(store: Arc<dyn Store>) {
    let (stored, ended, other_user) = (session(1, 1), session(2, 1), session(3, 2));
    let patch = [("cart".to_owned(), 7.into())].into_iter().collect();
    let merge = Change::merge_data(SessionDataPatch {
        session: stored.id,
        patch,
        expected_revision: None,
        max_bytes: 1000,
        max_bytes_of_user: None,
        now: NOON,
    });
    let _ = applied(&store, &[insert_user(user(1)), insert_user(user(2))]).await;
    let sessions = [stored.clone(), ended.clone(), other_user.clone()].map(insert);
    let _ = applied(&store, &sessions).await;
    let _ = applied(&store, &[merge, end(2, NOON), record(1, 1, NOON)]).await;

    let _ = applied(&store, &[Change::remove_user(user_id(1))]).await;

    assert_eq!(answer(store.user(user_id(1)).await), None);
    for gone in [stored.id, ended.id] {
        assert_eq!(answer(store.session(gone).await), None);
        assert!(answer(store.session_context(gone).await).is_none());
    }
    assert_eq!(answer(store.session_data(stored.id).await), None);
    assert_eq!(answer(store.session(other_user.id).await), Some(other_user));
    let query = AuditEventQuery { user: Some(user_id(1)), limit: 10, ..AuditEventQuery::default() };
    assert_eq!(answer(store.audit_events(&query).await).rows.len(), 1, "the audit log keeps its events");
    assert!(!holds(&store, Expectation::Epoch(user_id(1), 0)).await);
    assert_eq!(conflict(&store, &[Change::remove_user(user_id(1))]).await, 0);
    let next = User { id: user_id(4), ..user(1) };
    let _ = applied(&store, &[insert_user(next)]).await;
}

pub(super) async fn another_administrator_is_enabled_and_has_exactly_the_role(store: Arc<dyn Store>) {
    let with_roles = |number, roles: &[&str]| User {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..user(number)
    };
    let disabled = User { disabled_at: Some(NOON), ..with_roles(2, &["admin"]) };
    let others = [
        with_roles(1, &["admin"]),
        disabled.clone(),
        with_roles(3, &["Admin", "administrator", "a\",\"admin", "editor"]),
        with_roles(4, &[]),
    ];
    let _ = applied(&store, &others.map(insert_user)).await;
    assert_eq!(answer(store.another_administrator(user_id(1)).await), None);
    assert_eq!(answer(store.another_administrator(user_id(4)).await), Some(with_roles(1, &["admin"])));

    let enabled = User { disabled_at: None, revision: 1, ..disabled };
    let _ = applied(&store, &[Change::replace_user(enabled.clone())]).await;
    assert_eq!(answer(store.another_administrator(user_id(1)).await), Some(enabled));

    let _ = applied(&store, &[Change::remove_user(user_id(2))]).await;
    assert_eq!(answer(store.another_administrator(user_id(1)).await), None);
}
