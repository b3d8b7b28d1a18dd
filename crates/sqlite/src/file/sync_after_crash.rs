//! Syncing files and directories. After a crash the write-ahead log is written to the disk before the store
//! relies on it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use counterfoil_files::{Access, open_regular};

/// The number of bytes that are rewritten at a time.
const CHUNK_SIZE: usize = 64 * 1024;

/// Rewrites every byte of the file `wal` and syncs it. Does nothing if it does not exist or is empty.
///
/// After a failed sync Linux keeps the pages in its cache and marks them clean. A process that then reads the
/// write-ahead log sees commits that are not on the disk, builds on them, and loses later acknowledged
/// commits at the next power failure. Rewriting the pages makes them dirty again, so that the sync reports
/// the truth.
pub(crate) fn rewrite_and_sync(wal: &Path) -> io::Result<()> {
    let file = match open_regular(wal, Access::ReadWrite) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut chunk, mut offset) = (vec![0; CHUNK_SIZE], 0);
    loop {
        let read = file.read_at(&mut chunk, offset)?;
        if read == 0 {
            break;
        }
        file.write_all_at(&chunk[..read], offset)?;
        offset += read as u64;
    }
    if offset > 0 {
        file.sync_all()?;
    }
    Ok(())
}

/// Syncs the directory that contains `path`, so that its directory entry is durable.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_bytes_of_the_file_stay_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let wal = dir.path().join("store.db-wal");
        let bytes: Vec<u8> = (0..200_003_u32).map(|n| n.to_le_bytes()[0]).collect();
        fs::write(&wal, &bytes).unwrap();

        rewrite_and_sync(&wal).unwrap();

        assert_eq!(fs::read(&wal).unwrap(), bytes);
    }

    #[test]
    fn a_missing_file_is_not_created() {
        let dir = tempfile::tempdir().unwrap();
        let wal = dir.path().join("store.db-wal");

        rewrite_and_sync(&wal).unwrap();

        assert!(!wal.exists());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();

        assert!(rewrite_and_sync(dir.path()).is_err());
    }
}
