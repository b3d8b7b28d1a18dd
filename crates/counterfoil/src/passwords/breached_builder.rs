//! Builds the list of breached passwords with an external merge sort.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;

use counterfoil_core::credentials::password::PasswordFingerprint;

use crate::passwords::breached::{BLOCK_SIZE, FINGERPRINTS_PER_BLOCK, checksum, header};

/// The number of fingerprints that are sorted in memory: 64 MiB of them.
const RUN_LENGTH: usize = 8 << 20;
/// The size of the write buffers, and of the read buffer of each run, in bytes.
const BUFFER_SIZE: usize = 64 * 1024;

/// Builds a list of breached passwords from fingerprints in any order.
///
/// It uses 64 MiB of memory, whatever the number of fingerprints, and a scratch file for sorted runs.
#[derive(Debug)]
pub struct BreachedPasswordsBuilder {
    scratch: File,
    run_length: usize,
    /// The fingerprints of the next run.
    run: Vec<u64>,
    /// The end of each run in the scratch file, in bytes.
    run_ends: Vec<u64>,
}

impl BreachedPasswordsBuilder {
    /// A builder without passwords. `scratch` is an empty file, preferably an unnamed temporary one.
    pub fn new(scratch: File) -> Self {
        Self::with_run_length(RUN_LENGTH, scratch)
    }

    pub(super) fn with_run_length(run_length: usize, scratch: File) -> Self {
        Self { scratch, run_length, run: Vec::new(), run_ends: Vec::new() }
    }

    /// Adds a password. Duplicates are stored once.
    ///
    /// # Errors
    ///
    /// If the scratch file cannot be written.
    pub fn add(&mut self, PasswordFingerprint(fingerprint): PasswordFingerprint) -> io::Result<()> {
        self.run.push(fingerprint);
        if self.run.len() >= self.run_length { self.write_run() } else { Ok(()) }
    }

    /// Writes the file to `output`, which must be empty, syncs it, and returns the number of passwords.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written.
    pub fn finish(mut self, output: &File) -> io::Result<u64> {
        self.write_run()?;
        self.run = Vec::new();
        let mut blocks = BlockWriter::new(output)?;
        let mut last = None;
        for fingerprint in MergedRuns::new(&self.scratch, &self.run_ends)? {
            let fingerprint = fingerprint?;
            if last != Some(fingerprint) {
                blocks.push(fingerprint)?;
            }
            last = Some(fingerprint);
        }
        let count = blocks.finish()?;
        // The header is written last: an incomplete file has none and is refused.
        output.write_all_at(&header(count), 0)?;
        output.sync_all()?;
        Ok(count)
    }

    /// Sorts the fingerprints in memory and appends them to the scratch file as a run.
    fn write_run(&mut self) -> io::Result<()> {
        self.run.sort_unstable();
        self.run.dedup();
        let mut writer = BufWriter::with_capacity(BUFFER_SIZE, &self.scratch);
        for fingerprint in &self.run {
            writer.write_all(&fingerprint.to_be_bytes())?;
        }
        writer.flush()?;
        let start = self.run_ends.last().copied().unwrap_or(0);
        self.run_ends.push(start + 8 * self.run.len() as u64);
        self.run.clear();
        Ok(())
    }
}

/// Writes blocks of fingerprints after an empty header. Pads the last block with one bits.
struct BlockWriter<'a> {
    output: BufWriter<&'a File>,
    block: Vec<u8>,
    count: u64,
    number: u64,
}

impl<'a> BlockWriter<'a> {
    fn new(output: &'a File) -> io::Result<Self> {
        let mut output = BufWriter::with_capacity(BUFFER_SIZE, output);
        output.write_all(&[0; BLOCK_SIZE])?;
        Ok(Self { output, block: Vec::with_capacity(BLOCK_SIZE), count: 0, number: 1 })
    }

    fn push(&mut self, fingerprint: u64) -> io::Result<()> {
        self.block.extend_from_slice(&fingerprint.to_be_bytes());
        self.count += 1;
        if self.block.len() == 8 * FINGERPRINTS_PER_BLOCK { self.write_block() } else { Ok(()) }
    }

    fn write_block(&mut self) -> io::Result<()> {
        let mut block = [0xff; BLOCK_SIZE];
        block[..self.block.len()].copy_from_slice(&self.block);
        let checksum = checksum(self.number, &block);
        block[BLOCK_SIZE - 8..].copy_from_slice(&checksum);
        self.output.write_all(&block)?;
        self.block.clear();
        self.number += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.output.flush()?;
        Ok(self.count)
    }
}

/// The fingerprints of all runs in ascending order.
struct MergedRuns<'a> {
    runs: Vec<RunReader<'a>>,
    /// The next fingerprint of each run, with the index of the run.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

impl<'a> MergedRuns<'a> {
    fn new(scratch: &'a File, run_ends: &[u64]) -> io::Result<Self> {
        let starts = std::iter::once(0).chain(run_ends.iter().copied());
        let runs = starts.zip(run_ends).map(|(start, &end)| RunReader {
            scratch,
            position: start,
            end,
            buffer: Vec::new(),
        });
        let mut merged = Self { runs: runs.collect(), next: BinaryHeap::new() };
        for index in 0..merged.runs.len() {
            merged.advance(index)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        if let Some(fingerprint) = self.runs[index].next()? {
            self.next.push(Reverse((fingerprint, index)));
        }
        Ok(())
    }
}

impl Iterator for MergedRuns<'_> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<io::Result<u64>> {
        let Reverse((fingerprint, index)) = self.next.pop()?;
        Some(self.advance(index).map(|()| fingerprint))
    }
}

/// Reads one run of the scratch file.
struct RunReader<'a> {
    scratch: &'a File,
    position: u64,
    end: u64,
    /// Fingerprints that are read ahead, in descending order.
    buffer: Vec<u64>,
}

impl RunReader<'_> {
    fn next(&mut self) -> io::Result<Option<u64>> {
        if self.buffer.is_empty() && self.position < self.end {
            let length =
                usize::try_from(self.end - self.position).map_or(BUFFER_SIZE, |left| left.min(BUFFER_SIZE));
            let mut bytes = vec![0; length];
            self.scratch.read_exact_at(&mut bytes, self.position)?;
            self.position += length as u64;
            self.buffer.extend(bytes.as_chunks().0.iter().rev().map(|bytes| u64::from_be_bytes(*bytes)));
        }
        Ok(self.buffer.pop())
    }
}
