//! The scheme and the parameters of a stored password hash.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};

use counterfoil_jose::constant_time;

use crate::credentials::password::argon2_memory::Argon2Memory;
use crate::credentials::password::cost::Argon2Cost;
use crate::credentials::password::foreign_hashes::{self, ForeignHash, ForeignHashError};
use crate::credentials::password::plaintext::PlaintextPassword;

/// The shortest hash in bytes. With a shorter one wrong passwords would match by chance.
const MIN_HASH_LENGTH: usize = 16;

/// The text before a hash of phpBB, whose own text does not show which system made it.
pub(super) const PHPBB: &str = "phpbb:";

/// A parsed hash whose cost is within the limit.
pub(super) enum StoredHash {
    Argon2(HashParams, Box<phc::PasswordHash>),
    Foreign(ForeignHash),
}

impl StoredHash {
    /// Detects the scheme and checks the cost.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        let text = text.strip_prefix(PHPBB).unwrap_or(text);
        // Django writes the name before the PHC string.
        let phc = text.strip_prefix("argon2").unwrap_or(text);
        if !phc.starts_with("$argon2") || text.len() > foreign_hashes::MAX_TEXT_LENGTH {
            return ForeignHash::parse(text).map(Self::Foreign);
        }
        let malformed = ForeignHashError::Malformed("Argon2");
        let stored = phc::PasswordHash::new(phc).map_err(|_| malformed)?;
        let has_hash = stored.hash.as_ref().is_some_and(|hash| hash.len() >= MIN_HASH_LENGTH);
        let has_salt = stored.salt.as_ref().is_some_and(|salt| salt.len() >= argon2::MIN_SALT_LEN);
        if !has_hash || !has_salt {
            return Err(malformed);
        }
        Ok(Self::Argon2(HashParams::from_phc(&stored)?, Box::new(stored)))
    }

    /// Whether `password` matches, in NFC or as it was typed. The comparison takes the same time either way.
    pub(super) fn verify(
        &self,
        password: &PlaintextPassword,
        memory: &mut Argon2Memory,
    ) -> Result<bool, UnusableHash> {
        let (params, phc) = match self {
            Self::Argon2(params, phc) => (params, phc),
            Self::Foreign(hash) => return Ok(hash.verify(password)),
        };
        let (Some(salt), Some(hash)) = (&phc.salt, &phc.hash) else { return Err(UnusableHash) };
        for spelling in password.spellings() {
            let computed = params.compute(spelling.as_bytes(), salt.as_ref(), hash.len(), memory);
            if constant_time::equal(&computed.ok_or(UnusableHash)?, hash.as_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A stored hash that cannot be verified: its scheme is unknown, its text is not valid, or its cost is above
/// the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash cannot be used")]
pub struct UnusableHash;

/// The parameters of an Argon2 hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct HashParams {
    pub(super) algorithm: Algorithm,
    pub(super) cost: Argon2Cost,
}

impl HashParams {
    /// Accepts Argon2id and, from other systems, Argon2i, both in the version of RFC 9106. Argon2d is
    /// rejected: its running time reveals the password to other processes on the machine.
    fn from_phc(stored: &phc::PasswordHash) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed("Argon2");
        let algorithm =
            [Algorithm::Argon2id, Algorithm::Argon2i].into_iter().find(|a| a.ident() == stored.algorithm);
        let algorithm = algorithm.ok_or(ForeignHashError::Unknown)?;
        if stored.version != Some(Version::V0x13.into()) {
            return Err(malformed);
        }
        let params = Params::try_from(stored).map_err(|_| malformed)?;
        if !params.keyid().is_empty() || !params.data().is_empty() {
            return Err(malformed);
        }
        let cost = Argon2Cost {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
        };
        if cost.is_within_ceiling() {
            Ok(Self { algorithm, cost })
        } else {
            Err(ForeignHashError::TooCostly("Argon2"))
        }
    }

    /// Computes the hash of `password` with `length` bytes. `None` if Argon2 does not support the parameters
    /// or the salt.
    pub(super) fn compute(
        &self,
        password: &[u8],
        salt: &[u8],
        length: usize,
        memory: &mut Argon2Memory,
    ) -> Option<Vec<u8>> {
        let params = self.cost.params(length)?;
        let blocks = memory.blocks(params.block_count());
        let argon2 = Argon2::new(self.algorithm, Version::V0x13, params);
        let mut hash = vec![0; length];
        argon2.hash_password_into_with_memory(password, salt, &mut hash, blocks).ok()?;
        Some(hash)
    }
}
