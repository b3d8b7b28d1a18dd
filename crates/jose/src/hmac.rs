//! HMAC-SHA256 with a key that is prepared once (RFC 2104).

use std::fmt;

use aws_lc_rs::hmac;

use crate::constant_time;

/// A key for authenticating bytes.
///
/// Only the prepared state is held, and wiped when dropped; the key's own bytes can't be had back.
///
/// ```
/// use counterfoil_jose::HmacKey;
///
/// let pepper = HmacKey::new(&[7; 32]);
/// let tag = pepper.tag(&[b"cfr1", b"session"]);
/// assert!(pepper.verify(&[b"cfr1", b"session"], &tag));
/// assert!(!pepper.verify(&[b"cfr1", b"another"], &tag));
/// ```
#[derive(Clone)]
// On the heap: moving the 1.2 kB of prepared state about would leave copies that nobody wipes.
pub struct HmacKey(Box<hmac::Key>);

impl HmacKey {
    /// The key of these bytes: 32 random ones, unless a standard says otherwise.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The tag of `parts`, one behind the other.
    ///
    /// Nothing marks where one part ends: let all but one of them have a fixed length.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }

    /// Whether `tag` is the whole tag of `parts`. Takes the same time wherever they differ.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        constant_time::equal(&self.tag(parts), tag)
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
    fn the_tag_is_of_the_parts_one_behind_the_other() {
        let key = HmacKey::new(b"Jefe");
        let whole = key.tag(&[b"what do ya want for nothing?"]);

        // RFC 4231, section 4.3.
        assert_eq!(whole[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(key.tag(&[b"what do ya ", b"", b"want for nothing?"]), whole);
    }

    #[test]
    fn a_part_of_a_tag_is_no_tag() {
        let key = HmacKey::new(&[1; 32]);
        let tag = key.tag(&[b"a"]);

        assert!(key.verify(&[b"a"], &tag));
        assert!(!key.verify(&[b"a"], &tag[..31]));
        assert!(!key.verify(&[b"a"], b""));
        assert!(!key.verify(&[b"b"], &tag));
        assert!(!HmacKey::new(&[2; 32]).verify(&[b"a"], &tag));
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", HmacKey::new(b"key")), "HmacKey(..)");
    }
}
