//! Moves a store to another back end, and lets a store be used again after that.

use counterfoil_core::store::StoreError;
use counterfoil_core::store::copy::CopyMark;

use crate::app::backend::{StoreBackendError, open_tables};
use crate::settings::store_url::StoreUrl;
use crate::store::copy::{CopiedStore, CopyError, CopyProgress, copy_tables};
use crate::store::copy_mark;

/// A store was not moved or not opened for use again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreMoveError {
    /// A store cannot be opened, or another process has it open.
    #[error(transparent)]
    Open(#[from] StoreBackendError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy failed.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Both URLs name the same store.
    #[error("both names are of the same store")]
    Same,
    /// The store is a copy that is not complete, so it is never used.
    #[error("the store is an unfinished copy of {0}")]
    Unfinished(String),
}

impl StoreMoveError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => Some(error.hint().to_owned()),
            Self::Store(_) => None,
            Self::Copy(error) => Some(error.hint().to_owned()),
            Self::Same => Some("name the store to copy, and the one to create".to_owned()),
            Self::Unfinished(_) => {
                Some("continue the copy, or reopen its source and delete this store".to_owned())
            }
        }
    }
}

/// Copies the store `from` to the empty store `to`, with every session, key and counter, and compares them. The store
/// `to` takes the place of `from`: no server uses `from` any more. A copy that was interrupted is continued.
///
/// ```no_run
/// use counterfoil::operator;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (from, to) = ("sqlite:auth.db".parse()?, "postgres://auth@db.example/auth".parse()?);
/// let copied = operator::copy_store(&from, &to, &|_| {}).await?;
/// println!("use {}", copied.to);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If another process uses one of the stores, `to` is neither empty nor a copy of `from` that was interrupted, or a store
/// fails; [`StoreMoveError::hint`] says what to do.
pub async fn copy_store(
    from: &StoreUrl,
    to: &StoreUrl,
    report: &(dyn Fn(CopyProgress) + Sync),
) -> Result<CopiedStore, StoreMoveError> {
    if from.resolved() == to.resolved() {
        return Err(StoreMoveError::Same);
    }
    let mut source = open_tables(from, false).await?;
    let mut target = match open_tables(to, true).await {
        Ok(target) => target,
        Err(error) => {
            let _ = source.close().await;
            return Err(error.into());
        }
    };
    let copied = copy_tables(&mut *source, &mut *target, report).await;
    let (source_closed, target_closed) = (source.close().await, target.close().await);
    let copied = copied?;
    source_closed?;
    target_closed?;
    Ok(copied)
}

/// Lets the store be used again after it was copied. Returns where the copy is; `None` if the store was not copied.
///
/// The caller must know that the copy is not used: both have the same sessions, and what is revoked in one of them stays
/// valid in the other.
///
/// # Errors
///
/// If another process uses the store, it is a copy that is not complete, or it cannot be written.
pub async fn reopen_store(store: &StoreUrl) -> Result<Option<String>, StoreMoveError> {
    let mut tables = open_tables(store, false).await?;
    let reopened = async {
        let mark = tables.mark().await?.as_deref().map(copy_mark::parse).transpose()?;
        let to = match mark {
            None => return Ok(None),
            Some(CopyMark::Unfinished { from, .. }) => return Err(StoreMoveError::Unfinished(from)),
            Some(CopyMark::Source { to, .. } | CopyMark::Moved { to, .. }) => to,
        };
        tables.set_mark(None).await?;
        Ok(Some(to))
    };
    let reopened = reopened.await;
    let closed = tables.close().await;
    let reopened = reopened?;
    closed?;
    Ok(reopened)
}
