//! `DIR/rollback-guard`: records the last known state of the store outside of it, to detect a store that was
//! rolled back.
//!
//! An older copy of the database would make revoked credentials valid again, and the database itself cannot
//! detect that. This file can: it contains the id of the store's revocation log, its position, and how often
//! the file was saved. It is written after the commit that it describes, so it is never ahead of the store
//! that it was written for.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use counterfoil_core::store::{Change, CommitOutcome, CounterIncrement, CounterKey, Store, StoreError};
use counterfoil_files::{Access, check_replaceable, open_regular, parent_directory, restrict, with_suffix};
use counterfoil_jose::{Time, json};
use counterfoil_verify::{RevocationLogId, RevocationPosition};

use crate::fs::atomic_write::{AtomicWrite, ExistingFile};
use crate::runtime::task::spawn_blocking;
use crate::store::node::peers::is_served_by_a_node;

/// Metadata of the store: how often the file was saved. It detects a rollback to a time after the last
/// revocation, which would bring back an older refresh token or password.
const SAVE_COUNT: &str = "rollback_guard_save_count";

/// Metadata of the store: the ids of the revocation logs that a restored store replaces, 16 bytes each. A
/// file that names one of them was written before the restore.
const REPLACED_LOGS: &str = "rollback_guard_replaced_logs";

/// The window of the counter, which must never begin again.
const FOREVER: Duration = Duration::from_secs(10_000 * 365 * 24 * 60 * 60);

/// The most bytes of the file.
const MAX_LENGTH: u64 = 1024;

/// The content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedState {
    /// The id of the revocation log.
    pub(crate) log: RevocationLogId,
    /// The position of its last entry.
    pub(crate) head: RevocationPosition,
    /// How often the file had been saved.
    save_count: u64,
}

/// The file of one installation.
#[derive(Debug)]
pub(crate) struct RollbackGuard {
    file: PathBuf,
    /// Held by the thread that writes, also if the task that started it was cancelled.
    write_lock: Arc<Mutex<()>>,
}

/// The store is not opened because it is not in the last known state, or because that cannot be determined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackGuardError {
    /// The store is older than its recorded state.
    #[error("the store was rolled back: {} records a newer state of it", file.display())]
    RolledBack {
        /// The file.
        file: PathBuf,
    },
    /// The file was written for another store.
    #[error("{} belongs to a different store", file.display())]
    DifferentStore {
        /// The file.
        file: PathBuf,
    },
    /// The file was written before and is missing.
    #[error("{} is missing, so a rollback of the store cannot be ruled out", file.display())]
    Missing {
        /// Where the file should be.
        file: PathBuf,
    },
    /// The store is missing, and the file records that there was one.
    #[error("the store is missing, and {} records the state of one", file.display())]
    StoreMissing {
        /// The file.
        file: PathBuf,
    },
    /// The file has no valid content.
    #[error("{} is damaged, so a rollback of the store cannot be ruled out", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be read or written", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RollbackGuardError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::RolledBack { .. } => Some(
                "do not use this copy: later revocations are missing in it; restore the newest backup with `counterfoil restore FILE`, or, if the \
                 tools of a database server put it back, run `counterfoil restore --in-place`",
            ),
            Self::DifferentStore { .. } => Some(
                "name the data directory of this store; if the store is a backup, restore it with `counterfoil restore FILE`",
            ),
            Self::Missing { .. } | Self::Damaged { .. } => Some(
                "put the file of this store back; without it, or if the store is a backup, use `counterfoil restore FILE`",
            ),
            Self::StoreMissing { .. } => Some(
                "restore the newest backup with `counterfoil restore FILE`; to start without its users, remove that file",
            ),
            Self::Io { .. } => Some("make it readable and its directory writable for this user"),
            Self::Store(_) => None,
        }
    }
}

impl RollbackGuard {
    /// The guard that uses `file`.
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, write_lock: Arc::default() }
    }

    /// Reads the recorded state; `None` if there is no file.
    pub(crate) fn recorded(&self) -> Result<Option<RecordedState>, RollbackGuardError> {
        match read(&self.file) {
            Ok(Some(text)) => match json::parse_object(&text) {
                Ok(state) => Ok(Some(state)),
                Err(_) => Err(RollbackGuardError::Damaged { file: self.file.clone() }),
            },
            Ok(None) => Ok(None),
            Err(source) => Err(self.io_error(source)),
        }
    }

    /// Checks that no store was there before. Otherwise a new, empty store must not be created.
    pub(crate) fn check_no_former_store(&self) -> Result<(), RollbackGuardError> {
        match self.file.symlink_metadata().is_ok() {
            true => Err(RollbackGuardError::StoreMissing { file: self.file.clone() }),
            false => Ok(()),
        }
    }

    /// Checks `store` against the recorded state, before anything in it is used.
    ///
    /// Without the file only a store that never had one is accepted: a new or a just restored one. A used
    /// store without its file may be a backup that was copied to another machine, and is refused.
    pub(crate) async fn check(&self, store: &dyn Store) -> Result<(), RollbackGuardError> {
        let (log, head, save_count) =
            (store.revocation_log_id().await?, store.revocation_log_head().await?, save_count(store).await?);
        let file = self.file.clone();
        match self.recorded()? {
            None if save_count == 0 => Ok(()),
            // The first start on another machine. A node that serves knows more of the store than a file: it ends its lease
            // if the store is rolled back.
            None if is_served_by_a_node(store).await? => Ok(()),
            None => Err(RollbackGuardError::Missing { file }),
            Some(state) if state.log == log && (state.head > head || state.save_count > save_count) => {
                Err(RollbackGuardError::RolledBack { file })
            }
            Some(state) if state.log == log => Ok(()),
            Some(state) if replaces(store, state.log).await? && state.head <= head => Ok(()),
            Some(_) => Err(RollbackGuardError::DifferentStore { file }),
        }
    }

    /// Creates the file for a store that was checked, if it does not exist or was written before a restore.
    pub(crate) async fn initialize(&self, store: &dyn Store) -> Result<(), RollbackGuardError> {
        let log = store.revocation_log_id().await?;
        if self.recorded()?.is_some_and(|state| state.log == log) {
            return Ok(());
        }
        // The file first: once the save count is above zero, the store is not opened without the file.
        let state = RecordedState {
            log,
            head: store.revocation_log_head().await?,
            save_count: save_count(store).await?,
        };
        self.write(state).await?;
        self.save(store).await
    }

    /// Records the current state: every minute, and when the store is closed.
    pub(crate) async fn save(&self, store: &dyn Store) -> Result<(), RollbackGuardError> {
        let log = store.revocation_log_id().await?;
        let save_count = raise_save_count(store).await?;
        self.write(RecordedState { log, head: store.revocation_log_head().await?, save_count }).await
    }

    /// Records the state of a store that was just restored (see [`restore_changes`]).
    pub(crate) async fn record_restore(
        &self,
        log: RevocationLogId,
        head: RevocationPosition,
    ) -> Result<(), RollbackGuardError> {
        self.write(RecordedState { log, head, save_count: 0 }).await
    }

    /// Renames a damaged file, so that it can still be examined.
    pub(crate) fn set_aside(&self) -> Result<(), RollbackGuardError> {
        let damaged = with_suffix(&self.file, ".damaged");
        let renamed = check_replaceable(&damaged).and_then(|()| std::fs::rename(&self.file, damaged));
        renamed.map_err(|source| self.io_error(source))
    }

    /// Sets mode 0600 on the file, if it exists and a platform has changed its mode.
    pub(crate) fn restrict(&self) -> Result<(), RollbackGuardError> {
        let restricted = match open_regular(&self.file, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.and_then(|opened| restrict(&opened, &self.file)),
        };
        restricted.map_err(|source| self.io_error(source))
    }

    async fn write(&self, state: RecordedState) -> Result<(), RollbackGuardError> {
        let (file, write_lock) = (self.file.clone(), Arc::clone(&self.write_lock));
        let written = spawn_blocking(move || {
            // A panic during a write leaves nothing inconsistent behind.
            let _locked = write_lock.lock().unwrap_or_else(PoisonError::into_inner);
            write(&file, &state)
        })
        .await;
        written.map_err(|source| self.io_error(source))
    }

    fn io_error(&self, source: io::Error) -> RollbackGuardError {
        RollbackGuardError::Io { file: self.file.clone(), source }
    }
}

/// The changes that a restored store starts with: its save count is zero, and it replaces these revocation
/// logs.
pub(crate) fn restore_changes(replaced: impl IntoIterator<Item = RevocationLogId>) -> Vec<Change> {
    let ids = replaced.into_iter().flat_map(|log| *log.as_bytes()).collect();
    vec![
        Change::set_metadata(SAVE_COUNT, 0_u64.to_be_bytes().to_vec()),
        Change::set_metadata(REPLACED_LOGS, ids),
    ]
}

/// Raises the save count and returns it. Of several nodes each one gets another number: with a number that was read before,
/// one node would write a lower one than another node has in its file.
async fn raise_save_count(store: &dyn Store) -> Result<u64, StoreError> {
    if store.node_registry().is_some() {
        // Above the count of a store that was moved here.
        let behind = save_count(store).await?.saturating_sub(counted(store).await?);
        let increment = CounterIncrement {
            key: shared_count(),
            amount: u32::try_from(behind + 1).unwrap_or(u32::MAX),
            window: FOREVER,
            while_previous_at_most: None,
        };
        let values = store.increment_counters(&[increment], Time::EPOCH).await?;
        return Ok(values.first().map_or(0, |value| value.count));
    }
    let save_count = save_count(store).await? + 1;
    let change = Change::set_metadata(SAVE_COUNT, save_count.to_be_bytes().to_vec());
    match store.commit(&[change].into()).await? {
        CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(save_count),
    }
}

/// The counter of a store that several nodes use.
fn shared_count() -> CounterKey {
    CounterKey(SAVE_COUNT.to_owned())
}

/// The save count: the higher one of both places. A store that was moved has the count of its former back end.
async fn save_count(store: &dyn Store) -> Result<u64, StoreError> {
    let counted = counted(store).await?;
    let Some(bytes) = store.metadata(SAVE_COUNT).await? else { return Ok(counted) };
    let corrupt = |_| StoreError::Corrupt { detail: "the save count of the rollback guard", source: None };
    bytes.try_into().map(u64::from_be_bytes).map_err(corrupt).map(|saved| saved.max(counted))
}

async fn counted(store: &dyn Store) -> Result<u64, StoreError> {
    let values = store.counters(&[shared_count()], Time::EPOCH).await?;
    Ok(values.first().map_or(0, |value| value.count))
}

/// Whether the store was restored in place of one with the revocation log `log`.
async fn replaces(store: &dyn Store, log: RevocationLogId) -> Result<bool, StoreError> {
    let replaced = store.metadata(REPLACED_LOGS).await?.unwrap_or_default();
    Ok(replaced.chunks_exact(16).any(|id| id == log.as_bytes()))
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    match open_regular(file, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.take(MAX_LENGTH).read_to_end(&mut text)?,
    };
    Ok(Some(text))
}

fn write(path: &Path, state: &RecordedState) -> io::Result<()> {
    let mut text = serde_json::to_vec(state)?;
    text.push(b'\n');
    // The name is fixed, so that crashes do not accumulate files. The caller holds the write lock.
    let (temporary, owner_of) = (with_suffix(path, ".new"), parent_directory(path));
    AtomicWrite { path, temporary, owner_of, existing: ExistingFile::Replace }
        .run(|file| file.write_all(&text))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use counterfoil_sqlite::SqliteStore;

    use super::*;

    /// A new store and its guard, in a directory that is deleted with the first value.
    async fn guarded_store() -> (tempfile::TempDir, RollbackGuard, std::sync::Arc<SqliteStore>) {
        let dir = tempfile::tempdir().unwrap();
        let guard = RollbackGuard::new(dir.path().join("rollback-guard"));
        let store = SqliteStore::open(&dir.path().join("auth.db")).unwrap();
        guard.check(&*store).await.unwrap();
        guard.initialize(&*store).await.unwrap();
        (dir, guard, store)
    }

    fn tamper(guard: &RollbackGuard, change: impl Fn(&mut RecordedState)) {
        let mut state = guard.recorded().unwrap().unwrap();
        change(&mut state);
        fs::write(&guard.file, serde_json::to_vec(&state).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_new_store_gets_a_guard_file_for_its_owner_alone() {
        let (_dir, guard, store) = guarded_store().await;

        guard.save(&*store).await.unwrap();

        guard.check(&*store).await.unwrap();
        assert_eq!(guard.file.metadata().unwrap().mode() & 0o777, 0o600);
        let state = guard.recorded().unwrap().unwrap();
        assert_eq!((state.log, state.save_count), (store.revocation_log_id().await.unwrap(), 2));
        assert!(!with_suffix(&guard.file, ".new").exists());
    }

    #[tokio::test]
    async fn a_store_behind_its_recorded_state_is_refused() {
        let (_dir, guard, store) = guarded_store().await;
        tamper(&guard, |state| state.head = RevocationPosition::new(1));
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::RolledBack { .. })));

        tamper(&guard, |state| (state.head, state.save_count) = (RevocationPosition::START, 2));
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::RolledBack { .. })));

        // After a crash between the commit and the write of the file, the store is ahead of the file.
        tamper(&guard, |state| state.save_count = 0);
        guard.check(&*store).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_of_another_revocation_log_is_refused_unless_the_store_replaces_it() {
        let (_dir, guard, store) = guarded_store().await;
        let other = RevocationLogId::from_bytes([3; 16]);
        tamper(&guard, |state| state.log = other);
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::DifferentStore { .. })));

        let _ = store
            .commit(&restore_changes([RevocationLogId::from_bytes([2; 16]), other]).into())
            .await
            .unwrap();
        guard.check(&*store).await.unwrap();
        tamper(&guard, |state| state.head = RevocationPosition::new(1));
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::DifferentStore { .. })));
    }

    #[tokio::test]
    async fn a_used_store_is_refused_without_its_guard_file() {
        let (_dir, guard, store) = guarded_store().await;
        fs::remove_file(&guard.file).unwrap();
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::Missing { .. })));

        let _ = store.commit(&restore_changes([]).into()).await.unwrap();

        guard.check(&*store).await.unwrap();
    }

    #[tokio::test]
    async fn a_damaged_file_is_refused_with_a_hint() {
        let (_dir, guard, store) = guarded_store().await;
        let whole = fs::read(&guard.file).unwrap();
        for damaged in [
            b"".to_vec(),
            whole[..whole.len() / 2].to_vec(),
            [&whole[..whole.len() - 2], b",\"more\":1}"].concat(),
            vec![0; 64],
            vec![b'x'; 100_000],
        ] {
            fs::write(&guard.file, damaged).unwrap();
            let error = guard.check(&*store).await.unwrap_err();
            assert!(matches!(error, RollbackGuardError::Damaged { .. }), "{error}");
            assert!(error.hint().unwrap().contains("counterfoil restore"));
        }
        fs::remove_file(&guard.file).unwrap();
        fs::create_dir(&guard.file).unwrap();
        assert!(matches!(guard.check(&*store).await, Err(RollbackGuardError::Io { .. })));
    }

    #[tokio::test]
    async fn no_new_store_is_created_in_place_of_a_lost_one() {
        let (dir, guard, _store) = guarded_store().await;

        let other = RollbackGuard::new(dir.path().join("another"));
        assert!(other.check_no_former_store().is_ok());
        let refused = guard.check_no_former_store();

        assert!(matches!(refused, Err(RollbackGuardError::StoreMissing { .. })));
    }
}
