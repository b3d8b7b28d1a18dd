//! The memory of a process.

use std::fs;
use std::io;

use crate::error::LoadError;

/// The bytes of a process that are in memory: the resident set.
///
/// # Errors
///
/// If the system does not report it, because there is no such process.
pub fn resident_bytes(process: u32) -> Result<u64, LoadError> {
    let failed = LoadError::io("read the memory of a process");
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).and_then(|statm| {
        let resident = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        resident.ok_or_else(|| io::ErrorKind::InvalidData.into())
    });
    Ok(pages.map_err(failed)? * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_memory_and_one_that_does_not_exist_is_not() {
        let before = resident_bytes(std::process::id()).unwrap();
        let used = vec![1_u8; 16 << 20];
        let after = resident_bytes(std::process::id()).unwrap();

        assert!(after >= before + used.len() as u64 / 2, "{before} {after}");
        assert!(resident_bytes(u32::MAX).is_err());
    }
}
