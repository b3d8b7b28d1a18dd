//! Salted digests of LDAP directories (RFC 2307): `{SSHA}`, `{SSHA256}`, `{SSHA512}`.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use counterfoil_jose::constant_time;

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::text::bytes;

/// The shortest and the longest salt in bytes. Without a salt one table of digests would serve for all users.
const MIN_SALT_LENGTH: usize = 4;
const MAX_SALT_LENGTH: usize = 64;

/// A digest of the password followed by a salt.
#[derive(PartialEq, Eq)]
pub(in crate::credentials) struct SaltedDigest {
    algorithm: &'static digest::Algorithm,
    digest: Vec<u8>,
    salt: Vec<u8>,
}

impl SaltedDigest {
    /// Parses `SSHA}<digest and salt in base64>`, which follows a brace.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignHashError> {
        let (scheme, encoded) = text.split_once('}').ok_or(ForeignHashError::Unknown)?;
        let algorithm = match scheme.to_ascii_uppercase().as_str() {
            "SSHA" => &SHA1_FOR_LEGACY_USE_ONLY,
            "SSHA256" => &SHA256,
            "SSHA512" => &SHA512,
            _ => return Err(ForeignHashError::Unknown),
        };
        let malformed = ForeignHashError::Malformed("salted SHA");
        let mut digest = bytes(encoded).ok_or(malformed)?;
        if digest.len() < algorithm.output_len() + MIN_SALT_LENGTH {
            return Err(malformed);
        }
        let salt = digest.split_off(algorithm.output_len());
        if salt.len() > MAX_SALT_LENGTH { Err(malformed) } else { Ok(Self { algorithm, digest, salt }) }
    }

    /// Whether `password` matches. Takes the same time either way.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut context = digest::Context::new(self.algorithm);
        context.update(password);
        context.update(&self.salt);
        constant_time::equal(context.finish().as_ref(), &self.digest)
    }
}
