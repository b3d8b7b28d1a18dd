//! Base64url in its one canonical form: no padding, no spare bits (RFC 7515, section 2).

use std::sync::LazyLock;

use base64::Engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::{GeneralPurpose, general_purpose::URL_SAFE_NO_PAD};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::{general_purpose::NO_PAD, simd::Simd};

/// Strict and without padding, with the widest instructions that the processor has.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));
/// The same where the library knows no wide instructions.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: LazyLock<GeneralPurpose> = LazyLock::new(|| URL_SAFE_NO_PAD);

/// Text that is not the canonical base64url of any bytes, or not of as many as were wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url")]
pub struct NotBase64url;

/// The text of `bytes`: `[A-Za-z0-9_-]`, without padding.
///
/// ```
/// use counterfoil_jose::base64url;
///
/// assert_eq!(base64url::encode(b"counterfoil"), "Y291bnRlcmZvaWw");
/// assert_eq!(base64url::decode("Y291bnRlcmZvaWw").unwrap(), b"counterfoil");
/// ```
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

/// Appends the text of `bytes` to `text`.
pub fn encode_onto(bytes: impl AsRef<[u8]>, text: &mut String) {
    ENGINE.encode_string(bytes, text);
}

/// The bytes of `text`. Every byte string has one text: padding, white space, the other alphabet
/// and spare bits that are not zero are refused (RFC 4648, section 3.5).
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, NotBase64url> {
    ENGINE.decode(text).map_err(|_| NotBase64url)
}

/// The bytes of `text`, which are exactly `N`.
///
/// ```
/// use counterfoil_jose::base64url;
///
/// assert!(base64url::decode_exact::<11>("Y291bnRlcmZvaWw").is_ok());
/// assert!(base64url::decode_exact::<12>("Y291bnRlcmZvaWw").is_err());
/// ```
pub fn decode_exact<const N: usize>(text: impl AsRef<[u8]>) -> Result<[u8; N], NotBase64url> {
    let mut bytes = [0; N];
    let written = decode_into(text, &mut bytes)?;
    if written.len() == N { Ok(bytes) } else { Err(NotBase64url) }
}

/// The bytes of `text`, in the front of `buffer`; nothing is allocated. Text of more bytes than
/// `buffer` holds is refused.
pub fn decode_into(text: impl AsRef<[u8]>, buffer: &mut [u8]) -> Result<&mut [u8], NotBase64url> {
    let length = ENGINE.decode_slice(text, buffer).map_err(|_| NotBase64url)?;
    Ok(&mut buffer[..length])
}

/// Whether `text` is the canonical text of some bytes, told without decoding it.
pub(crate) fn is_canonical(text: &[u8]) -> bool {
    let spare_is_zero = match (text.len() % 4, text.last()) {
        (0, _) => true,
        (2, Some(last)) => b"AQgw".contains(last),
        (3, Some(last)) => b"AEIMQUYcgkosw048".contains(last),
        _ => false,
    };
    // Without a branch, so that the compiler looks at many bytes at once.
    spare_is_zero && text.iter().fold(true, |all, &byte| all & is_of_alphabet(byte))
}

/// RFC 4648, table 2.
const fn is_of_alphabet(byte: u8) -> bool {
    byte.is_ascii_uppercase()
        | byte.is_ascii_lowercase()
        | byte.is_ascii_digit()
        | (byte == b'-')
        | (byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{decode, decode_exact, decode_into, encode, is_canonical};

    #[test]
    fn padding_spaces_spare_bits_and_the_other_alphabet_are_refused() {
        for text in
            ["Zg==", "Zg=", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm 9v", "+///", "Z", "Zm9vY", "Zm9v.", "Zmé"]
        {
            assert!(decode(text).is_err(), "{text:?}");
            assert!(!is_canonical(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn exact_means_neither_more_nor_fewer() {
        assert_eq!(decode_exact::<3>("Zm9v").unwrap(), *b"foo");
        assert!(decode_exact::<2>("Zm9v").is_err());
        assert!(decode_exact::<4>("Zm9v").is_err());
        assert!(decode_into("Zm9v", &mut [0; 2]).is_err());
    }

    proptest! {
        #[test]
        fn every_byte_string_has_exactly_one_text(bytes: Vec<u8>) {
            let text = encode(&bytes);
            assert_eq!(decode(&text).unwrap(), bytes);
            assert!(is_canonical(text.as_bytes()));
        }

        #[test]
        fn what_decodes_encodes_to_itself(text in "[A-Za-z0-9_=+/-]{0,12}") {
            assert_eq!(is_canonical(text.as_bytes()), decode(&text).is_ok());
            if let Ok(bytes) = decode(&text) {
                assert_eq!(encode(bytes), text);
            }
        }

        #[test]
        fn told_without_decoding_is_told_alike(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            assert_eq!(is_canonical(&bytes), decode(&bytes).is_ok());
        }
    }
}
