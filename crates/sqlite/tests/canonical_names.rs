//! The upgrade of names from before the current rules: no user is merged or locked out, and the log names both users.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod common;

use std::sync::Arc;

use counterfoil_core::model::user::{User, Username};
use counterfoil_core::store::{Change, LoginName, Store};
use counterfoil_sqlite::SqliteStore;
use counterfoil_test_support::CapturedLogs;
use rusqlite::Connection;
use tracing::Level;

use common::{DatabaseDir, user};

/// Opens the database and returns what was logged meanwhile.
fn open_with_log(dir: &DatabaseDir) -> (Arc<SqliteStore>, String) {
    let (logs, _guard) = CapturedLogs::capture(Level::INFO);
    (dir.open(), logs.text())
}

/// A user as an earlier version stored them: without width mapping, and with the address in lower case.
fn earlier(number: u64, username: &str, email: Option<&str>) -> User {
    User {
        username: Username::from_stored(username.into(), username.to_lowercase()),
        email: email.map(str::to_owned),
        email_verified: email.is_some(),
        ..user(number)
    }
}

/// A database of an earlier version with these users.
async fn earlier_database(users: &[User]) -> DatabaseDir {
    let dir = DatabaseDir::new();
    let store = dir.open();
    let changes: Vec<_> = users.iter().cloned().map(Change::insert_user).collect();
    let _ = store.commit(&changes.into()).await.unwrap().applied().unwrap();
    store.close().await.unwrap();
    drop(store);
    let sql = "UPDATE users SET skeleton = NULL, shown_skeleton = NULL; DELETE FROM metadata WHERE key = 'name_rules'";
    Connection::open(dir.database()).unwrap().execute_batch(sql).unwrap();
    dir
}

async fn id_of(store: &SqliteStore, login: LoginName) -> Option<counterfoil_verify::UserId> {
    store.user_by_login(&login).await.unwrap().map(|user| user.id)
}

fn name(text: &str) -> LoginName {
    LoginName::Username(text.into())
}

fn address(text: &str) -> LoginName {
    LoginName::Email(text.into())
}

#[tokio::test]
async fn stored_names_get_their_canonical_forms_and_skeletons() {
    let [zoe, bob] =
        [earlier(1, "\u{ff3a}oe", Some("zoe@b\u{fc}cher.example")), earlier(2, "bob \u{263a}", None)];
    let dir = earlier_database(&[zoe.clone(), bob.clone()]).await;

    let (store, log) = open_with_log(&dir);

    assert_eq!(id_of(&store, name("zoe")).await, Some(zoe.id));
    assert_eq!(id_of(&store, address("zoe@xn--bcher-kva.example")).await, Some(zoe.id));
    assert_eq!(id_of(&store, name("bob \u{263a}")).await, Some(bob.id), "a name that is not valid today");
    let skeletons = "z0e".parse::<Username>().unwrap().skeletons();
    assert_eq!(store.user_by_skeletons(&skeletons).await.unwrap().map(|user| user.id), Some(zoe.id));
    assert_eq!(log, "");
}

#[tokio::test]
async fn of_two_users_with_one_canonical_name_each_keeps_a_spelling_and_both_are_logged() {
    let wide = earlier(1, "\u{ff41}da", Some("ada@b\u{fc}cher.example"));
    let ada = earlier(2, "ada", Some("ada@xn--bcher-kva.example"));
    let dir = earlier_database(&[wide.clone(), ada.clone()]).await;

    for _ in 0..2 {
        let (store, log) = open_with_log(&dir);

        assert_eq!(id_of(&store, name("ada")).await, Some(ada.id));
        assert_eq!(id_of(&store, name("\u{ff41}da")).await, Some(wide.id));
        assert_eq!(id_of(&store, address("ada@xn--bcher-kva.example")).await, Some(ada.id));
        assert_eq!(id_of(&store, address("ada@b\u{fc}cher.example")).await, Some(wide.id));
        for text in ["the same username", "the same verified e-mail address"] {
            let line =
                log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {log}"));
            assert!(line.contains(&ada.id.to_string()) && line.contains(&wide.id.to_string()), "{line}");
        }
        store.close().await.unwrap();
    }

    let store = dir.open();
    let _ = store.commit(&[Change::remove_user(ada.id)].into()).await.unwrap().applied().unwrap();
    store.close().await.unwrap();
    drop(store);
    let (store, log) = open_with_log(&dir);
    assert_eq!(id_of(&store, name("ada")).await, Some(wide.id));
    assert_eq!(id_of(&store, address("ada@xn--bcher-kva.example")).await, Some(wide.id));
    assert_eq!(log, "");
}

#[tokio::test]
async fn stored_names_that_look_alike_stay_and_are_logged_once() {
    let (bob, other) = (earlier(1, "bob", None), earlier(2, "b0b", None));
    let dir = earlier_database(&[bob.clone(), other.clone()]).await;

    let (store, log) = open_with_log(&dir);

    assert!(log.contains("look alike") && log.contains("b0b"), "{log}");
    assert_eq!(id_of(&store, name("bob")).await, Some(bob.id));
    assert_eq!(id_of(&store, name("b0b")).await, Some(other.id));
    store.close().await.unwrap();
    drop(store);
    assert_eq!(open_with_log(&dir).1, "");
}
