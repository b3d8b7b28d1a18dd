//! HMAC-SHA256 with a prepared key (RFC 2104).

use std::fmt;

use aws_lc_rs::hmac;

use crate::constant_time;

/// A key for HMAC-SHA256.
///
/// Holds only the prepared state, which is wiped when dropped. The bytes of the key cannot be recovered from
/// it.
///
/// ```
/// use counterfoil_jose::HmacKey;
///
/// let key = HmacKey::new(&[7; 32]);
/// let mac = key.mac(&[b"cfr1", b"session"]);
/// assert!(key.verify(&[b"cfr1", b"session"], &mac));
/// assert!(!key.verify(&[b"cfr1", b"another"], &mac));
/// ```
#[derive(Clone)]
// On the heap: moving the 1.2 kB of prepared state would leave copies that are not wiped.
pub struct HmacKey(Box<hmac::Key>);

impl HmacKey {
    /// Makes a key from `bytes`: 32 random bytes, except where a standard requires another key.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The MAC of the concatenation of `parts`.
    ///
    /// The boundaries of the parts are not authenticated: all parts except one must have a fixed length.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().expect("an HMAC-SHA256 has 32 bytes")
    }

    /// Whether `mac` is the complete MAC of `parts`. Takes the same time wherever they differ.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        constant_time::equal(&self.mac(parts), mac)
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::HmacKey;

    #[test]
    fn the_mac_covers_the_concatenated_parts() {
        let key = HmacKey::new(b"Jefe");
        let whole = key.mac(&[b"what do ya want for nothing?"]);

        // RFC 4231, section 4.3.
        assert_eq!(whole[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(key.mac(&[b"what do ya ", b"", b"want for nothing?"]), whole);
    }

    #[test]
    fn a_truncated_mac_is_rejected() {
        let key = HmacKey::new(&[1; 32]);
        let mac = key.mac(&[b"a"]);

        assert!(key.verify(&[b"a"], &mac));
        assert!(!key.verify(&[b"a"], &mac[..31]));
        assert!(!key.verify(&[b"a"], b""));
        assert!(!key.verify(&[b"b"], &mac));
        assert!(!HmacKey::new(&[2; 32]).verify(&[b"a"], &mac));
    }

    #[test]
    fn debug_does_not_print_the_key() {
        assert_eq!(format!("{:?}", HmacKey::new(b"key")), "HmacKey(..)");
    }
}
