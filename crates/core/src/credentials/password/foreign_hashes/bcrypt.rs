//! bcrypt: `$2b$12$<salt><hash>`, of the password or, as Django and WordPress do, of a digest of it.

use std::fmt::Write as _;

use aws_lc_rs::hmac;

use counterfoil_jose::{Secret, base64url, digest};

use crate::credentials::password::foreign_hashes::error::ForeignHashError;
use crate::credentials::password::foreign_hashes::text::number;

/// The highest cost (logarithm of the rounds): about two seconds of one core.
const MAX_COST: u32 = 15;
/// The lowest cost that bcrypt supports.
const MIN_COST: u32 = 4;
/// The number of bytes that bcrypt hashes.
const MAX_PASSWORD_LENGTH: usize = 72;

const NAME: &str = "bcrypt";

/// A bcrypt hash whose cost is within the limit.
#[derive(PartialEq, Eq)]
pub(in crate::credentials) struct Bcrypt {
    text: String,
    input: Input,
}

/// The input of the hash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    /// The password.
    Password,
    /// The 64 hexadecimal digits of its SHA-256, so that no password is too long.
    Sha256Hex,
    /// The HMAC-SHA-384 of the password under a fixed key, in base64.
    WordPress,
}

impl Bcrypt {
    /// Parses the hash of a password.
    pub(super) fn from_password_hash(text: &str) -> Result<Self, ForeignHashError> {
        Self::parse(text, Input::Password)
    }

    /// Parses the hash of the SHA-256 of a password.
    pub(super) fn from_sha256_hash(text: &str) -> Result<Self, ForeignHashError> {
        Self::parse(text, Input::Sha256Hex)
    }

    /// Parses `2y$10$...`, which follows `$wp$` in a hash of WordPress 6.8.
    pub(super) fn from_wordpress_hash(text: &str) -> Result<Self, ForeignHashError> {
        Self::parse(&format!("${text}"), Input::WordPress)
    }

    fn parse(text: &str, input: Input) -> Result<Self, ForeignHashError> {
        let malformed = ForeignHashError::Malformed(NAME);
        // `$2x$` marks hashes of a faulty implementation, which match other passwords.
        if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Err(malformed);
        }
        let cost = text.get(4..6).and_then(number).ok_or(malformed)?;
        text.parse::<bcrypt::HashParts>().map_err(|_| malformed)?;
        match cost {
            0..MIN_COST => Err(malformed),
            MIN_COST..=MAX_COST => Ok(Self { text: text.to_owned(), input }),
            _ => Err(ForeignHashError::TooCostly(NAME)),
        }
    }

    /// Whether `password` matches. Takes the same time either way.
    ///
    /// bcrypt hashes only the first 72 bytes, and the other system accepted its users by these; the hash that replaces
    /// this one is that of the whole password. Implementations differ about the bytes after a NUL: a password that has
    /// one never matches, since an attacker may know only what precedes it. The work is done in any case.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self.input {
            Input::Password => {
                let hashed = &password[..password.len().min(MAX_PASSWORD_LENGTH)];
                self.verify_input(hashed) & !password.contains(&0)
            }
            Input::WordPress => {
                let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
                // 48 bytes are 64 characters without padding.
                let text = base64url::encode(hmac::sign(&key, password)).replace('-', "+").replace('_', "/");
                self.verify_input(Secret::new(text).expose().as_bytes())
            }
            Input::Sha256Hex => self.verify_input(to_hex(&digest::sha256(password)).expose().as_bytes()),
        }
    }

    fn verify_input(&self, bytes: &[u8]) -> bool {
        bcrypt::verify(bytes, &self.text).unwrap_or(false)
    }
}

fn to_hex(bytes: &[u8]) -> Secret<String> {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes what is written");
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's bcrypt 4.3 from 72 times the letter x.
    const OF_72: &str = "$2b$05$HEufuLypN8S66/UkWdgBW.5Yio5tJsDQSF1nf/RjbQxhwwRFUbGS.";
    /// Made with Python's bcrypt 4.3 from `abc`.
    const OF_ABC: &str = "$2b$05$QFpZLJVjdnwKMQf5bDVLcey1Sm3hRTL1WHD7zbARiJt5O48jXROhC";

    #[test]
    fn of_a_longer_password_the_first_72_bytes_are_checked() {
        let hash = Bcrypt::from_password_hash(OF_72).unwrap_or_else(|error| panic!("{error}"));

        assert!(hash.verify(&[b'x'; 72]));
        assert!(hash.verify(&[[b'x'; 72], [b'y'; 72]].concat()), "as the system that made it");
        assert!(!hash.verify(&[b'x'; 71]));
        assert!(!hash.verify(&[[b'x'; 72], [0; 72]].concat()));
    }

    #[test]
    fn a_password_with_a_nul_never_matches() {
        let hash = Bcrypt::from_password_hash(OF_ABC).unwrap_or_else(|error| panic!("{error}"));

        assert!(hash.verify(b"abc"));
        for other in [&b"abc\0"[..], b"abc\0def", b"abc\0abc", b"\0", b""] {
            assert!(!hash.verify(other), "{other:?}");
        }
    }
}
