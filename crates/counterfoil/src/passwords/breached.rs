//! A list of breached passwords in one file, looked up where it lies: nothing of it is loaded.
//!
//! The file is made of blocks of 4 KiB, all numbers in big-endian order. Block 0 is the header: the magic text
//! `CFBREACH`, the version (4 bytes, 1), the size of a block (4 bytes, 4096), how many fingerprints there are
//! (8 bytes), zeros. Every other block holds 511 fingerprints of 8 bytes, ascending through the whole file; the
//! last is filled up with ones. The last 8 bytes of a block are the first of the SHA-256 over its number (8 bytes)
//! and its other 4,088 bytes.
//!
//! A fingerprint is the first 8 bytes of a password's SHA-1, so a password that is not listed is taken for one
//! that is with a chance of n in 2^64: below one in ten thousand million for all that are known today.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use counterfoil_core::credentials::password::PasswordFingerprint;
use counterfoil_core::services::password_policy::BreachedPasswords;
use counterfoil_jose::digest;

pub use crate::passwords::breached_builder::Builder;

const MAGIC: &[u8; 8] = b"CFBREACH";
const VERSION: u32 = 1;
/// The bytes of a block.
pub(super) const BLOCK: usize = 4096;
/// The fingerprints of a block.
pub(super) const IN_BLOCK: usize = BLOCK / 8 - 1;
/// How many blocks are looked at when a file is opened: all of a small file, some of a large one. Any other block
/// is judged whenever it is read.
const SAMPLE: u64 = 256;

/// A list of breached passwords.
///
/// ```
/// use counterfoil::passwords::breached::{Builder, BreachedFile};
/// use counterfoil_core::credentials::password::PlaintextPassword;
/// use counterfoil_core::services::password_policy::BreachedPasswords as _;
/// use counterfoil_jose::Secret;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let (scratch, path) = (tempfile::tempfile()?, dir.path().join("breached"));
/// let known = PlaintextPassword::typed(&Secret::new("password".to_owned())).fingerprint();
/// let mut builder = Builder::new(scratch);
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

/// A file that is no list of breached passwords, or no longer a whole one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreachedError {
    /// It cannot be read.
    #[error("the list of breached passwords {} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is something else.
    #[error("{} is no list of breached passwords", .0.display())]
    NotAList(PathBuf),
    /// It is of a version that is not known here.
    #[error("the list of breached passwords {} has version {version}, and only {VERSION} is known", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Of which version it is.
        version: u32,
    },
    /// It is shorter or longer than it says.
    #[error("the list of breached passwords {} has {actual} bytes instead of {expected}", path.display())]
    Length {
        /// Which.
        path: PathBuf,
        /// What its header promises.
        expected: u64,
        /// What there is.
        actual: u64,
    },
    /// A block is not what was written.
    #[error("the list of breached passwords {} is damaged", .0.display())]
    Damaged(PathBuf, #[source] io::Error),
}

impl BreachedError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "build it with `counterfoil passwords build-filter INPUT OUTPUT`, or leave the setting out"
    }
}

impl BreachedFile {
    /// Opens the list and judges its header, its length and a sample of its blocks.
    ///
    /// # Errors
    ///
    /// If it is not what [`Builder`] wrote.
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let unreadable = |error| BreachedError::Unreadable(path.to_owned(), error);
        let file = File::open(path).map_err(unreadable)?;
        let actual = file.metadata().map_err(unreadable)?.len();
        let mut header = [0; BLOCK];
        if actual < BLOCK as u64 {
            return Err(BreachedError::NotAList(path.to_owned()));
        }
        file.read_exact_at(&mut header, 0).map_err(unreadable)?;
        let count = count(&header, path)?;
        let expected = (blocks(count) + 1).saturating_mul(BLOCK as u64);
        if actual != expected {
            return Err(BreachedError::Length { path: path.to_owned(), expected, actual });
        }
        let list = Self { file, count };
        let step = (blocks(count) / SAMPLE).max(1);
        list.judge(step).map_err(|error| BreachedError::Damaged(path.to_owned(), error))?;
        Ok(list)
    }

    /// How many passwords are listed.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Reads all of it, and judges every block and their order.
    ///
    /// # Errors
    ///
    /// If something is not as it was written.
    pub fn verify(&self) -> io::Result<()> {
        self.judge(1)
    }

    /// Judges every `step`th block, and that what they hold ascends.
    fn judge(&self, step: u64) -> io::Result<()> {
        let mut last = None;
        for number in (0..blocks(self.count)).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            for &fingerprint in self.block(number)?.fingerprints() {
                if last.is_some_and(|last| last >= fingerprint) {
                    return Err(damaged(number));
                }
                last = Some(fingerprint);
            }
        }
        Ok(())
    }

    /// Reads the `number`th block of fingerprints.
    fn block(&self, number: u64) -> io::Result<Block> {
        let mut bytes = [0; BLOCK];
        self.file.read_exact_at(&mut bytes, (number + 1) * BLOCK as u64)?;
        if sum(number + 1, &bytes) != bytes[BLOCK - 8..] {
            return Err(damaged(number));
        }
        let left = self.count - number * IN_BLOCK as u64;
        let length = usize::try_from(left).map_or(IN_BLOCK, |left| left.min(IN_BLOCK));
        let mut fingerprints = [0; IN_BLOCK];
        for (fingerprint, bytes) in fingerprints.iter_mut().zip(bytes.as_chunks().0) {
            *fingerprint = u64::from_be_bytes(*bytes);
        }
        Ok(Block { fingerprints, length })
    }
}

impl BreachedPasswords for BreachedFile {
    /// Looks the password up by halving: some twenty blocks for a thousand million passwords.
    fn contains(&self, PasswordFingerprint(wanted): PasswordFingerprint) -> io::Result<bool> {
        let (mut from, mut to) = (0, blocks(self.count));
        while from < to {
            let middle = from + (to - from) / 2;
            let block = self.block(middle)?;
            let found = block.fingerprints();
            // A block is never empty.
            if wanted < found[0] {
                to = middle;
            } else if wanted > found[found.len() - 1] {
                from = middle + 1;
            } else {
                return Ok(found.binary_search(&wanted).is_ok());
            }
        }
        Ok(false)
    }
}

/// A block whose sum was right.
struct Block {
    fingerprints: [u64; IN_BLOCK],
    length: usize,
}

impl Block {
    fn fingerprints(&self) -> &[u64] {
        &self.fingerprints[..self.length]
    }
}

/// How many blocks so many fingerprints take.
const fn blocks(count: u64) -> u64 {
    count.div_ceil(IN_BLOCK as u64)
}

/// The last eight bytes of the block with this number.
pub(super) fn sum(number: u64, block: &[u8; BLOCK]) -> [u8; 8] {
    let mut summed = [0; BLOCK];
    summed[..8].copy_from_slice(&number.to_be_bytes());
    summed[8..].copy_from_slice(&block[..BLOCK - 8]);
    *digest::sha256(&summed).first_chunk().expect("SHA-256 has 32 bytes")
}

fn damaged(number: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("block {} is not as it was written", number + 1))
}

/// The header for so many fingerprints.
pub(super) fn header(count: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_be_bytes());
    header[12..16].copy_from_slice(&(BLOCK as u32).to_be_bytes());
    header[16..24].copy_from_slice(&count.to_be_bytes());
    let sum = sum(0, &header);
    header[BLOCK - 8..].copy_from_slice(&sum);
    header
}

/// How many fingerprints the header promises.
fn count(shown: &[u8; BLOCK], path: &Path) -> Result<u64, BreachedError> {
    let number =
        |from: usize| u32::from_be_bytes([shown[from], shown[from + 1], shown[from + 2], shown[from + 3]]);
    if !shown.starts_with(MAGIC) {
        return Err(BreachedError::NotAList(path.to_owned()));
    }
    if number(8) != VERSION {
        return Err(BreachedError::Version { path: path.to_owned(), version: number(8) });
    }
    let count = u64::from(number(16)) << 32 | u64::from(number(20));
    // Whatever else the header says has to be what it would say about this count.
    if *shown != header(count) || count > u64::MAX / 16 {
        return Err(BreachedError::Damaged(path.to_owned(), damaged(0)));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    /// A list of these, in a directory of its own.
    fn list(fingerprints: impl IntoIterator<Item = u64>, run: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("breached");
        let mut builder = Builder::with_runs_of(run, tempfile::tempfile().unwrap());
        for fingerprint in fingerprints {
            builder.add(PasswordFingerprint(fingerprint)).unwrap();
        }
        builder.finish(&File::create(&path).unwrap()).unwrap();
        (dir, path)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

        #[test]
        fn what_was_added_is_contained_and_nothing_else(
            added in prop::collection::hash_set(any::<u64>(), 0..1600),
            others in prop::collection::hash_set(any::<u64>(), 0..50),
            run in 1..700usize,
        ) {
            let twice: Vec<u64> = added.iter().chain(added.iter().take(9)).copied().collect();
            let (_dir, path) = list(twice, run);
            let list = BreachedFile::open(&path).unwrap();

            prop_assert_eq!(list.count(), added.len() as u64);
            prop_assert!(list.verify().is_ok());
            for &one in &added {
                prop_assert!(list.contains(PasswordFingerprint(one)).unwrap());
                let beside = one.wrapping_add(1);
                prop_assert_eq!(list.contains(PasswordFingerprint(beside)).unwrap(), added.contains(&beside));
            }
            for &one in &others {
                prop_assert_eq!(list.contains(PasswordFingerprint(one)).unwrap(), added.contains(&one));
            }
        }
    }

    #[test]
    fn the_first_and_last_numbers_are_found_like_all_others() {
        let (_dir, path) = list([0, 1, u64::MAX], 10);
        let list = BreachedFile::open(&path).unwrap();

        for (number, is_listed) in [(0, true), (1, true), (2, false), (u64::MAX - 1, false), (u64::MAX, true)]
        {
            assert_eq!(list.contains(PasswordFingerprint(number)).unwrap(), is_listed, "{number}");
        }
    }

    #[test]
    fn a_list_of_nothing_contains_nothing() {
        let (_dir, path) = list([], 10);

        assert!(!BreachedFile::open(&path).unwrap().contains(PasswordFingerprint(0)).unwrap());
    }

    #[test]
    fn a_list_that_was_cut_or_grew_is_refused() {
        let (_dir, path) = list(0..2000, 512);
        let whole = fs::read(&path).unwrap();

        for length in [whole.len() - 1, whole.len() - BLOCK, BLOCK] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Length { .. })), "{length}");
        }
        fs::write(&path, &whole[..BLOCK - 1]).unwrap();
        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::NotAList(_))));
        fs::write(&path, [&whole[..], &[0; BLOCK]].concat()).unwrap();
        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Length { .. })));
    }

    #[test]
    fn one_bit_that_fell_over_anywhere_is_found_when_it_is_opened() {
        let (_dir, path) = list((0..2000).map(|n| n * 7919), 4096);
        let whole = fs::read(&path).unwrap();

        for place in
            (0..whole.len()).step_by(997).chain([0, 8, 12, 16, 23, 24, BLOCK - 1, BLOCK, whole.len() - 1])
        {
            let mut broken = whole.clone();
            broken[place] ^= 0x10;
            fs::write(&path, &broken).unwrap();
            assert!(BreachedFile::open(&path).is_err(), "byte {place}");
        }
    }

    #[test]
    fn blocks_that_changed_places_are_found() {
        let (_dir, path) = list(0..1022, 4096);
        let whole = fs::read(&path).unwrap();
        let (first, second) = (&whole[BLOCK..2 * BLOCK], &whole[2 * BLOCK..]);

        fs::write(&path, [&whole[..BLOCK], second, first].concat()).unwrap();

        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::Damaged(..))));
    }

    #[test]
    fn another_file_is_none_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("words");
        fs::write(&path, "password\n".repeat(1000)).unwrap();

        assert!(matches!(BreachedFile::open(&path), Err(BreachedError::NotAList(_))));
        assert!(matches!(BreachedFile::open(&dir.path().join("none")), Err(BreachedError::Unreadable(..))));
    }
}
