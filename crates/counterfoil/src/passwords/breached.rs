//! The list of breached passwords: searched on disk, never loaded into memory.
//!
//! The file consists of blocks of 4 KiB; all numbers are big-endian. Block 0 is the header: the magic text
//! `CFBREACH`, the version (4 bytes, 1), the block size (4 bytes, 4096), the number of fingerprints (8
//! bytes), zeros. Every other block holds 511 fingerprints of 8 bytes, in ascending order through the whole
//! file; the last block is padded with one bits. The last 8 bytes of each block are its checksum: the first 8
//! bytes of the SHA-256 over the block number (8 bytes) and the other 4,088 bytes.
//!
//! A fingerprint is the first 8 bytes of the SHA-1 of a password. A password that is not among the n listed
//! ones is refused with a probability of n in 2^64: less than one in 10^10 for all breached passwords known
//! today.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use counterfoil_core::credentials::password::PasswordFingerprint;
use counterfoil_core::services::password_policy::BreachedPasswords;
use counterfoil_files::open_configured;
use counterfoil_jose::digest;

const MAGIC: &[u8; 8] = b"CFBREACH";
const VERSION: u32 = 1;
/// The size of a block in bytes.
pub(super) const BLOCK_SIZE: usize = 4096;
/// The number of fingerprints in a block.
pub(super) const FINGERPRINTS_PER_BLOCK: usize = BLOCK_SIZE / 8 - 1;
/// The number of blocks that are verified when a file is opened: all of a small file, a sample of a large
/// one. Every block is verified whenever it is read.
const VERIFIED_AT_OPEN: u64 = 256;

/// A list of breached passwords.
///
/// ```
/// use counterfoil::Secret;
/// use counterfoil::custom_store::credentials::password::PlaintextPassword;
/// use counterfoil::operator::{BreachedFile, BreachedPasswords as _, BreachedPasswordsBuilder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let (scratch, path) = (tempfile::tempfile()?, dir.path().join("breached"));
/// let known = PlaintextPassword::new(&Secret::new("password".to_owned())).fingerprint();
/// let mut builder = BreachedPasswordsBuilder::new(scratch);
/// builder.add(known)?;
/// builder.finish(&std::fs::File::create(&path)?)?;
///
/// assert!(BreachedFile::open(&path)?.contains(known)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BreachedFile {
    file: File,
    count: u64,
}

/// Why a list of breached passwords cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreachedError {
    /// The file cannot be read.
    #[error("the list of breached passwords {} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file has another format.
    #[error("{} is not a list of breached passwords", .0.display())]
    WrongFormat(PathBuf),
    /// The file has a version that this release does not support.
    #[error("the list of breached passwords {} has version {version}; the supported version is {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The file is shorter or longer than its header says.
    #[error("the list of breached passwords {} has {actual} bytes instead of {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length according to the header, in bytes.
        expected: u64,
        /// Its length in bytes.
        actual: u64,
    },
    /// A block has a wrong checksum or order.
    #[error("the list of breached passwords {} is damaged", .0.display())]
    Damaged(PathBuf, #[source] io::Error),
}

impl BreachedError {
    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        "build the file with `counterfoil passwords build-filter INPUT OUTPUT`, or remove the setting"
    }
}

impl BreachedFile {
    /// Opens a file, and verifies its header, its length and a sample of its blocks.
    ///
    /// # Errors
    ///
    /// If the file is not a complete one as written by [`BreachedPasswordsBuilder`].
    ///
    /// [`BreachedPasswordsBuilder`]: crate::operator::BreachedPasswordsBuilder
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let unreadable = |error| BreachedError::Unreadable(path.to_owned(), error);
        let file = open_configured(path).map_err(unreadable)?;
        let actual = file.metadata().map_err(unreadable)?.len();
        let mut header = [0; BLOCK_SIZE];
        if actual < BLOCK_SIZE as u64 {
            return Err(BreachedError::WrongFormat(path.to_owned()));
        }
        file.read_exact_at(&mut header, 0).map_err(unreadable)?;
        let count = read_count(&header, path)?;
        let expected = (block_count(count) + 1).saturating_mul(BLOCK_SIZE as u64);
        if actual != expected {
            return Err(BreachedError::Length { path: path.to_owned(), expected, actual });
        }
        let list = Self { file, count };
        let step = (block_count(count) / VERIFIED_AT_OPEN).max(1);
        list.verify_blocks(step).map_err(|error| BreachedError::Damaged(path.to_owned(), error))?;
        Ok(list)
    }

    /// The number of breached passwords.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Reads the whole file, and verifies the checksum and the order of all blocks.
    ///
    /// # Errors
    ///
    /// If a block cannot be read or is damaged.
    pub fn verify(&self) -> io::Result<()> {
        self.verify_blocks(1)
    }

    /// Verifies every `step`th block, and the order of their fingerprints.
    fn verify_blocks(&self, step: u64) -> io::Result<()> {
        let mut last = None;
        for number in (0..block_count(self.count)).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            for &fingerprint in self.block(number)?.fingerprints() {
                if last.is_some_and(|last| last >= fingerprint) {
                    return Err(damaged(number));
                }
                last = Some(fingerprint);
            }
        }
        Ok(())
    }

    /// Reads a block of fingerprints, counted from 0 after the header, and verifies its checksum.
    fn block(&self, number: u64) -> io::Result<Block> {
        let mut bytes = [0; BLOCK_SIZE];
        self.file.read_exact_at(&mut bytes, (number + 1) * BLOCK_SIZE as u64)?;
        if checksum(number + 1, &bytes) != bytes[BLOCK_SIZE - 8..] {
            return Err(damaged(number));
        }
        let remaining = self.count - number * FINGERPRINTS_PER_BLOCK as u64;
        let length = usize::try_from(remaining)
            .map_or(FINGERPRINTS_PER_BLOCK, |left| left.min(FINGERPRINTS_PER_BLOCK));
        let mut fingerprints = [0; FINGERPRINTS_PER_BLOCK];
        for (fingerprint, bytes) in fingerprints.iter_mut().zip(bytes.as_chunks().0) {
            *fingerprint = u64::from_be_bytes(*bytes);
        }
        Ok(Block { fingerprints, length })
    }
}

impl BreachedPasswords for BreachedFile {
    /// Binary search: reads about twenty blocks for 10^9 passwords.
    fn contains(&self, PasswordFingerprint(wanted): PasswordFingerprint) -> io::Result<bool> {
        let (mut start, mut end) = (0, block_count(self.count));
        while start < end {
            let middle = start + (end - start) / 2;
            let block = self.block(middle)?;
            let fingerprints = block.fingerprints();
            // A block is never empty.
            if wanted < fingerprints[0] {
                end = middle;
            } else if wanted > fingerprints[fingerprints.len() - 1] {
                start = middle + 1;
            } else {
                return Ok(fingerprints.binary_search(&wanted).is_ok());
            }
        }
        Ok(false)
    }
}

/// A block with a valid checksum.
struct Block {
    fingerprints: [u64; FINGERPRINTS_PER_BLOCK],
    length: usize,
}

impl Block {
    fn fingerprints(&self) -> &[u64] {
        &self.fingerprints[..self.length]
    }
}

/// The number of blocks that `count` fingerprints take.
const fn block_count(count: u64) -> u64 {
    count.div_ceil(FINGERPRINTS_PER_BLOCK as u64)
}

/// The checksum of the block with this number, without its last eight bytes.
pub(super) fn checksum(number: u64, block: &[u8; BLOCK_SIZE]) -> [u8; 8] {
    let mut input = [0; BLOCK_SIZE];
    input[..8].copy_from_slice(&number.to_be_bytes());
    input[8..].copy_from_slice(&block[..BLOCK_SIZE - 8]);
    *digest::sha256(&input).first_chunk().expect("SHA-256 has 32 bytes")
}

fn damaged(number: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("block {} has a wrong checksum or order", number + 1))
}

/// The header of a file with `count` fingerprints.
pub(super) fn header(count: u64) -> [u8; BLOCK_SIZE] {
    let mut header = [0; BLOCK_SIZE];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_be_bytes());
    header[12..16].copy_from_slice(&(BLOCK_SIZE as u32).to_be_bytes());
    header[16..24].copy_from_slice(&count.to_be_bytes());
    let checksum = checksum(0, &header);
    header[BLOCK_SIZE - 8..].copy_from_slice(&checksum);
    header
}

/// The number of fingerprints according to a header.
fn read_count(header_bytes: &[u8; BLOCK_SIZE], path: &Path) -> Result<u64, BreachedError> {
    let number = |at: usize| {
        u32::from_be_bytes([
            header_bytes[at],
            header_bytes[at + 1],
            header_bytes[at + 2],
            header_bytes[at + 3],
        ])
    };
    if !header_bytes.starts_with(MAGIC) {
        return Err(BreachedError::WrongFormat(path.to_owned()));
    }
    if number(8) != VERSION {
        return Err(BreachedError::Version { path: path.to_owned(), version: number(8) });
    }
    let count = u64::from(number(16)) << 32 | u64::from(number(20));
    // The rest of the header follows from the count.
    if *header_bytes != header(count) || count > u64::MAX / 16 {
        return Err(BreachedError::Damaged(path.to_owned(), damaged(0)));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::passwords::breached_builder::BreachedPasswordsBuilder;

    /// A file of these fingerprints in its own directory, sorted in runs of `run` fingerprints.
    fn write_file(fingerprints: impl IntoIterator<Item = u64>, run: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("breached");
        let mut builder = BreachedPasswordsBuilder::with_run_length(run, tempfile::tempfile().unwrap());
        for fingerprint in fingerprints {
            builder.add(PasswordFingerprint(fingerprint)).unwrap();
        }
        builder.finish(&File::create(&path).unwrap()).unwrap();
        (dir, path)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

        #[test]
        fn a_file_contains_exactly_the_added_passwords(
            added in prop::collection::hash_set(any::<u64>(), 0..1600),
            others in prop::collection::hash_set(any::<u64>(), 0..50),
            run in 1..700usize,
        ) {
            let with_duplicates: Vec<u64> = added.iter().chain(added.iter().take(9)).copied().collect();
            let (_dir, path) = write_file(with_duplicates, run);
            let file = BreachedFile::open(&path).unwrap();

            prop_assert_eq!(file.count(), added.len() as u64);
            prop_assert!(file.verify().is_ok());
            for &fingerprint in &added {
                prop_assert!(file.contains(PasswordFingerprint(fingerprint)).unwrap());
                let next = fingerprint.wrapping_add(1);
                prop_assert_eq!(file.contains(PasswordFingerprint(next)).unwrap(), added.contains(&next));
            }
            for &fingerprint in &others {
                prop_assert_eq!(file.contains(PasswordFingerprint(fingerprint)).unwrap(), added.contains(&fingerprint));
            }
        }
    }

    #[test]
    fn the_lowest_and_highest_fingerprints_are_found() {
        let (_dir, path) = write_file([0, 1, u64::MAX], 10);
        let file = BreachedFile::open(&path).unwrap();

        for (number, is_listed) in [(0, true), (1, true), (2, false), (u64::MAX - 1, false), (u64::MAX, true)]
        {
            assert_eq!(file.contains(PasswordFingerprint(number)).unwrap(), is_listed, "{number}");
        }
    }

    #[test]
    fn an_empty_file_contains_no_password() {
        let (_dir, path) = write_file([], 10);

        assert!(!BreachedFile::open(&path).unwrap().contains(PasswordFingerprint(0)).unwrap());
    }

    #[test]
    fn a_truncated_or_extended_file_is_refused() {
        let (_dir, path) = write_file(0..2000, 512);
        let whole = fs::read(&path).unwrap();

        for length in [whole.len() - 1, whole.len() - BLOCK_SIZE, BLOCK_SIZE] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Length { .. })), "{length}");
        }
        fs::write(&path, &whole[..BLOCK_SIZE - 1]).unwrap();
        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::WrongFormat(_))));
        fs::write(&path, [&whole[..], &[0; BLOCK_SIZE]].concat()).unwrap();
        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Length { .. })));
    }

    #[test]
    fn opening_a_file_detects_a_flipped_bit() {
        let (_dir, path) = write_file((0..2000).map(|n| n * 7919), 4096);
        let whole = fs::read(&path).unwrap();

        for offset in (0..whole.len()).step_by(997).chain([
            0,
            8,
            12,
            16,
            23,
            24,
            BLOCK_SIZE - 1,
            BLOCK_SIZE,
            whole.len() - 1,
        ]) {
            let mut broken = whole.clone();
            broken[offset] ^= 0x10;
            fs::write(&path, &broken).unwrap();
            assert!(BreachedFile::open(&path).is_err(), "byte {offset}");
        }
    }

    #[test]
    fn swapped_blocks_are_detected() {
        let (_dir, path) = write_file(0..1022, 4096);
        let whole = fs::read(&path).unwrap();
        let (first, second) = (&whole[BLOCK_SIZE..2 * BLOCK_SIZE], &whole[2 * BLOCK_SIZE..]);

        fs::write(&path, [&whole[..BLOCK_SIZE], second, first].concat()).unwrap();

        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Damaged(..))));
    }

    #[test]
    fn a_file_of_another_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        fs::write(&path, "password\n".repeat(1000)).unwrap();

        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::WrongFormat(_))));
        assert!(matches!(BreachedFile::open(&dir.path().join("none")), Err(BreachedError::Unreadable(..))));
    }
}
