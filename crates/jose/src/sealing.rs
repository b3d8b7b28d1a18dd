//! Encryption of secrets for storage: AES-256-GCM under the master key, bound to a context.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::hmac::HmacKey;
use crate::random::{self, RandomUnavailable};
use crate::secret::Secret;

/// The first byte of sealed data. Version 1 is AES-256-GCM with one derived key for each context.
const VERSION: u8 = 1;
/// The HKDF label of encryption keys. It separates them from other keys that are derived from the master key.
const ENCRYPTION_LABEL: &[u8] = b"counterfoil seal 1";
/// The HKDF label of HMAC keys.
const HMAC_LABEL: &[u8] = b"counterfoil hmac 1";
/// The length of an AES-GCM authentication tag in bytes.
const TAG_LEN: usize = 16;

/// The master key: 32 bytes that are kept outside the store.
///
/// Each context has its own key, derived by HKDF-SHA256 (RFC 5869). Each encryption uses a random nonce of 96
/// bits, so that one context allows 2^32 encryptions (NIST SP 800-38D, section 8.3). The context is
/// authenticated: an attacker with write access to the store cannot move sealed data from one row to another.
///
/// ```
/// use counterfoil_jose::SealingKey;
///
/// let master = SealingKey::from_bytes([7; 32]);
/// let sealed = master.seal(b"key/1", b"a private key")?;
/// assert_eq!(master.open(b"key/1", &sealed)?.expose(), b"a private key");
/// assert!(master.open(b"key/2", &sealed).is_err());
/// # Ok::<(), counterfoil_jose::SealError>(())
/// ```
#[derive(Clone)]
pub struct SealingKey(Secret<[u8; 32]>);

/// Why data was not sealed or opened.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No random bytes were available for the nonce.
    #[error(transparent)]
    RandomUnavailable(#[from] RandomUnavailable),
    /// The data was sealed with another key or for another context, or was modified. These cases cannot be
    /// told apart.
    #[error("the data was sealed with another key or for another context, or is damaged")]
    DecryptionFailed,
    /// The version is unknown: the data was sealed by a newer release, or is not sealed.
    #[error("the format of the sealed data is unknown")]
    UnknownFormat,
}

impl SealingKey {
    /// Makes a key from `bytes`, which must be random and not derived from a password.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Encrypts `plaintext` for `context`. The result is the version, the nonce, the ciphertext and the tag,
    /// 29 bytes longer than `plaintext`.
    ///
    /// The context names where the data is stored: table, row and column, or the file.
    ///
    /// # Errors
    ///
    /// [`SealError::RandomUnavailable`].
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = random::bytes()?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.push(VERSION);
        sealed.extend(nonce);
        sealed.extend(plaintext);
        let tag = self
            .encryption_key(context)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                aad(context),
                &mut sealed[1 + NONCE_LEN..],
            )
            .expect("AES-GCM encrypts any plaintext below 64 GiB");
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts data that was sealed for `context`.
    ///
    /// # Errors
    ///
    /// [`SealError::UnknownFormat`] and [`SealError::DecryptionFailed`].
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(SealError::UnknownFormat) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk() else {
            return Err(SealError::DecryptionFailed);
        };
        let mut plaintext = ciphertext.to_vec();
        let length = self
            .encryption_key(context)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(context), &mut plaintext)
            .map_err(|_| SealError::DecryptionFailed)?
            .len();
        // This removes only the tag, which is not a secret: no plaintext is left unwiped.
        plaintext.truncate(length);
        Ok(Secret::new(plaintext))
    }

    /// Derives the HMAC key of `context`. It is the same on each call, so that it need not be stored, and
    /// differs between contexts.
    pub fn derive_hmac_key(&self, context: &[u8]) -> HmacKey {
        let master = Salt::new(HKDF_SHA256, &[]).extract(self.0.expose());
        let info = [HMAC_LABEL, context];
        let derived = master.expand(&info, HKDF_SHA256).expect("32 bytes are below the limit of HKDF");
        let mut bytes = Zeroizing::new([0; 32]);
        derived.fill(&mut *bytes).expect("the buffer has the length of the derived key");
        HmacKey::new(&*bytes)
    }

    fn encryption_key(&self, context: &[u8]) -> LessSafeKey {
        let master = Salt::new(HKDF_SHA256, &[]).extract(self.0.expose());
        let info = [ENCRYPTION_LABEL, context];
        let derived = master.expand(&info, &AES_256_GCM).expect("32 bytes are below the limit of HKDF");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

/// The additional authenticated data: version and context.
fn aad(context: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([&[VERSION], context].concat())
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{SealError, SealingKey};

    fn master() -> SealingKey {
        SealingKey::from_bytes([7; 32])
    }

    #[test]
    fn each_encryption_has_a_different_result() {
        let (one, two) = (master().seal(b"c", b"plain").unwrap(), master().seal(b"c", b"plain").unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 5 + 29);
    }

    #[test]
    fn another_key_or_context_cannot_open_sealed_data() {
        let sealed = master().seal(b"keys/1", b"plain").unwrap();

        assert_eq!(master().open(b"keys/2", &sealed).unwrap_err(), SealError::DecryptionFailed);
        assert_eq!(master().open(b"", &sealed).unwrap_err(), SealError::DecryptionFailed);
        let other = SealingKey::from_bytes([8; 32]);
        assert_eq!(other.open(b"keys/1", &sealed).unwrap_err(), SealError::DecryptionFailed);
    }

    #[test]
    fn an_unknown_version_is_reported_as_unknown_format() {
        let mut sealed = master().seal(b"c", b"plain").unwrap();
        sealed[0] = 2;
        assert_eq!(master().open(b"c", &sealed).unwrap_err(), SealError::UnknownFormat);
        assert_eq!(master().open(b"c", b"").unwrap_err(), SealError::UnknownFormat);
    }

    #[test]
    fn an_hmac_key_depends_only_on_the_master_key_and_the_context() {
        let mac = |master: SealingKey, context| master.derive_hmac_key(context).mac(&[b"a"]);

        assert_eq!(mac(master(), b"c"), mac(master(), b"c"));
        assert_ne!(mac(master(), b"c"), mac(master(), b"d"));
        assert_ne!(mac(master(), b"c"), mac(SealingKey::from_bytes([8; 32]), b"c"));
    }

    #[test]
    fn debug_does_not_print_the_key() {
        assert_eq!(format!("{:?}", master()), "SealingKey(..)");
    }

    proptest! {
        #[test]
        fn sealed_data_opens_with_the_same_key_and_context(plain: Vec<u8>, context: Vec<u8>) {
            let sealed = master().seal(&context, &plain).unwrap();
            let opened = master().open(&context, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
        }

        #[test]
        fn a_changed_bit_or_a_missing_byte_is_detected(plain: Vec<u8>, index: proptest::sample::Index, bit in 0..8_u8) {
            let sealed = master().seal(b"c", &plain).unwrap();
            let index = index.index(sealed.len());
            let mut changed = sealed.clone();
            changed[index] ^= 1_u8 << bit;
            prop_assert!(master().open(b"c", &changed).is_err());
            prop_assert!(master().open(b"c", &sealed[..index]).is_err());
        }
    }
}
