//! phpass: `$P$B<salt><hash>`, iterated MD5, as written by WordPress before 6.8 and by phpBB.

use counterfoil_jose::constant_time;
use md5::{Digest as _, Md5};

use crate::credentials::password::foreign_hashes::error::ForeignHashError;

/// The characters of the encoding, by their value.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The lowest cost that phpass writes.
const MIN_COST: u32 = 7;
/// The highest cost (logarithm of the rounds): about half a second of one core. WordPress uses 13.
const MAX_COST: u32 = 20;
/// The lengths of the salt and of the encoded hash in characters.
const SALT_LENGTH: usize = 8;
const HASH_LENGTH: usize = 22;

const NAME: &str = "phpass";

/// A phpass hash whose cost is within the limit.
#[derive(PartialEq, Eq)]
pub(in crate::credentials) struct Phpass {
    cost: u32,
    salt: [u8; SALT_LENGTH],
    hash: [u8; HASH_LENGTH],
}

impl Phpass {
    /// Parses what follows `$P$` or `$H$`.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let (&cost, rest) = text.as_bytes().split_first().ok_or(malformed)?;
        let (salt, hash) = rest.split_first_chunk().ok_or(malformed)?;
        let hash = hash.try_into().map_err(|_| malformed)?;
        let cost = ALPHABET.iter().zip(0..).find(|(letter, _)| **letter == cost).map(|(_, value)| value);
        match cost.ok_or(malformed)? {
            0..MIN_COST => Err(malformed),
            cost @ MIN_COST..=MAX_COST => Ok(Self { cost, salt: *salt, hash }),
            _ => Err(ForeignHashError::TooCostly(NAME)),
        }
    }

    /// Whether `password` matches. Takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut hash = Md5::new().chain_update(self.salt).chain_update(password).finalize();
        for _ in 0..1_u32 << self.cost {
            hash = Md5::new().chain_update(hash).chain_update(password).finalize();
        }
        constant_time::equal(&encode(&hash.into()), &self.hash)
    }
}

/// Encodes three bytes as four characters, with the lowest bits first.
fn encode(hash: &[u8; 16]) -> [u8; HASH_LENGTH] {
    let mut text = [0; HASH_LENGTH];
    for (letters, bytes) in text.chunks_mut(4).zip(hash.chunks(3)) {
        let mut bits = bytes.iter().rev().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for letter in letters {
            *letter = ALPHABET[(bits % 64) as usize];
            bits /= 64;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_hashes_match() {
        // The example of phpass's own test, and those of hashcat (modes 400).
        for (text, password) in
            [("9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"), ("984478476IagS59wHZvyQMArzfx58u.", "hashcat")]
        {
            let hash = Phpass::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.verify(password.as_bytes()), "{text}");
            assert!(!hash.verify(b"test12346"), "{text}");
        }
    }
}
