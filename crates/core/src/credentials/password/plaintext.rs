//! A password as a user typed it.

use std::fmt;

use aws_lc_rs::digest;
use icu_normalizer::ComposingNormalizer;

use counterfoil_jose::Secret;

/// A password as a user typed it, in NFC: it does not matter whether é was typed as one code point or as two.
///
/// It is not trimmed, case folded or truncated, and it is wiped when dropped.
#[derive(Clone, Debug)]
pub struct PlaintextPassword {
    /// The text in NFC, which is what is hashed here.
    nfc: Secret<String>,
    /// The text as it was typed, if it is not in NFC. Other systems may have hashed that.
    typed: Option<Secret<String>>,
}

impl PlaintextPassword {
    /// The longest password that is hashed, in code points.
    pub const MAX_LENGTH: usize = 256;

    /// Normalizes the text that a user typed.
    pub fn new(text: &Secret<String>) -> Self {
        let nfc = Secret::new(ComposingNormalizer::new_nfc().normalize(text.expose()).into_owned());
        let typed = (nfc.expose() != text.expose()).then(|| text.clone());
        Self { nfc, typed }
    }

    /// The length in code points.
    pub fn length(&self) -> usize {
        self.nfc.expose().chars().count()
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
        self.nfc.expose()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.nfc.expose().as_bytes()
    }

    /// The texts that another system may have hashed: in NFC, and as it was typed if that differs.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &str> {
        [&self.nfc].into_iter().chain(&self.typed).map(|text| text.expose().as_str())
    }

    /// The text in NFKC, which some systems hash.
    pub(super) fn nfkc(&self) -> Secret<String> {
        Secret::new(ComposingNormalizer::new_nfkc().normalize(self.nfc.expose()).into_owned())
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
