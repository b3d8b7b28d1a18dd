//! The mark of a copy in the metadata of both stores: who may be used, and how far the copy is.

use std::fmt;

use serde::{Deserialize, Serialize};

use counterfoil_jose::base64url;

use super::value::CopiedValue;

/// The key of the mark in the metadata. A copy does not contain it.
pub const COPY_MARK: &str = "store_copy";

/// Identifies one copy. Random; not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyId([u8; 16]);

impl CopyId {
    /// An id of random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

/// How far a copy is: every table before this one is complete, and of this one the rows up to the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyPosition {
    /// The name of the table.
    pub table: String,
    /// The key of the last row that was written; `None` before the first one.
    pub after: Option<Vec<CopiedValue>>,
}

/// What a store is in a copy. No server uses a store with a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CopyMark {
    /// The store is being copied, and must not change meanwhile.
    Source {
        /// The copy.
        copy: CopyId,
        /// Where the copy is.
        to: String,
    },
    /// The copy is complete and takes the place of this store.
    Moved {
        /// The copy.
        copy: CopyId,
        /// Where the copy is.
        to: String,
    },
    /// The store is the copy, and is not complete.
    Unfinished {
        /// The copy.
        copy: CopyId,
        /// Where the source is.
        from: String,
        /// How far the copy is.
        position: CopyPosition,
    },
}

impl CopyMark {
    /// The text that is stored.
    pub fn to_stored(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The mark in a stored text; `None` if it is not one.
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        serde_json::from_slice(stored).ok()
    }
}

/// How a copy starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyStart {
    /// From the beginning, in an empty store.
    New,
    /// Behind what an interrupted copy has written.
    Resume {
        /// The copy.
        copy: CopyId,
        /// How far it is.
        position: CopyPosition,
    },
}

/// Why a store is not copied. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CopyRefusal {
    /// The source is itself a copy that is not complete.
    #[error("the source is an unfinished copy of another store")]
    UnfinishedSource,
    /// The source was moved: another store has taken its place, and may have changed since.
    #[error("the source was already moved to another store")]
    SourceMoved,
    /// The target has records.
    #[error("the target is not empty")]
    TargetNotEmpty,
    /// The target is an unfinished copy of another store, or of an earlier state of this one.
    #[error("the target is an unfinished copy of another store, or of an earlier state of the source")]
    OtherCopy,
}

/// How a copy from a store with the mark `source` to one with the mark `target` starts.
///
/// A copy is resumed only while the source has been marked without a break: a source that was used in between has records
/// that differ from those that were copied.
///
/// # Errors
///
/// If both stores would hold the same sessions, or the target would mix two states.
pub fn start_copy(
    source: Option<&CopyMark>,
    target: Option<&CopyMark>,
    is_target_empty: bool,
) -> Result<CopyStart, CopyRefusal> {
    let copy_of_source = match source {
        Some(CopyMark::Unfinished { .. }) => return Err(CopyRefusal::UnfinishedSource),
        Some(CopyMark::Source { copy, .. } | CopyMark::Moved { copy, .. }) => Some(*copy),
        None => None,
    };
    match target {
        Some(CopyMark::Unfinished { copy, position, .. }) if Some(*copy) == copy_of_source => {
            Ok(CopyStart::Resume { copy: *copy, position: position.clone() })
        }
        _ if matches!(source, Some(CopyMark::Moved { .. })) => Err(CopyRefusal::SourceMoved),
        Some(CopyMark::Unfinished { .. }) => Err(CopyRefusal::OtherCopy),
        None if is_target_empty => Ok(CopyStart::New),
        Some(CopyMark::Source { .. } | CopyMark::Moved { .. }) | None => Err(CopyRefusal::TargetNotEmpty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: CopyId = CopyId::from_bytes([1; 16]);
    const OTHER: CopyId = CopyId::from_bytes([2; 16]);

    fn position() -> CopyPosition {
        CopyPosition { table: "sessions".into(), after: Some(vec![CopiedValue::Bytes(vec![0, 255])]) }
    }

    fn source(copy: CopyId) -> CopyMark {
        CopyMark::Source { copy, to: "b".into() }
    }

    fn moved(copy: CopyId) -> CopyMark {
        CopyMark::Moved { copy, to: "b".into() }
    }

    fn unfinished(copy: CopyId) -> CopyMark {
        CopyMark::Unfinished { copy, from: "a".into(), position: position() }
    }

    #[test]
    fn a_mark_is_read_as_it_was_stored() {
        for mark in [source(ONE), moved(ONE), unfinished(ONE)] {
            assert_eq!(CopyMark::from_stored(&mark.to_stored()), Some(mark));
        }
        assert_eq!(CopyMark::from_stored(b""), None);
    }

    #[test]
    fn an_empty_store_is_filled_and_a_copy_of_the_same_state_is_resumed() {
        let resumed = Ok(CopyStart::Resume { copy: ONE, position: position() });
        assert_eq!(start_copy(None, None, true), Ok(CopyStart::New));
        assert_eq!(start_copy(Some(&source(ONE)), None, true), Ok(CopyStart::New));
        assert_eq!(start_copy(Some(&source(ONE)), Some(&unfinished(ONE)), false), resumed);
        // It was interrupted between the two marks at the end.
        assert_eq!(start_copy(Some(&moved(ONE)), Some(&unfinished(ONE)), false), resumed);
    }

    #[test]
    fn every_other_pair_of_stores_is_refused() {
        use CopyRefusal::{OtherCopy, SourceMoved, TargetNotEmpty, UnfinishedSource};
        for (from, to, is_empty, refusal) in [
            (Some(unfinished(ONE)), None, true, UnfinishedSource),
            (Some(moved(ONE)), None, true, SourceMoved),
            (Some(moved(ONE)), Some(unfinished(OTHER)), false, SourceMoved),
            (None, Some(unfinished(ONE)), false, OtherCopy),
            (Some(source(ONE)), Some(unfinished(OTHER)), false, OtherCopy),
            (None, None, false, TargetNotEmpty),
            (None, Some(moved(ONE)), false, TargetNotEmpty),
            (None, Some(source(ONE)), true, TargetNotEmpty),
        ] {
            assert_eq!(start_copy(from.as_ref(), to.as_ref(), is_empty), Err(refusal), "{from:?} {to:?}");
        }
    }
}
