//! Secrets at rest: sealed under the master key, bound to the place that they were sealed for.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::hmac::HmacKey;
use crate::random::{self, Unavailable};
use crate::secret::Secret;

/// The first byte of everything sealed: AES-256-GCM under a key of its own for each context.
const VERSION: u8 = 1;
/// What separates these keys from anything else that may ever be derived from the master key.
const LABEL: &[u8] = b"counterfoil seal 1";
/// The same for keys that authenticate.
const HMAC_LABEL: &[u8] = b"counterfoil hmac 1";
/// AES-GCM's tag, in bytes.
const TAG_LEN: usize = 16;

/// The master key: 32 bytes that are kept outside the store.
///
/// Every context has a key of its own, derived by HKDF-SHA256 (RFC 5869), and every sealing a
/// random nonce of 96 bits; so one context is good for 2^32 sealings, far more than a key ring or a
/// pepper sees. The context is authenticated too: what was sealed for one row does not open in
/// another.
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

/// Why something was not sealed or opened.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There were no random bytes for a nonce.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Another key, another context, or bytes that were changed: which, nobody can tell.
    #[error("sealed under another key or for another place, or damaged")]
    NotGenuine,
    /// A form of sealing that this version does not know: a newer one wrote it, or it is no seal.
    #[error("not in a sealed form that is known here")]
    UnknownForm,
}

impl SealingKey {
    /// The key of these bytes, which come from a random generator, never from a password.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Seals `plain` for `context`: version, nonce, ciphertext and tag, 29 bytes longer than it.
    ///
    /// The context names the place: table, row and column, or the file.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = random::bytes()?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_LEN);
        sealed.push(VERSION);
        sealed.extend(nonce);
        sealed.extend(plain);
        let tag = self
            .key_for(context)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                aad(context),
                &mut sealed[1 + NONCE_LEN..],
            )
            .expect("AES-GCM seals anything below 64 GiB");
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for `context`.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(SealError::UnknownForm) };
        let Some((nonce, ciphertext)) = rest.split_first_chunk() else { return Err(SealError::NotGenuine) };
        let mut plain = ciphertext.to_vec();
        let length = self
            .key_for(context)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(context), &mut plain)
            .map_err(|_| SealError::NotGenuine)?
            .len();
        // Only the tag is cut off: it is no secret, so nothing stays behind unwiped.
        plain.truncate(length);
        Ok(Secret::new(plain))
    }

    /// A key for authenticating in this context, always the same: nothing has to be kept for it, and no two
    /// contexts share one.
    pub fn hmac_key(&self, context: &[u8]) -> HmacKey {
        let master = Salt::new(HKDF_SHA256, &[]).extract(self.0.expose());
        let info = [HMAC_LABEL, context];
        let derived = master.expand(&info, HKDF_SHA256).expect("32 bytes are below HKDF's limit");
        let mut bytes = Zeroizing::new([0; 32]);
        derived.fill(&mut *bytes).expect("as many bytes as were asked for");
        HmacKey::new(&*bytes)
    }

    fn key_for(&self, context: &[u8]) -> LessSafeKey {
        let master = Salt::new(HKDF_SHA256, &[]).extract(self.0.expose());
        let info = [LABEL, context];
        let derived = master.expand(&info, &AES_256_GCM).expect("32 bytes are below HKDF's limit");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

/// What is authenticated beside the ciphertext.
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
    fn sealing_twice_looks_different() {
        let (one, two) = (master().seal(b"c", b"plain").unwrap(), master().seal(b"c", b"plain").unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 5 + 29);
    }

    #[test]
    fn another_key_or_another_context_does_not_open_it() {
        let sealed = master().seal(b"keys/1", b"plain").unwrap();

        assert_eq!(master().open(b"keys/2", &sealed).unwrap_err(), SealError::NotGenuine);
        assert_eq!(master().open(b"", &sealed).unwrap_err(), SealError::NotGenuine);
        let other = SealingKey::from_bytes([8; 32]);
        assert_eq!(other.open(b"keys/1", &sealed).unwrap_err(), SealError::NotGenuine);
    }

    #[test]
    fn an_unknown_version_is_said_to_be_one() {
        let mut sealed = master().seal(b"c", b"plain").unwrap();
        sealed[0] = 2;
        assert_eq!(master().open(b"c", &sealed).unwrap_err(), SealError::UnknownForm);
        assert_eq!(master().open(b"c", b"").unwrap_err(), SealError::UnknownForm);
    }

    #[test]
    fn a_key_for_authenticating_is_the_same_each_time_and_another_for_each_context() {
        let tag = |master: SealingKey, context| master.hmac_key(context).tag(&[b"a"]);

        assert_eq!(tag(master(), b"c"), tag(master(), b"c"));
        assert_ne!(tag(master(), b"c"), tag(master(), b"d"));
        assert_ne!(tag(master(), b"c"), tag(SealingKey::from_bytes([8; 32]), b"c"));
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", master()), "SealingKey(..)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(plain: Vec<u8>, context: Vec<u8>) {
            let sealed = master().seal(&context, &plain).unwrap();
            let opened = master().open(&context, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
        }

        #[test]
        fn one_changed_bit_or_one_byte_less_spoils_it(plain: Vec<u8>, place: proptest::sample::Index, bit in 0..8_u8) {
            let sealed = master().seal(b"c", &plain).unwrap();
            let place = place.index(sealed.len());
            let mut changed = sealed.clone();
            changed[place] ^= 1_u8 << bit;
            prop_assert!(master().open(b"c", &changed).is_err());
            prop_assert!(master().open(b"c", &sealed[..place]).is_err());
        }
    }
}
