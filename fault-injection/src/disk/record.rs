//! What the shim has written down: every change to the files of a directory, in its order.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was called, by the clock of [`ledger::now`](crate::ledger::now).
    pub begun: Duration,
    /// When it returned.
    pub ended: Duration,
    /// What it did.
    pub what: What,
}

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Opened a file, or made it; perhaps it was cut to nothing by that.
    Open {
        /// The descriptor.
        fd: i32,
        /// Its path.
        path: String,
        /// Whether it was cut.
        cut: bool,
    },
    /// Wrote.
    Write {
        /// The descriptor.
        fd: i32,
        /// Where.
        at: u64,
        /// What; nothing if the call failed.
        bytes: Vec<u8>,
    },
    /// Cut or lengthened a file.
    Cut {
        /// The descriptor.
        fd: i32,
        /// To which length.
        length: u64,
    },
    /// Synced a file or a directory.
    Sync {
        /// The descriptor.
        fd: i32,
        /// Whether the program was told that it failed.
        failed: bool,
    },
    /// Closed a descriptor.
    Close {
        /// Which.
        fd: i32,
    },
    /// Gave a file another name.
    Rename {
        /// The name before.
        from: String,
        /// The name after.
        to: String,
    },
    /// Gave a file one more name.
    Link {
        /// The name that it has.
        from: String,
        /// The name that it was given.
        to: String,
    },
    /// Took a name away.
    Unlink {
        /// Which.
        path: String,
    },
}

/// The length of a record without path and data.
const HEAD: usize = 40;

/// Reads a record to its end; a last line that was cut off by a kill is left out.
///
/// # Errors
///
/// If the file cannot be read, or holds what the shim does not write.
pub fn read(file: &Path) -> Result<Vec<Change>> {
    let bytes = fs::read(file).with_context(|| format!("there is no record at {}", file.display()))?;
    let (mut changes, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let path = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let data = usize::try_from(number(&head[32..36]))?;
        let (Some(path), Some(data)) = (after.get(..path), after.get(path..path + data)) else { break };
        rest = &after[path.len() + data.len()..];
        let (begun, ended) = (nanos(&head[8..16]), nanos(&head[16..24]));
        changes.push(Change { begun, ended, what: what(head, path, data)? });
    }
    Ok(changes)
}

fn what(head: &[u8], path: &[u8], data: &[u8]) -> Result<What> {
    let fd = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let offset = number(&head[24..32]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("a path is no text");
    Ok(match head[0] {
        1 => What::Open { fd, path: text(path)?, cut: offset != 0 },
        2 => What::Write { fd, at: offset, bytes: data.to_vec() },
        3 => What::Cut { fd, length: offset },
        4 => What::Sync { fd, failed: head[1] != 0 },
        5 => What::Close { fd },
        6 => What::Rename { from: text(path)?, to: text(data)? },
        7 => What::Link { from: text(path)?, to: text(data)? },
        8 => What::Unlink { path: text(path)? },
        other => bail!("{other} is no kind of record"),
    })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn nanos(bytes: &[u8]) -> Duration {
    Duration::from_nanos(number(bytes))
}
