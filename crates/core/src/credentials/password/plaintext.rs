//! A password as a user typed it.

use std::fmt;

use aws_lc_rs::digest;
use icu_normalizer::ComposingNormalizer;

use counterfoil_jose::Secret;

/// A password as a user typed it, in NFC: it does not matter whether é was typed as one code point or as two.
///
/// It is not trimmed, case folded or truncated, and it is wiped when dropped.
#[derive(Clone, Debug)]
pub struct PlaintextPassword(Secret<String>);

impl PlaintextPassword {
    /// The longest password that is hashed, in code points.
    pub const MAX_LENGTH: usize = 256;

    /// Normalizes the text that a user typed.
    pub fn new(text: &Secret<String>) -> Self {
        Self(Secret::new(ComposingNormalizer::new_nfc().normalize(text.expose()).into_owned()))
    }

    /// The length in code points.
    pub fn length(&self) -> usize {
        self.0.expose().chars().count()
    }

    /// Whether the password is too long to be hashed.
    pub fn is_too_long(&self) -> bool {
        self.length() > Self::MAX_LENGTH
    }

    /// The key of lists of breached passwords: the first eight bytes of the password's SHA-1.
    ///
    /// It serves only to look up passwords that are public already. It is worthless as a password hash.
    pub fn fingerprint(&self) -> PasswordFingerprint {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.bytes());
        let (first, _) = sha1.as_ref().split_first_chunk().expect("SHA-1 has 20 bytes");
        PasswordFingerprint(u64::from_be_bytes(*first))
    }

    /// The text, for the password policy.
    pub(crate) fn text(&self) -> &str {
        self.0.expose()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// The key of lists of breached passwords: the first eight bytes of a password's SHA-1, as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PasswordFingerprint(pub u64);

impl fmt::Debug for PasswordFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordFingerprint(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_start_of_the_sha_1() {
        let password = PlaintextPassword::new(&Secret::new("password".to_owned()));

        // printf 'password' | sha1sum
        assert_eq!(password.fingerprint(), PasswordFingerprint(0x5baa_61e4_c9b9_3f3f));
    }
}
