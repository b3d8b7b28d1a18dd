//! What the tests of the SQLite store have in common: a store on a disk, users, and a process to be killed.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use counterfoil_core::model::user::User;
use counterfoil_core::store::{AppliedChanges, Change, CommitOutcome, Page, Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_jose::digest::sha256;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{RevocationPosition, UserId};
use tempfile::TempDir;

pub(crate) const NOON: Time = Time::from_unix_seconds(1_764_000_000);

/// A directory for one database; it goes with the test.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
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

    /// Every file there with the length and a digest of what is in it.
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
    User {
        id: UserId::from_bytes(id),
        username: format!("user{number:06}").parse().unwrap(),
        email: None,
        email_verified: false,
        password: None,
        roles: Vec::new(),
        disabled_at: None,
        epoch: 0,
        not_before: RevocationPosition::START,
        created_at: NOON,
        revision: 0,
    }
}

pub(crate) async fn insert(store: &SqliteStore, number: u64) -> Result<AppliedChanges, StoreError> {
    match store.commit(&[Change::InsertUser(Box::new(user(number)))]).await? {
        CommitOutcome::Applied(applied) => Ok(applied),
        CommitOutcome::Conflict(_) => panic!("user {number} was there before"),
    }
}

pub(crate) async fn count_users(store: &SqliteStore) -> Result<usize, StoreError> {
    Ok(store.users(Page { after: None, limit: 1_000_000 }).await?.len())
}

/// What a child is to do, from whoever has started it.
pub(crate) fn task_of_a_child() -> Option<(String, PathBuf)> {
    let path = std::env::var_os("COUNTERFOIL_TEST_DATABASE")?;
    Some((std::env::var("COUNTERFOIL_TEST_TASK").ok()?, path.into()))
}

/// This very test program, as another process that does `task` in its test `child`. What stands before the
/// program is a shell's.
pub(crate) fn another_process(shell: &str, task: &str, database: &Path) -> Command {
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
