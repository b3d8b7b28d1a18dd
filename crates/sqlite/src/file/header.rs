//! The file header: the application id and the schema version, read before SQLite opens the file.

use std::io::{self, Read};
use std::path::Path;

use counterfoil_files::{Access, open_regular};

/// "Cfoi": the application id in the header of every Counterfoil database.
pub(crate) const APPLICATION_ID: u32 = 0x4366_6f69;

/// The length of the header of an SQLite database.
const HEADER_LENGTH: usize = 100;

/// The magic text of SQLite's file format, version 3.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What a file is, according to its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// An empty file.
    Empty,
    /// Not an SQLite database, or truncated within the header.
    Unknown,
    /// An SQLite database of another program, with this application id.
    OtherApplication(u32),
    /// A Counterfoil database with this schema version.
    Counterfoil(u32),
}

impl Header {
    /// Reads the header of the file at `path`.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(HEADER_LENGTH);
        open_regular(path, Access::Read)?.take(HEADER_LENGTH as u64).read_to_end(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Whether the file at `path` uses a write-ahead log (SQLite file format, section 1.3: bytes 18 and 19).
    pub(crate) fn uses_wal(path: &Path) -> io::Result<bool> {
        let mut bytes = [0; 20];
        open_regular(path, Access::Read)?.read_exact(&mut bytes)?;
        Ok(bytes[18..] == [2, 2])
    }

    /// SQLite file format, section 1.3: the user version is at offset 60, the application id at offset 68.
    fn from_bytes(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        match (bytes.starts_with(MAGIC) && bytes.len() == HEADER_LENGTH, number(60), number(68)) {
            (true, Some(version), Some(APPLICATION_ID)) => Self::Counterfoil(version),
            (true, Some(_), Some(id)) => Self::OtherApplication(id),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_header_is_not_recognised() {
        let mut whole = [0; HEADER_LENGTH];
        whole[..16].copy_from_slice(MAGIC);
        whole[63] = 7;
        whole[68..72].copy_from_slice(&APPLICATION_ID.to_be_bytes());

        assert_eq!(Header::from_bytes(&whole), Header::Counterfoil(7));
        assert_eq!(Header::from_bytes(&[]), Header::Empty);
        for length in 1..HEADER_LENGTH {
            assert_eq!(Header::from_bytes(&whole[..length]), Header::Unknown, "{length}");
        }
    }
}
