//! PBKDF2 (RFC 8018, section 5.2) with SHA-1, SHA-256 or SHA-512, as written by PHC strings, passlib, Django, Werkzeug
//! and ASP.NET Core Identity.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::lengths::salt_and_hash;
use crate::credentials::password::foreign_hashes::text::{bytes, hex, number, parts, values};

/// The highest number of iterations over all output blocks: one or two seconds of one core.
const MAX_ITERATIONS: u32 = 3_000_000;

const NAME: &str = "PBKDF2";

/// The hash function of the HMAC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HashFunction {
    Sha1,
    Sha256,
    Sha512,
}

impl HashFunction {
    fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// The output length of the hash function in bytes.
    const fn block_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A PBKDF2 hash whose cost is within the limit.
#[derive(PartialEq, Eq)]
pub(in crate::credentials) struct Pbkdf2 {
    function: HashFunction,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    /// Parses `i=600000,l=32$salt$hash`, or passlib's `600000$salt$hash`.
    pub(super) fn from_phc(function: HashFunction, text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [params, salt, hash] = parts(text).ok_or(malformed)?;
        let (iterations, length) = iterations(params).ok_or(malformed)?;
        let stored = Self::new(function, iterations, bytes(salt), bytes(hash))?;
        let has_declared_length = length.is_none_or(|length| length as usize == stored.hash.len());
        if has_declared_length { Ok(stored) } else { Err(malformed) }
    }

    /// Parses Django's `iterations$salt$hash`, where the salt is text.
    pub(super) fn from_django(function: HashFunction, text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [iterations, salt, hash] = parts(text).ok_or(malformed)?;
        Self::new(function, number(iterations).ok_or(malformed)?, Some(salt.into()), bytes(hash))
    }

    /// Parses Werkzeug's `sha256:600000$salt$hash`, where the salt is text and the hash is hexadecimal.
    pub(super) fn from_werkzeug(text: &str) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let [params, salt, hash] = parts(text).ok_or(malformed)?;
        let (function, iterations) = params.split_once(':').ok_or(malformed)?;
        let function = match function {
            "sha1" => HashFunction::Sha1,
            "sha256" => HashFunction::Sha256,
            "sha512" => HashFunction::Sha512,
            _ => return Err(ForeignHashError::Unknown),
        };
        Self::new(function, number(iterations).ok_or(malformed)?, Some(salt.into()), hex(hash))
    }

    /// Parses the bytes of ASP.NET Core Identity: version 3 (1, then the function, the iterations and the length of the salt
    /// as four bytes each, the salt and the hash), or version 2 (0, a salt of 16 bytes and the hash).
    pub(super) fn from_identity(bytes: &[u8]) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed("ASP.NET Core Identity");
        match bytes {
            [0, rest @ ..] if rest.len() == 16 + 32 => {
                let (salt, hash) = rest.split_at(16);
                Self::new(HashFunction::Sha1, 1000, Some(salt.to_vec()), Some(hash.to_vec()))
            }
            [1, rest @ ..] => {
                let (header, rest) = rest.split_first_chunk::<12>().ok_or(malformed)?;
                let (numbers, _) = header.as_chunks::<4>();
                let [function, iterations, salt_length] =
                    [0, 1, 2].map(|i: usize| u32::from_be_bytes(numbers[i]));
                let function = match function {
                    0 => HashFunction::Sha1,
                    1 => HashFunction::Sha256,
                    2 => HashFunction::Sha512,
                    _ => return Err(malformed),
                };
                let (salt, hash) = rest.split_at_checked(salt_length as usize).ok_or(malformed)?;
                Self::new(function, iterations, Some(salt.to_vec()), Some(hash.to_vec()))
            }
            _ => Err(malformed),
        }
    }

    fn new(
        function: HashFunction,
        iterations: u32,
        salt: Option<Vec<u8>>,
        hash: Option<Vec<u8>>,
    ) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        let (salt, hash) = salt_and_hash(salt, hash).ok_or(malformed)?;
        let iterations = NonZeroU32::new(iterations).ok_or(malformed)?;
        let blocks = hash.len().div_ceil(function.block_length());
        if iterations.get() as usize > MAX_ITERATIONS as usize / blocks {
            return Err(ForeignHashError::TooCostly(NAME));
        }
        Ok(Self { function, iterations, salt, hash })
    }

    /// Whether `password` matches. Takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.function.algorithm(), self.iterations, &self.salt, password, &self.hash).is_ok()
    }
}

/// The number of iterations, and the length of the hash if it is given.
fn iterations(params: &str) -> Option<(u32, Option<u32>)> {
    if let Some(plain) = number(params) {
        return Some((plain, None));
    }
    if let Some([iterations, length]) = values(params, ["i", "l"]) {
        return Some((number(iterations)?, Some(number(length)?)));
    }
    let [iterations] = values(params, ["i"])?;
    Some((number(iterations)?, None))
}
