//! `DIR/log-head`: what was last seen of the store, kept outside of it. By it a store that was rolled back is known.
//!
//! A database that is put back brings back what was revoked since. The database alone cannot tell; this file
//! can: it holds which log the store has, how far that log has come, and how often the file was saved. It is
//! written after the commit that it tells of, so it is never ahead of the store that it was written for.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use counterfoil_core::store::{Change, CommitOutcome, Store, StoreError};
use counterfoil_jose::json;
use counterfoil_verify::{RevocationLogId, RevocationPosition};

use crate::fs::new_file;
use crate::runtime::task::spawn_blocking;

/// The fact that counts how often the file was saved. It tells a store that was rolled back to a time since which
/// nothing was revoked, and by which a refresh token or a password would be an older one.
const SAVED: &str = "log_head_saved";

/// The fact that names the logs which a restored store comes after, 16 bytes each: a file that tells of one of
/// them was written before the restore.
const FORMER: &str = "log_head_former";

/// The most bytes of the file.
const LONGEST: u64 = 1024;

/// What the file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    /// Which log.
    pub(crate) log: RevocationLogId,
    /// How far it had come.
    pub(crate) head: RevocationPosition,
    /// How often the file had been saved.
    saved: u64,
}

/// The file of one installation.
#[derive(Debug)]
pub(crate) struct LogHead {
    file: PathBuf,
    /// Held while it is written, also if whoever wanted that no longer waits.
    writing: Arc<Mutex<()>>,
}

/// A store is not served, because it is not what was last seen; or that could not be found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogHeadError {
    /// The store is older than what was seen.
    #[error("the store was rolled back: {} has seen a newer state of it", file.display())]
    Behind {
        /// The file that has seen it.
        file: PathBuf,
    },
    /// The file tells of another store.
    #[error("the store is not the one that {} tells of", file.display())]
    Another {
        /// The file.
        file: PathBuf,
    },
    /// The store has had such a file, and it is not there.
    #[error("{} is missing, so nobody knows whether the store was rolled back", file.display())]
    Missing {
        /// Where the file should be.
        file: PathBuf,
    },
    /// There is no store, and the file tells of one.
    #[error("the store is missing, and {} tells of one", file.display())]
    StoreMissing {
        /// The file.
        file: PathBuf,
    },
    /// The file is not as we write it.
    #[error("{} is damaged, so nobody knows whether the store was rolled back", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be used", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogHeadError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Behind { .. } => Some(
                "what was revoked since would be good again; put the newest backup in place by `counterfoil restore FILE`",
            ),
            Self::Another { .. } => Some(
                "name the data directory of this store; or if it is a backup, put it in place by `counterfoil restore FILE`",
            ),
            Self::Missing { .. } | Self::Damaged { .. } => Some(
                "put the file back beside the store that it was written for; without it, or if the store is a backup: `counterfoil restore FILE`",
            ),
            Self::StoreMissing { .. } => Some(
                "put the newest backup in place by `counterfoil restore FILE`; to begin anew without its users, remove that file",
            ),
            Self::Unusable { .. } => Some("make it readable and its directory writable for this user"),
            Self::Store(_) => None,
        }
    }
}

impl LogHead {
    /// The file at this place.
    pub(crate) fn at(file: PathBuf) -> Self {
        Self { file, writing: Arc::default() }
    }

    /// What the file tells; nothing if there is none.
    pub(crate) fn seen(&self) -> Result<Option<Seen>, LogHeadError> {
        match read(&self.file) {
            Ok(Some(text)) => match json::object(&text) {
                Ok(seen) => Ok(Some(seen)),
                Err(_) => Err(LogHeadError::Damaged { file: self.file.clone() }),
            },
            Ok(None) => Ok(None),
            Err(source) => Err(self.unusable(source)),
        }
    }

    /// Refuses to have a new store made where there was one.
    pub(crate) fn judge_absence(&self) -> Result<(), LogHeadError> {
        match self.file.exists() {
            true => Err(LogHeadError::StoreMissing { file: self.file.clone() }),
            false => Ok(()),
        }
    }

    /// Judges a store by what was seen, before anything of it is served.
    ///
    /// Without the file a store is taken only if it has never had one: a new one, and one that was restored a
    /// moment ago. Where both the file is gone and the store was used, it may be a backup that was copied to a new
    /// machine, and what is unknown is denied.
    pub(crate) async fn judge(&self, store: &dyn Store) -> Result<(), LogHeadError> {
        let (log, head, saved) = (store.log_id().await?, store.head().await?, saved(store).await?);
        let file = self.file.clone();
        match self.seen()? {
            None if saved == 0 => Ok(()),
            None => Err(LogHeadError::Missing { file }),
            Some(seen) if seen.log == log && (seen.head > head || seen.saved > saved) => {
                Err(LogHeadError::Behind { file })
            }
            Some(seen) if seen.log == log => Ok(()),
            Some(seen) if follows(store, seen.log).await? && seen.head <= head => Ok(()),
            Some(_) => Err(LogHeadError::Another { file }),
        }
    }

    /// Makes sure that there is a file, for a store that was judged.
    pub(crate) async fn begin(&self, store: &dyn Store) -> Result<(), LogHeadError> {
        let log = store.log_id().await?;
        if self.seen()?.is_some_and(|seen| seen.log == log) {
            return Ok(());
        }
        // The file first: from the first commit that counts a saving on, the store wants to see one.
        let seen = Seen { log, head: store.head().await?, saved: saved(store).await? };
        self.write(seen).await?;
        self.save(store).await
    }

    /// Saves what is there now: each minute, and when the store is closed.
    pub(crate) async fn save(&self, store: &dyn Store) -> Result<(), LogHeadError> {
        let log = store.log_id().await?;
        let saved = saved(store).await? + 1;
        match store.commit(&[Change::SetMetadata(SAVED, saved.to_be_bytes().to_vec())]).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {}
        }
        self.write(Seen { log, head: store.head().await?, saved }).await
    }

    /// Writes what is there after a restore, which has begun to count anew (see [`begun_anew`]).
    pub(crate) async fn restored(
        &self,
        log: RevocationLogId,
        head: RevocationPosition,
    ) -> Result<(), LogHeadError> {
        self.write(Seen { log, head, saved: 0 }).await
    }

    /// Puts a damaged file out of the way, where people may still look at it.
    pub(crate) fn set_aside(&self) -> Result<(), LogHeadError> {
        std::fs::rename(&self.file, with(&self.file, ".damaged")).map_err(|source| self.unusable(source))
    }

    async fn write(&self, seen: Seen) -> Result<(), LogHeadError> {
        let (file, writing) = (self.file.clone(), Arc::clone(&self.writing));
        let written = spawn_blocking(move || {
            // Nothing that is half done is left behind by whoever panics here.
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            write(&file, &serde_json::to_vec(&seen)?)
        })
        .await;
        written.map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: io::Error) -> LogHeadError {
        LogHeadError::Unusable { file: self.file.clone(), source }
    }
}

/// What a restored store keeps: it begins to count anew, and comes after these logs.
pub(crate) fn begun_anew(former: impl IntoIterator<Item = RevocationLogId>) -> Vec<Change> {
    let ids = former.into_iter().flat_map(|log| *log.as_bytes()).collect();
    vec![Change::SetMetadata(SAVED, 0_u64.to_be_bytes().to_vec()), Change::SetMetadata(FORMER, ids)]
}

async fn saved(store: &dyn Store) -> Result<u64, StoreError> {
    let Some(bytes) = store.fact(SAVED).await? else { return Ok(0) };
    let corrupt = |_| StoreError::Corrupt { what: "how often the log-head was saved", source: None };
    bytes.try_into().map(u64::from_be_bytes).map_err(corrupt)
}

/// Whether the store was restored after it had, or its installation had, this log.
async fn follows(store: &dyn Store, log: RevocationLogId) -> Result<bool, StoreError> {
    let former = store.fact(FORMER).await?.unwrap_or_default();
    Ok(former.chunks_exact(16).any(|id| id == log.as_bytes()))
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.take(LONGEST).read_to_end(&mut text)?,
    };
    Ok(Some(text))
}

/// Whole or not at all, and durably.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let (unfinished, directory) = (with(file, ".new"), new_file::directory_of(file));
    // What a crash has left there, whoever it was.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut new = new_file::make(&unfinished, directory)?;
    new.write_all(text)?;
    new.write_all(b"\n")?;
    new.sync_all()?;
    std::fs::rename(&unfinished, file)?;
    File::open(directory)?.sync_all()
}

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use counterfoil_sqlite::SqliteStore;

    use super::*;

    /// A store and a place for its file, both of which go with the directory.
    async fn place() -> (tempfile::TempDir, LogHead, std::sync::Arc<SqliteStore>) {
        let dir = tempfile::tempdir().unwrap();
        let head = LogHead::at(dir.path().join("log-head"));
        let store = SqliteStore::open(&dir.path().join("auth.db")).unwrap();
        head.judge(&*store).await.unwrap();
        head.begin(&*store).await.unwrap();
        (dir, head, store)
    }

    fn tamper(head: &LogHead, change: impl Fn(&mut Seen)) {
        let mut seen = head.seen().unwrap().unwrap();
        change(&mut seen);
        fs::write(&head.file, serde_json::to_vec(&seen).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_new_store_gets_a_file_for_its_owner_alone_and_is_known_by_it() {
        let (_dir, head, store) = place().await;

        head.save(&*store).await.unwrap();

        head.judge(&*store).await.unwrap();
        assert_eq!(head.file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(head.seen().unwrap().unwrap().log, store.log_id().await.unwrap());
        assert_eq!(head.seen().unwrap().unwrap().saved, 2);
        assert!(!with(&head.file, ".new").exists());
    }

    #[tokio::test]
    async fn a_store_behind_what_was_seen_is_refused() {
        let (_dir, head, store) = place().await;
        tamper(&head, |seen| seen.head = RevocationPosition::new(1));
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Behind { .. })));

        tamper(&head, |seen| (seen.head, seen.saved) = (RevocationPosition::START, 2));
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Behind { .. })));

        // A crash between the commit and the file: the store is ahead, as it should be.
        tamper(&head, |seen| seen.saved = 0);
        head.judge(&*store).await.unwrap();
    }

    #[tokio::test]
    async fn another_log_is_refused_unless_the_store_comes_after_it() {
        let (_dir, head, store) = place().await;
        let other = RevocationLogId::from_bytes([3; 16]);
        tamper(&head, |seen| seen.log = other);
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Another { .. })));

        let _ = store.commit(&begun_anew([RevocationLogId::from_bytes([2; 16]), other])).await.unwrap();
        head.judge(&*store).await.unwrap();
        tamper(&head, |seen| seen.head = RevocationPosition::new(1));
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Another { .. })));
    }

    #[tokio::test]
    async fn a_store_that_was_seen_before_is_refused_without_its_file() {
        let (_dir, head, store) = place().await;
        fs::remove_file(&head.file).unwrap();
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Missing { .. })));

        let _ = store.commit(&begun_anew([])).await.unwrap();

        head.judge(&*store).await.unwrap();
    }

    #[tokio::test]
    async fn a_damaged_file_is_one_clear_error() {
        let (_dir, head, store) = place().await;
        let whole = fs::read(&head.file).unwrap();
        for damaged in [
            b"".to_vec(),
            whole[..whole.len() / 2].to_vec(),
            [&whole[..whole.len() - 2], b",\"more\":1}"].concat(),
            vec![0; 64],
            vec![b'x'; 100_000],
        ] {
            fs::write(&head.file, damaged).unwrap();
            let error = head.judge(&*store).await.unwrap_err();
            assert!(matches!(error, LogHeadError::Damaged { .. }), "{error}");
            assert!(error.hint().unwrap().contains("counterfoil restore"));
        }
        fs::remove_file(&head.file).unwrap();
        fs::create_dir(&head.file).unwrap();
        assert!(matches!(head.judge(&*store).await, Err(LogHeadError::Unusable { .. })));
    }

    #[tokio::test]
    async fn where_there_was_a_store_no_new_one_is_made() {
        let (dir, head, _store) = place().await;

        assert!(LogHead::at(dir.path().join("another")).judge_absence().is_ok());
        let gone = head.judge_absence();

        assert!(matches!(gone, Err(LogHeadError::StoreMissing { .. })));
    }
}
