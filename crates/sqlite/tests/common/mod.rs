//! A database directory, users and child processes for the tests of the SQLite store.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use counterfoil_core::model::user::User;
use counterfoil_core::store::{AppliedChanges, Change, CommitOutcome, Page, Store, StoreError};
use counterfoil_jose::digest::sha256;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::UserId;
use tempfile::TempDir;

pub(crate) use counterfoil_core::store::conformance::NOON;

/// A directory for one database, deleted at the end of the test.
pub(crate) struct DatabaseDir {
    directory: TempDir,
}

impl DatabaseDir {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory().join("auth.db")
    }

    pub(crate) fn open(&self) -> Arc<SqliteStore> {
        SqliteStore::open(&self.database()).unwrap()
    }

    /// Every file in the directory, with its length and the SHA-256 of its content.
    pub(crate) fn files(&self) -> Vec<(PathBuf, usize, [u8; 32])> {
        let mut files: Vec<_> = std::fs::read_dir(self.directory())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let bytes = std::fs::read(&path).unwrap_or_default();
                (path, bytes.len(), sha256(&bytes))
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn user(number: u64) -> User {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    User::new(UserId::from_bytes(id), format!("user{number:06}").parse().unwrap(), NOON)
}

pub(crate) async fn insert(store: &SqliteStore, number: u64) -> Result<AppliedChanges, StoreError> {
    match store.commit(&[Change::insert_user(user(number))].into()).await? {
        CommitOutcome::Applied(applied) => Ok(applied),
        CommitOutcome::Conflict(_) => panic!("user {number} exists already"),
    }
}

pub(crate) async fn count_users(store: &SqliteStore) -> Result<usize, StoreError> {
    Ok(store.users(Page { after: None, limit: 1_000_000 }).await?.len())
}

/// The task and the database of a child process; `None` in a process that no test has started.
pub(crate) fn child_task() -> Option<(String, PathBuf)> {
    let path = std::env::var_os("COUNTERFOIL_TEST_DATABASE")?;
    Some((std::env::var("COUNTERFOIL_TEST_TASK").ok()?, path.into()))
}

/// A process of this test program that runs only the test `child`, which does `task`. `shell` is run before
/// it, for example to set limits.
pub(crate) fn child_process(shell: &str, task: &str, database: &Path) -> Command {
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" --exact child --nocapture --test-threads=1"))
        .arg(std::env::current_exe().unwrap())
        .env("COUNTERFOIL_TEST_TASK", task)
        .env("COUNTERFOIL_TEST_DATABASE", database)
        .stdout(Stdio::piped());
    command
}
