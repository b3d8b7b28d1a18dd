//! Restores a backup: it replaces the store, and all credentials issued before are revoked.
//!
//! A backup does not contain the revocations that were made after it. Therefore every signing key in it is
//! revoked and a new one is created, admin keys are removed, all sessions end, and a new revocation log
//! begins at a position above all known ones. `docs/backup.md` explains the consequences to operators.

use std::path::{Path, PathBuf};

use counterfoil_core::services::InternalError;
use counterfoil_core::services::keys::active_keys::ActiveKeysError;
use counterfoil_core::services::restore::{self as service, RestoreRequest};
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::{SealingKey, Time, random};
use counterfoil_verify::{KeyId, RevocationLogId, RevocationPosition};

use crate::admin::Command;
use crate::admin::socket_client::{CallError, call};
use crate::app::backend::{StoreBackendError, install_restore, open_store_alone, prepare_restore};
use crate::app::error::OpenError;
use crate::clock::SystemClock;
use crate::clock::checkpoint;
use crate::clock::state_keys::StateKeys;
use crate::feed::promised_lease;
use crate::keys::master_key::ResolvedMasterKey;
use crate::keys::master_key_file::MasterKeyError;
use crate::runtime::task::spawn_blocking;
use crate::settings::Settings;
use crate::settings::data_dir;
use crate::store::rollback_guard::{RecordedState, RollbackGuard, RollbackGuardError, restore_changes};

pub use counterfoil_core::services::restore::KeptOnRestore;

/// What was restored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The newest time in the backup. Later changes are lost.
    pub newest: Time,
    /// When it was restored.
    pub at: Time,
    /// The id of the new revocation log.
    pub log: RevocationLogId,
    /// The position at which the new revocation log begins.
    pub head: RevocationPosition,
    /// The new signing key.
    pub key: KeyId,
    /// The revoked signing keys.
    pub revoked_keys: Vec<KeyId>,
    /// The names of the removed admin keys.
    pub removed_admin_keys: Vec<String>,
    /// The names of the removed verifier keys.
    pub removed_verifier_keys: Vec<String>,
    /// Where the previous database is kept, if there was one.
    pub previous_database: Option<PathBuf>,
}

/// The backup was not restored. Nothing was changed, except where a variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A server uses the data directory.
    #[error("a server is running for the data directory {}", .0.display())]
    ServerRunning(PathBuf),
    /// It cannot be determined whether a server uses the data directory.
    #[error("cannot determine whether a server is running for {}", dir.display())]
    ServerUnknown {
        /// The data directory.
        dir: PathBuf,
        /// The error of the socket.
        #[source]
        source: CallError,
    },
    /// The keys in the backup are encrypted with another master key.
    #[error("the master key does not decrypt the keys in the backup")]
    WrongMasterKey(#[source] ActiveKeysError),
    /// The backup cannot be used, or the database cannot be replaced.
    #[error(transparent)]
    Store(#[from] StoreBackendError),
    /// The settings, the master key or the data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy of the backup cannot be prepared.
    #[error("the backup cannot be prepared for use")]
    NotPrepared(#[source] InternalError),
    /// The commit of a restore in place failed, and only the store knows whether it was executed.
    #[error("the store may be restored or not")]
    OutcomeUnknown(#[source] StoreError),
    /// The store is restored, but its `rollback-guard` was not written. The next start writes it.
    #[error("the store is restored, but its rollback-guard was not written")]
    GuardNotWritten(#[source] RollbackGuardError),
}

impl RestoreError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ServerRunning(_) => Some("stop the server first; nothing was changed".into()),
            Self::ServerUnknown { .. } => {
                Some("run this command as the user that runs the server, or as root".into())
            }
            Self::WrongMasterKey(_) => {
                Some("use the master key that was active when the backup was made".into())
            }
            Self::Store(error) => Some(error.hint().into()),
            Self::Open(error) => error.hint(),
            Self::NotPrepared(_) => Some("check the free disk space; nothing was changed".into()),
            Self::OutcomeUnknown(_) => Some(
                "stop every server that uses the store, look at it with `counterfoil store check`, and run this command again: it may \
                 be run whether the store is restored or not"
                    .into(),
            ),
            Self::GuardNotWritten(_) => Some("correct its cause, and start the server".into()),
        }
    }
}

impl RestoreError {
    /// The error of a restore in place, for one that would otherwise say that nothing was changed.
    fn in_place(self) -> Self {
        match self {
            Self::NotPrepared(InternalError::Store(
                error @ (StoreError::OutcomeUnknown | StoreError::Poisoned),
            )) => Self::OutcomeUnknown(error),
            other => other,
        }
    }
}

impl From<InternalError> for RestoreError {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Keys(error @ ActiveKeysError::MasterKey(..)) => Self::WrongMasterKey(error),
            error => Self::NotPrepared(error),
        }
    }
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::NotPrepared(InternalError::Store(error))
    }
}

/// Replaces the store of `settings` with `backup`.
///
/// The previous database is kept next to it and never deleted. A crash at any point leaves the previous
/// store, or the restored one with all revocations.
///
/// ```no_run
/// use std::path::Path;
/// use counterfoil::{Settings, operator};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::new("https://shop.example".parse()?, "sqlite:auth.db".parse()?);
/// let kept = operator::KeptOnRestore::Nothing;
/// let restored = operator::restore(&settings, Path::new("backup.db"), kept).await?;
/// println!("the new signing key is {}", restored.key);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If a server is running, the file is not a valid backup, the master key is not that of the backup, or the
/// disk cannot be written; [`RestoreError::hint`] says what to do.
pub async fn restore(
    settings: &Settings,
    backup: &Path,
    kept: KeptOnRestore,
) -> Result<Restored, RestoreError> {
    ensure_no_server(settings).await?;
    let master_key = master_key(settings)?;
    let created_dir = data_dir::create(settings).map_err(OpenError::from)?;
    let restored = replace_store(settings, backup, (&master_key, kept)).await;
    if let (Err(_), Some(dir)) = (&restored, created_dir) {
        // Fails if it is not empty.
        let _ = std::fs::remove_dir(dir);
    }
    restored
}

/// Revokes what the store of `settings` contains, after the tools of a database server have put back an older state of it.
/// It does what [`restore`] does to the store of a backup, in one transaction.
///
/// # Errors
///
/// If a server is running, the store cannot be opened, or the master key is not that of the store. After
/// [`RestoreError::OutcomeUnknown`] it may be called again, whether the store was restored or not.
pub async fn restore_in_place(settings: &Settings, kept: KeptOnRestore) -> Result<Restored, RestoreError> {
    ensure_no_server(settings).await?;
    let master_key = master_key(settings)?;
    let store = open_store_alone(&settings.store).await?;
    let restored = revoke_in_place(&*store, settings, (&master_key, kept)).await;
    let closed = store.close().await;
    let restored = restored?;
    closed.map_err(RestoreError::OutcomeUnknown)?;
    Ok(restored)
}

async fn revoke_in_place(
    store: &dyn Store,
    settings: &Settings,
    keys: (&SealingKey, KeptOnRestore),
) -> Result<Restored, RestoreError> {
    let guard = settings.rollback_guard_file().map(RollbackGuard::new);
    let recorded = guard.as_ref().map_or(Ok(None), recorded).map_err(OpenError::from)?;
    let prepared = prepare(store, settings, keys, recorded).await;
    let (restored, log) = prepared.map_err(RestoreError::in_place)?;
    if let Some(guard) = guard {
        guard.record_restore(log, restored.head).await.map_err(RestoreError::GuardNotWritten)?;
    }
    Ok(restored)
}

async fn replace_store(
    settings: &Settings,
    backup: &Path,
    (master_key, kept): (&SealingKey, KeptOnRestore),
) -> Result<Restored, RestoreError> {
    let (url, backup) = (settings.store.clone(), backup.to_owned());
    let restoring = spawn_blocking(move || prepare_restore(&url, &backup)).await?;
    // Read while this process holds the lock of the store, so that no other process writes the file.
    let guard = settings.rollback_guard_file().map(RollbackGuard::new);
    let recorded = guard.as_ref().map_or(Ok(None), recorded).map_err(OpenError::from)?;
    let (mut restored, log) = prepare(&*restoring.store(), settings, (master_key, kept), recorded).await?;
    restored.previous_database = install_restore(restoring).await?;
    if let Some(guard) = guard {
        guard.record_restore(log, restored.head).await.map_err(RestoreError::GuardNotWritten)?;
    }
    Ok(restored)
}

/// Revokes what the backup contains, before it replaces the store.
async fn prepare(
    store: &dyn Store,
    settings: &Settings,
    (master_key, kept): (&SealingKey, KeptOnRestore),
    recorded: Option<RecordedState>,
) -> Result<(Restored, RevocationLogId), RestoreError> {
    let newest = store.newest_time().await?;
    let state_keys = StateKeys::new(store, &settings.node.display_name());
    let at = checkpoint::start(store, &state_keys, Box::new(SystemClock)).await?.now();
    let log = RevocationLogId::from_bytes(
        random::bytes().map_err(|error| RestoreError::NotPrepared(error.into()))?,
    );
    let highest = recorded.map_or(RevocationPosition::START, |state| state.head);
    let replaced =
        [Some(store.revocation_log_id().await?), recorded.map(|state| state.log)].into_iter().flatten();
    let request = RestoreRequest { revocation_log_id: log, highest_seen: highest, kept, now: at };
    let sealing = (master_key, settings.algorithm);
    let mut changes = restore_changes(replaced);
    let longest_lease = settings.feed.lease.saturating_add(settings.feed.max_stale);
    changes.push(promised_lease::restore_change(store, longest_lease).await?);
    let done = service::restore(store, sealing, request, changes).await?;
    let removed_admin_keys = done.removed_admin_keys.into_iter().map(|key| key.name).collect();
    let removed_verifier_keys = done.removed_verifier_keys.into_iter().map(|key| key.name).collect();
    let service::RestoreOutcome { revocation_log_head: head, key, revoked_keys, .. } = done;
    let restored = Restored {
        newest,
        at,
        log,
        head,
        key,
        revoked_keys,
        removed_admin_keys,
        removed_verifier_keys,
        previous_database: None,
    };
    Ok((restored, log))
}

/// The recorded state. A damaged file is renamed, and does not prevent the restore.
fn recorded(guard: &RollbackGuard) -> Result<Option<RecordedState>, RollbackGuardError> {
    match guard.recorded() {
        Err(RollbackGuardError::Damaged { file }) => {
            tracing::warn!(file = %file.display(), "the rollback-guard is damaged; it is renamed");
            guard.set_aside().map(|()| None)
        }
        recorded => recorded,
    }
}

/// The lock of the store excludes a server that uses the same store. A server that uses another store in the
/// same data directory would overwrite files that belong to the restored one.
async fn ensure_no_server(settings: &Settings) -> Result<(), RestoreError> {
    let Some(dir) = &settings.data_dir else { return Ok(()) };
    match call(dir, &Command::Status {}).await {
        Err(CallError::NoServer(_)) => Ok(()),
        Ok(_) | Err(CallError::Failed(_)) => Err(RestoreError::ServerRunning(dir.clone())),
        Err(source) => Err(RestoreError::ServerUnknown { dir: dir.clone(), source }),
    }
}

fn master_key(settings: &Settings) -> Result<SealingKey, RestoreError> {
    let resolved =
        settings.master_key.resolve(settings.default_master_key_file()).map_err(OpenError::from)?;
    match resolved {
        ResolvedMasterKey::Found(key, _) => Ok(key),
        ResolvedMasterKey::ToCreate(file) => Err(OpenError::from(MasterKeyError::Missing { file }).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_in_place_whose_commit_may_be_executed_does_not_say_that_nothing_was_changed() {
        for error in [StoreError::OutcomeUnknown, StoreError::Poisoned] {
            let error = RestoreError::from(error).in_place();

            assert_eq!(error.to_string(), "the store may be restored or not");
            let hint = error.hint().unwrap();
            assert!(hint.contains("store check") && !hint.contains("nothing was changed"), "{hint}");
        }
        let full = StoreError::Unavailable { reason: "the disk is full", source: None };
        let hint = RestoreError::from(full).in_place().hint().unwrap();
        assert!(hint.contains("nothing was changed"), "{hint}");
    }
}
