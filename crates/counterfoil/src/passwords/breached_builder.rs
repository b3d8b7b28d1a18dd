//! How a list of breached passwords is made: sorted in parts that fit into memory, and then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;

use counterfoil_core::credentials::password::PasswordFingerprint;

use crate::passwords::breached::{BLOCK, IN_BLOCK, header, sum};

/// How many fingerprints are sorted in memory: 64 MiB of them.
const RUN: usize = 8 << 20;
/// How many bytes of a sorted part are read ahead while merging.
const AHEAD: usize = 64 * 1024;

/// Makes a list of breached passwords out of fingerprints in any order.
///
/// It takes 64 MiB of memory however many there are, and a scratch file for what does not fit.
#[derive(Debug)]
pub struct Builder {
    scratch: File,
    run: usize,
    pending: Vec<u64>,
    /// Where the sorted parts in the scratch file end.
    ends: Vec<u64>,
}

impl Builder {
    /// Starts with nothing. `scratch` is an empty file, best without a name.
    pub fn new(scratch: File) -> Self {
        Self::with_runs_of(RUN, scratch)
    }

    pub(super) fn with_runs_of(run: usize, scratch: File) -> Self {
        Self { scratch, run, pending: Vec::new(), ends: Vec::new() }
    }

    /// Adds a password; once, however often it comes.
    ///
    /// # Errors
    ///
    /// If the scratch file cannot be written.
    pub fn add(&mut self, PasswordFingerprint(fingerprint): PasswordFingerprint) -> io::Result<()> {
        self.pending.push(fingerprint);
        if self.pending.len() >= self.run { self.spill() } else { Ok(()) }
    }

    /// Writes the list to `output`, which is empty, and says how many passwords it has. It is on the disk then.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written.
    pub fn finish(mut self, output: &File) -> io::Result<u64> {
        self.spill()?;
        self.pending = Vec::new();
        let mut blocks = Blocks::after_header(output)?;
        let mut last = None;
        for fingerprint in Merge::of(&self.scratch, &self.ends)? {
            let fingerprint = fingerprint?;
            if last != Some(fingerprint) {
                blocks.push(fingerprint)?;
            }
            last = Some(fingerprint);
        }
        let count = blocks.finish()?;
        // The header comes last: without it nobody takes the file for a list.
        output.write_all_at(&header(count), 0)?;
        output.sync_all()?;
        Ok(count)
    }

    /// Sorts what is in memory and appends it to the scratch file.
    fn spill(&mut self) -> io::Result<()> {
        self.pending.sort_unstable();
        self.pending.dedup();
        let mut writer = BufWriter::with_capacity(AHEAD, &self.scratch);
        for fingerprint in &self.pending {
            writer.write_all(&fingerprint.to_be_bytes())?;
        }
        writer.flush()?;
        let begin = self.ends.last().copied().unwrap_or(0);
        self.ends.push(begin + 8 * self.pending.len() as u64);
        self.pending.clear();
        Ok(())
    }
}

/// Writes blocks of fingerprints, the last one filled up with ones.
struct Blocks<'a> {
    output: BufWriter<&'a File>,
    block: Vec<u8>,
    count: u64,
    number: u64,
}

impl<'a> Blocks<'a> {
    fn after_header(output: &'a File) -> io::Result<Self> {
        let mut output = BufWriter::with_capacity(AHEAD, output);
        output.write_all(&[0; BLOCK])?;
        Ok(Self { output, block: Vec::with_capacity(BLOCK), count: 0, number: 1 })
    }

    fn push(&mut self, fingerprint: u64) -> io::Result<()> {
        self.block.extend_from_slice(&fingerprint.to_be_bytes());
        self.count += 1;
        if self.block.len() == 8 * IN_BLOCK { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> io::Result<()> {
        let mut block = [0xff; BLOCK];
        block[..self.block.len()].copy_from_slice(&self.block);
        let sum = sum(self.number, &block);
        block[BLOCK - 8..].copy_from_slice(&sum);
        self.output.write_all(&block)?;
        self.block.clear();
        self.number += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.output.flush()?;
        Ok(self.count)
    }
}

/// The fingerprints of all sorted parts, ascending.
struct Merge<'a> {
    parts: Vec<Part<'a>>,
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

impl<'a> Merge<'a> {
    fn of(scratch: &'a File, ends: &[u64]) -> io::Result<Self> {
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let parts = begins.zip(ends).map(|(begin, &end)| Part { scratch, at: begin, end, read: Vec::new() });
        let mut merge = Self { parts: parts.collect(), next: BinaryHeap::new() };
        for number in 0..merge.parts.len() {
            merge.advance(number)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, number: usize) -> io::Result<()> {
        if let Some(fingerprint) = self.parts[number].next()? {
            self.next.push(Reverse((fingerprint, number)));
        }
        Ok(())
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<io::Result<u64>> {
        let Reverse((fingerprint, number)) = self.next.pop()?;
        Some(self.advance(number).map(|()| fingerprint))
    }
}

/// One sorted part of the scratch file.
struct Part<'a> {
    scratch: &'a File,
    at: u64,
    end: u64,
    /// What was read ahead, the next one last.
    read: Vec<u64>,
}

impl Part<'_> {
    fn next(&mut self) -> io::Result<Option<u64>> {
        if self.read.is_empty() && self.at < self.end {
            let length = usize::try_from(self.end - self.at).map_or(AHEAD, |left| left.min(AHEAD));
            let mut bytes = vec![0; length];
            self.scratch.read_exact_at(&mut bytes, self.at)?;
            self.at += length as u64;
            self.read.extend(bytes.as_chunks().0.iter().rev().map(|bytes| u64::from_be_bytes(*bytes)));
        }
        Ok(self.read.pop())
    }
}
