//! The scheme and the parameters of a stored password hash.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};

use crate::credentials::password::argon2_memory::Argon2Memory;
use crate::credentials::password::cost::Argon2Cost;
use crate::credentials::password::foreign_hashes::{self, ForeignHash, ForeignHashError};

/// The shortest hash in bytes. With a shorter one wrong passwords would match by chance.
const MIN_HASH_LENGTH: usize = 16;

/// A parsed hash whose cost is within the limit.
pub(super) enum StoredHash {
    Argon2(HashParams, Box<phc::PasswordHash>),
    Foreign(ForeignHash),
}

impl StoredHash {
    /// Detects the scheme and checks the cost.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
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
}

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
