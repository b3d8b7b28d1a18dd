//! A password as somebody typed it.

use std::fmt;

use aws_lc_rs::digest;
use icu_normalizer::ComposingNormalizer;

use counterfoil_jose::Secret;

/// A password as somebody typed it, in NFC: one who types é as one or as two code points is the same.
///
/// Neither trimmed nor folded nor cut. Wiped when dropped.
#[derive(Clone, Debug)]
pub struct PlaintextPassword(Secret<String>);

impl PlaintextPassword {
    /// The most code points that are ever hashed.
    pub const MAX_LENGTH: usize = 256;

    /// Takes what was typed.
    pub fn new(text: &Secret<String>) -> Self {
        Self(Secret::new(ComposingNormalizer::new_nfc().normalize(text.expose()).into_owned()))
    }

    /// How long it is, in code points.
    pub fn length(&self) -> usize {
        self.0.expose().chars().count()
    }

    /// Whether it is longer than anything that was ever hashed.
    pub fn is_too_long(&self) -> bool {
        self.length() > Self::MAX_LENGTH
    }

    /// How lists of breached passwords name it: the first eight bytes of its SHA-1.
    ///
    /// It is only for looking up what everybody knows already; as a hash of a password it would be worthless.
    pub fn fingerprint(&self) -> PasswordFingerprint {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.bytes());
        let (first, _) = sha1.as_ref().split_first_chunk().expect("SHA-1 has 20 bytes");
        PasswordFingerprint(u64::from_be_bytes(*first))
    }

    /// The text, for whoever judges how good it is.
    pub(crate) fn text(&self) -> &str {
        self.0.expose()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// A password as lists of breached passwords name it: the first eight bytes of its SHA-1, as a number.
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
    fn a_fingerprint_is_the_beginning_of_sha_1() {
        let password = PlaintextPassword::new(&Secret::new("password".to_owned()));

        // printf 'password' | sha1sum
        assert_eq!(password.fingerprint(), PasswordFingerprint(0x5baa_61e4_c9b9_3f3f));
    }
}
