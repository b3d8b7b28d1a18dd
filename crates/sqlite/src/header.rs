//! The first hundred bytes of a file: whose database it is, and of which version, before SQLite sees it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// "Cfoi": what the header of every database of ours holds as its application id.
pub(crate) const APPLICATION_ID: u32 = 0x4366_6f69;

/// The magic text of SQLite's file format, version 3.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What the header of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// The file has no byte at all.
    Empty,
    /// It is no SQLite database, or it is cut off within the header.
    Unknown,
    /// It is an SQLite database with this application id, which is not ours.
    Foreign(u32),
    /// It is ours, with a schema of this version.
    Ours(u32),
}

impl Header {
    /// Reads the header of the file at `path`.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(100);
        File::open(path)?.take(100).read_to_end(&mut bytes)?;
        Ok(Self::read(&bytes))
    }

    /// Whether the file at `path` says that a write-ahead log belongs to it (section 1.3: the versions at 18 and 19).
    pub(crate) fn says_log(path: &Path) -> io::Result<bool> {
        let mut versions = [0; 20];
        File::open(path)?.read_exact(&mut versions)?;
        Ok(versions[18..] == [2, 2])
    }

    /// SQLite's file format, section 1.3: the user version stands at 60, the application id at 68.
    fn read(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        match (bytes.starts_with(MAGIC) && bytes.len() == 100, number(60), number(68)) {
            (true, Some(version), Some(APPLICATION_ID)) => Self::Ours(version),
            (true, Some(_), Some(foreign)) => Self::Foreign(foreign),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cut_off_anywhere_is_not_ours() {
        let mut whole = [0; 100];
        whole[..16].copy_from_slice(MAGIC);
        whole[63] = 7;
        whole[68..72].copy_from_slice(&APPLICATION_ID.to_be_bytes());

        assert_eq!(Header::read(&whole), Header::Ours(7));
        assert_eq!(Header::read(&[]), Header::Empty);
        for length in 1..100 {
            assert_eq!(Header::read(&whole[..length]), Header::Unknown, "{length}");
        }
    }
}
