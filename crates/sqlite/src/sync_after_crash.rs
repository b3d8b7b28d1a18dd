//! After a crash: what the write-ahead log is believed to hold is brought to the disk before it is built upon.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How much is brought over at a time.
const CHUNK: usize = 64 * 1024;

/// Writes every byte of `log` over itself and syncs it. A log that is not there, or empty, is left alone.
///
/// Where a sync has failed, Linux keeps the pages in its cache and marks them clean: whoever reads the log
/// then sees commits that no disk holds, builds upon them, and loses at the next loss of power what was
/// acknowledged since. Written anew the pages are dirty again, and the sync says the truth.
pub(crate) fn resync(log: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut chunk, mut at) = (vec![0; CHUNK], 0);
    loop {
        let read = file.read_at(&mut chunk, at)?;
        if read == 0 {
            break;
        }
        file.write_all_at(&chunk[..read], at)?;
        at += read as u64;
    }
    if at > 0 {
        file.sync_all()?;
    }
    Ok(())
}

/// Syncs the directory that `path` lies in: from then on its name is durable.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_log_is_the_same_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("store.db-wal");
        let bytes: Vec<u8> = (0..200_003_u32).map(|n| n.to_le_bytes()[0]).collect();
        fs::write(&log, &bytes).unwrap();

        resync(&log).unwrap();

        assert_eq!(fs::read(&log).unwrap(), bytes);
    }

    #[test]
    fn no_log_is_made_where_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("store.db-wal");

        resync(&log).unwrap();

        assert!(!log.exists());
    }

    #[test]
    fn a_log_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();

        assert!(resync(dir.path()).is_err());
    }
}
