//! Injected I/O failures, and how to find them in a trace.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::disk::trace::{FileOperation, TracedCall};

/// The error number of an I/O error.
const EIO: i32 = 5;

/// A kind of call that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `fsync` and `fdatasync`.
    Sync,
    /// `write` and `pwrite`.
    Write,
}

impl Call {
    /// The name that the shim expects.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Write => "write",
        }
    }
}

/// Which calls fail, and with which error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectedFailure {
    /// The kind of call.
    pub call: Call,
    /// The number of the first failing call of that kind, from 1.
    pub first: usize,
    /// How many consecutive calls fail.
    pub count: usize,
    /// The error number that the caller gets.
    pub errno: i32,
    /// Only calls on files whose name ends with this fail and are counted; on all files if empty.
    pub file_suffix: &'static str,
}

impl InjectedFailure {
    /// One call fails with `EIO`; later calls succeed, as they do on Linux.
    pub fn io_error(call: Call, number: usize) -> Self {
        Self { call, first: number, count: 1, errno: EIO, file_suffix: "" }
    }
}

/// A failed call in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedCall {
    /// When it returned.
    pub at: Duration,
    /// Whether it was a sync of the data directory. SQLite ignores the failure of that, so file names must
    /// not depend on it.
    pub is_directory: bool,
}

/// The first failed call of this kind; `data_dir` is the traced directory.
pub fn find_failed_call(calls: &[TracedCall], kind: Call, data_dir: &Path) -> Option<FailedCall> {
    let mut directories = HashSet::new();
    for call in calls {
        match &call.operation {
            FileOperation::Open { fd, path, .. } if Path::new(path) == data_dir => {
                directories.insert(*fd);
            }
            FileOperation::Close { fd } => {
                directories.remove(fd);
            }
            FileOperation::Sync { fd, failed: true } if kind == Call::Sync => {
                return Some(FailedCall { at: call.ended_at, is_directory: directories.contains(fd) });
            }
            FileOperation::Write { bytes, .. } if bytes.is_empty() && kind == Call::Write => {
                return Some(FailedCall { at: call.ended_at, is_directory: false });
            }
            FileOperation::Open { .. }
            | FileOperation::Write { .. }
            | FileOperation::Truncate { .. }
            | FileOperation::Sync { .. }
            | FileOperation::Rename { .. }
            | FileOperation::Link { .. }
            | FileOperation::Unlink { .. } => {}
        }
    }
    None
}
