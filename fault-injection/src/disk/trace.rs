//! The I/O trace that the shim writes: every change to the files of the data directory, in order.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One traced system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedCall {
    /// When it was called, by [`monotonic_now`](crate::history::monotonic_now).
    pub started_at: Duration,
    /// When it returned.
    pub ended_at: Duration,
    /// What it did.
    pub operation: FileOperation,
}

/// The effect of a system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOperation {
    /// Opened or created a file or directory.
    Open {
        /// The file descriptor.
        fd: i32,
        /// The path.
        path: String,
        /// Whether the file was truncated to length 0 (`O_TRUNC`).
        truncated: bool,
    },
    /// Wrote to a file.
    Write {
        /// The file descriptor.
        fd: i32,
        /// The offset in the file.
        offset: u64,
        /// The written bytes; empty if the call failed.
        bytes: Vec<u8>,
    },
    /// Set the length of a file.
    Truncate {
        /// The file descriptor.
        fd: i32,
        /// The new length.
        length: u64,
    },
    /// Synced a file or a directory.
    Sync {
        /// The file descriptor.
        fd: i32,
        /// Whether the call failed.
        failed: bool,
    },
    /// Closed a file descriptor.
    Close {
        /// The file descriptor.
        fd: i32,
    },
    /// Renamed a file.
    Rename {
        /// The old path.
        from: String,
        /// The new path.
        to: String,
    },
    /// Created a hard link.
    Link {
        /// The existing path.
        from: String,
        /// The additional path.
        to: String,
    },
    /// Removed a path.
    Unlink {
        /// The path.
        path: String,
    },
}

/// The length of a record's header in bytes; `struct record_header` in `shim.c`.
const HEADER_LENGTH: usize = 40;

/// Reads a trace. An incomplete record at its end, as a kill leaves it, is ignored.
///
/// # Errors
///
/// If the file cannot be read, or is not in the format that the shim writes.
pub fn read(file: &Path) -> Result<Vec<TracedCall>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read the trace {}", file.display()))?;
    let (mut calls, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((header, after)) = rest.split_at_checked(HEADER_LENGTH) {
        let path_length = usize::from(u16::from_le_bytes([header[2], header[3]]));
        let data_length = usize::try_from(read_le(&header[32..36]))?;
        let Some((path, after)) = after.split_at_checked(path_length) else { break };
        let Some((data, after)) = after.split_at_checked(data_length) else { break };
        rest = after;
        calls.push(TracedCall {
            started_at: Duration::from_nanos(read_le(&header[8..16])),
            ended_at: Duration::from_nanos(read_le(&header[16..24])),
            operation: parse_operation(header, path, data)?,
        });
    }
    Ok(calls)
}

fn parse_operation(header: &[u8], path: &[u8], data: &[u8]) -> Result<FileOperation> {
    let fd = i32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let offset = read_le(&header[24..32]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("a path must be UTF-8");
    Ok(match header[0] {
        1 => FileOperation::Open { fd, path: text(path)?, truncated: offset != 0 },
        2 => FileOperation::Write { fd, offset, bytes: data.to_vec() },
        3 => FileOperation::Truncate { fd, length: offset },
        4 => FileOperation::Sync { fd, failed: header[1] != 0 },
        5 => FileOperation::Close { fd },
        6 => FileOperation::Rename { from: text(path)?, to: text(data)? },
        7 => FileOperation::Link { from: text(path)?, to: text(data)? },
        8 => FileOperation::Unlink { path: text(path)? },
        other => bail!("the operation code must be between 1 and 8, not {other}"),
    })
}

/// An unsigned little-endian integer of up to eight bytes.
fn read_le(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
