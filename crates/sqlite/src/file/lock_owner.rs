//! The process that holds the lock of a file, for an error message.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

/// The process that has locked a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOwner {
    pid: u32,
    /// The name of its program, if this process may read it.
    program: Option<String>,
}

impl LockOwner {
    /// The process that holds the lock of `file`, as the kernel reports it (proc_locks(5)). `None` if that is not visible,
    /// for example because the process runs in another container.
    pub(crate) fn of(file: &File) -> Option<Self> {
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let pid = locks.lines().find_map(|line| pid_of_lock(line, file.metadata().ok()?.ino()))?;
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        Some(Self { pid, program: program.map(|name| name.trim_end().escape_default().to_string()) })
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            Some(program) => write!(f, "process {} ({program})", self.pid),
            None => write!(f, "process {}", self.pid),
        }
    }
}

/// The process in a line such as `1: FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF`, if the lock is on the file with this
/// inode. The device is not compared: some file systems report another one here than in the metadata of a file.
fn pid_of_lock(line: &str, inode: u64) -> Option<u32> {
    let mut fields = line.split_whitespace().skip(1);
    let (kind, pid, file) = (fields.next()?, fields.nth(2)?, fields.next()?);
    let is_file = file.rsplit(':').next()?.parse() == Ok(inode);
    // A waiting process has `->` in the place of the kind; a process of another namespace is 0.
    (kind == "FLOCK" && is_file).then(|| pid.parse().ok())?.filter(|pid| *pid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_of_a_lock_is_found_by_the_inode() {
        let line = "12: FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF";

        assert_eq!(pid_of_lock(line, 131_090), Some(1234));
        assert_eq!(pid_of_lock(line, 131_091), None);
        for other in [
            "12: -> FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF",
            "12: POSIX  ADVISORY  WRITE 1234 08:01:131090 0 EOF",
            "12: FLOCK  ADVISORY  WRITE 0 08:01:131090 0 EOF",
            "12: FLOCK  ADVISORY",
            "",
        ] {
            assert_eq!(pid_of_lock(other, 131_090), None, "{other}");
        }
    }

    #[test]
    fn this_process_is_named_for_its_own_lock() {
        let file = tempfile::tempfile().unwrap();
        file.lock().unwrap();

        // A sandbox may hide the locks.
        if let Some(owner) = LockOwner::of(&file) {
            assert!(owner.to_string().starts_with(&format!("process {} (", std::process::id())), "{owner}");
        }
    }
}
