//! A backup takes the place of the store, and nothing that was given before is good any more.
//!
//! A backup does not know what was revoked after it was made. So each signing key of it is revoked and another
//! made, admin keys are removed, every login is ended, and the log of revocations is another one, far above
//! whatever anybody has seen: docs/backup.md tells operators what that means.

use std::path::{Path, PathBuf};

use counterfoil_core::services::InternalError;
use counterfoil_core::services::keys::active_keys::ActiveKeysError;
use counterfoil_core::services::restore::{self as service, RestoreRequest};
use counterfoil_core::store::{Store, StoreError};
use counterfoil_jose::{SealingKey, Time, random};
use counterfoil_verify::{KeyId, RevocationLogId, RevocationPosition};

use crate::admin::Command;
use crate::admin::socket::{self, CallError};
use crate::app::{self, OpenError, StoreRestoreError};
use crate::clock::SystemClock;
use crate::clock::checkpoint;
use crate::keys::master_key::{Found, MasterKeyError};
use crate::runtime::task::spawn_blocking;
use crate::settings::Settings;
use crate::settings::data_dir;
use crate::store::rollback_guard::{self, LogHead, LogHeadError, Seen};

pub use counterfoil_core::services::restore::KeptOnRestore;

/// What was restored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The newest time that the backup knew of: what came later is lost.
    pub newest: Time,
    /// When it was restored.
    pub at: Time,
    /// The log that has begun.
    pub log: RevocationLogId,
    /// Its head.
    pub head: RevocationPosition,
    /// The key that signs from here on.
    pub key: KeyId,
    /// The keys that are revoked.
    pub revoked_keys: Vec<KeyId>,
    /// The names of the admin keys that are removed.
    pub removed_admin_keys: Vec<String>,
    /// Where the former database is kept, if there was one.
    pub former: Option<PathBuf>,
}

/// The backup was not restored. Unless it says otherwise, everything is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A server owns the data directory.
    #[error("a server serves the data directory {}", .0.display())]
    Served(PathBuf),
    /// It cannot be found out whether a server does.
    #[error("nobody knows whether a server serves {}", dir.display())]
    Unknown {
        /// The data directory.
        dir: PathBuf,
        /// What the socket said.
        #[source]
        source: CallError,
    },
    /// The keys of the backup are sealed with another master key.
    #[error("the master key does not open the keys of the backup")]
    OtherMasterKey(#[source] ActiveKeysError),
    /// The backup, or the place of the store, cannot be used.
    #[error(transparent)]
    Store(#[from] StoreRestoreError),
    /// What belongs to the installation cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store could not be taken up.
    #[error("the restored store could not be taken up")]
    TakenUp(#[source] InternalError),
    /// The store is restored, and the file that tells of it could not be written. The next start writes it.
    #[error("the store is restored, but its log-head was not written")]
    Untold(#[source] LogHeadError),
}

impl RestoreError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Served(_) => Some("stop the server first; nothing was changed".into()),
            Self::Unknown { .. } => Some("run this as the user that serves, or as root".into()),
            Self::OtherMasterKey(_) => {
                Some("put the master key in place that was in use when the backup was made".into())
            }
            Self::Store(error) => Some(error.hint().into()),
            Self::Open(error) => error.hint(),
            Self::TakenUp(_) => Some("look at the room on the disk; nothing was changed".into()),
            Self::Untold(_) => Some("mend what is wrong with it, and start the server".into()),
        }
    }
}

impl From<InternalError> for RestoreError {
    fn from(failure: InternalError) -> Self {
        match failure {
            InternalError::Keys(error @ ActiveKeysError::MasterKey(..)) => Self::OtherMasterKey(error),
            failure => Self::TakenUp(failure),
        }
    }
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::TakenUp(InternalError::Store(error))
    }
}

/// Puts `backup` in the place of the store that `settings` name.
///
/// The former database is kept beside it and never deleted. A crash at any point leaves the former store, or the
/// restored one with all that was done to it.
///
/// ```no_run
/// use std::path::Path;
/// use counterfoil::{Settings, restore};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::new("https://shop.example".parse()?, "sqlite:auth.db".parse()?);
/// let restored = restore::restore(&settings, Path::new("backup.db"), restore::KeptOnRestore::Nothing).await?;
/// println!("{} signs from here on", restored.key);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If a server runs, the file is no good backup, the master key is not that of the backup, or the disk does not
/// take it; [`RestoreError::hint`] says what to do.
pub async fn restore(
    settings: &Settings,
    backup: &Path,
    spared: KeptOnRestore,
) -> Result<Restored, RestoreError> {
    nobody_serves(settings).await?;
    let master = master_key(settings)?;
    let made = data_dir::make(settings).map_err(OpenError::from)?;
    let restored = put(settings, backup, (&master, spared)).await;
    if let (Err(_), Some(dir)) = (&restored, made) {
        // It is empty, or it stays.
        let _ = std::fs::remove_dir(dir);
    }
    restored
}

async fn put(
    settings: &Settings,
    backup: &Path,
    (master, spared): (&SealingKey, KeptOnRestore),
) -> Result<Restored, RestoreError> {
    let (url, backup) = (settings.store.clone(), backup.to_owned());
    let restoring = spawn_blocking(move || app::begin_restoring(&url, &backup)).await?;
    // Read while the store is ours, so that nobody writes it.
    let log_head = settings.log_head_file().map(LogHead::at);
    let seen = log_head.as_ref().map_or(Ok(None), seen).map_err(OpenError::from)?;
    let (mut restored, log) = take_up(&*restoring.store(), settings, (master, spared), seen).await?;
    restored.former = restoring.put().await?;
    if let Some(log_head) = log_head {
        log_head.restored(log, restored.head).await.map_err(RestoreError::Untold)?;
    }
    Ok(restored)
}

/// Marks the store of the backup before it takes its place.
async fn take_up(
    store: &dyn Store,
    settings: &Settings,
    (master, spared): (&SealingKey, KeptOnRestore),
    seen: Option<Seen>,
) -> Result<(Restored, RevocationLogId), RestoreError> {
    let newest = store.newest_time().await?;
    let at = checkpoint::start(store, SystemClock).await?.now();
    let log =
        RevocationLogId::from_bytes(random::bytes().map_err(|error| RestoreError::TakenUp(error.into()))?);
    let highest = seen.map_or(RevocationPosition::START, |seen| seen.head);
    let former = [Some(store.log_id().await?), seen.map(|seen| seen.log)].into_iter().flatten();
    let wanted = RestoreRequest { log, seen: highest, spared, now: at };
    let keys = (master, settings.algorithm);
    let done = service::take_up(store, keys, wanted, rollback_guard::begun_anew(former)).await?;
    let removed_admin_keys = done.removed_admin_keys.into_iter().map(|key| key.name).collect();
    let service::RestoreOutcome { head, key, revoked_keys, .. } = done;
    let restored = Restored { newest, at, log, head, key, revoked_keys, removed_admin_keys, former: None };
    Ok((restored, log))
}

/// What the file tells. A damaged one tells nothing, and is put out of the way.
fn seen(log_head: &LogHead) -> Result<Option<Seen>, LogHeadError> {
    match log_head.seen() {
        Err(LogHeadError::Damaged { file }) => {
            tracing::warn!(file = %file.display(), "the log-head is damaged, and is put aside");
            log_head.set_aside().map(|()| None)
        }
        seen => seen,
    }
}

/// A server holds its store open, which is noticed by itself; but it may also serve another one from the same
/// directory, and would go on writing there what belongs to that.
async fn nobody_serves(settings: &Settings) -> Result<(), RestoreError> {
    let Some(dir) = &settings.data_dir else { return Ok(()) };
    match socket::call(dir, &Command::Status {}).await {
        Err(CallError::NobodyThere(_)) => Ok(()),
        Ok(_) | Err(CallError::Refused(_)) => Err(RestoreError::Served(dir.clone())),
        Err(source) => Err(RestoreError::Unknown { dir: dir.clone(), source }),
    }
}

fn master_key(settings: &Settings) -> Result<SealingKey, RestoreError> {
    let found = settings.master_key.find(settings.default_master_key_file()).map_err(OpenError::from)?;
    match found {
        Found::Key(key, _) => Ok(key),
        Found::ToBeMade(file) => Err(OpenError::from(MasterKeyError::Missing { file }).into()),
    }
}
