//! Refuses a store that another one replaces, or that is a copy that is not complete.

use counterfoil_core::store::copy::{COPY_MARK, CopyMark};
use counterfoil_core::store::{Store, StoreError};

/// The store is not opened: two servers would use the same sessions, or records are missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreCopyError {
    /// A copy of the store was begun and is not complete.
    #[error("the store is being copied to {to}")]
    Source {
        /// Where the copy is.
        to: String,
    },
    /// Another store has taken the place of this one.
    #[error("the store was moved to {to}")]
    Moved {
        /// Where that is.
        to: String,
    },
    /// The store is a copy that is not complete.
    #[error("the store is an unfinished copy of {from}")]
    Unfinished {
        /// Where the source is.
        from: String,
    },
    /// The mark cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses a store with a mark, before anything in it is used.
///
/// # Errors
///
/// If it has one, or the store cannot be read.
pub(crate) async fn check(store: &dyn Store) -> Result<(), StoreCopyError> {
    let Some(stored) = store.metadata(COPY_MARK).await? else { return Ok(()) };
    Err(match parse(&stored)? {
        CopyMark::Source { to, .. } => StoreCopyError::Source { to },
        CopyMark::Moved { to, .. } => StoreCopyError::Moved { to },
        CopyMark::Unfinished { from, .. } => StoreCopyError::Unfinished { from },
    })
}

/// The mark in a stored text.
///
/// # Errors
///
/// If it is of another version or damaged: then it is not known whether the store may be used.
pub(crate) fn parse(stored: &[u8]) -> Result<CopyMark, StoreError> {
    CopyMark::from_stored(stored).ok_or(StoreError::Corrupt { detail: "the mark of a copy", source: None })
}

impl StoreCopyError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source { .. } => {
                "run `counterfoil store copy FROM TO` again, which continues; or discard the copy and run \
                 `counterfoil store reopen STORE`"
                    .into()
            }
            Self::Moved { .. } => {
                "use that store; to return to this one, stop every server of that one and run \
                 `counterfoil store reopen STORE`: what was changed there is lost"
                    .into()
            }
            Self::Unfinished { .. } => {
                "run `counterfoil store copy FROM TO` again, which continues where it was interrupted".into()
            }
            Self::Store(_) => return None,
        })
    }
}
