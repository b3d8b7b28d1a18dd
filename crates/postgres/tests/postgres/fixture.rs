//! A database for each test, and the records that the tests write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use counterfoil_core::model::session::Session;
use counterfoil_core::model::user::User;
use counterfoil_core::store::conformance::cookie_session;
use counterfoil_core::store::{
    AppliedChanges, Change, CommitListener, CommitOutcome, Store, StoreError, Transaction,
};
use counterfoil_postgres::PostgresStore;
use counterfoil_test_support::{PostgresServer, skip};
use counterfoil_verify::{SessionId, UserId};

pub(crate) use counterfoil_core::store::conformance::NOON;

/// The server; `None` if the test is skipped.
#[track_caller]
pub(crate) fn server() -> Option<&'static PostgresServer> {
    let server = PostgresServer::shared();
    if server.is_none() {
        skip("PostgreSQL is not installed");
    }
    server
}

pub(crate) async fn open(url: &str) -> Arc<PostgresStore> {
    let url = url.parse().expect("a URL of PostgreSQL");
    PostgresStore::open(&url).await.unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) fn user(number: u32) -> User {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    User::new(UserId::from_bytes(id), format!("user{number:05}").parse().unwrap(), NOON)
}

/// Commits the insertion of a user.
pub(crate) async fn insert(store: &PostgresStore, number: u32) -> Result<CommitOutcome, StoreError> {
    store.commit(&Transaction::new([Change::insert_user(user(number))])).await
}

/// Commits the insertion of a user, as soon as the store has recovered.
pub(crate) async fn insert_when_recovered(store: &PostgresStore, number: u32) {
    for _ in 0..200 {
        match insert(store, number).await {
            Ok(CommitOutcome::Applied(_)) => return,
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Unavailable { .. } | StoreError::Backend(_)) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the store has not recovered within ten seconds");
}

/// Counts what it is told.
#[derive(Default)]
pub(crate) struct CountingListener {
    commits: AtomicUsize,
    failures: AtomicUsize,
}

impl CountingListener {
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.commits.load(Ordering::SeqCst), self.failures.load(Ordering::SeqCst))
    }
}

impl CommitListener for CountingListener {
    fn on_commit(&self, _: &[Change], _: &AppliedChanges) {
        self.commits.fetch_add(1, Ordering::SeqCst);
    }

    fn on_failure(&self) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }
}

/// A session with a cookie.
pub(crate) fn session(number: u8, user: UserId) -> Session {
    cookie_session(SessionId::from_bytes([number; 16]), user)
}
