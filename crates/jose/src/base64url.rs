//! Canonical base64url: no padding, and unused bits are zero (RFC 7515, section 2; RFC 4648, section 3.5).

use std::sync::LazyLock;

use base64::Engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::{GeneralPurpose, general_purpose::URL_SAFE_NO_PAD};
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::{general_purpose::NO_PAD, simd::Simd};

/// Strict and without padding, with the widest SIMD instructions of the processor.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));
/// The same for processors without a SIMD implementation in the `base64` crate.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: LazyLock<GeneralPurpose> = LazyLock::new(|| URL_SAFE_NO_PAD);

/// The text is not canonical base64url, or does not have the required length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url")]
pub struct DecodeError;

/// Encodes `bytes` as `[A-Za-z0-9_-]`, without padding.
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

/// Encodes `bytes` and appends the result to `text`.
pub fn encode_into(bytes: impl AsRef<[u8]>, text: &mut String) {
    ENGINE.encode_string(bytes, text);
}

/// The alphabet (RFC 4648, table 2).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The `M` characters of a public id of `N` bytes, without allocation. The time may depend on it, so it must be no secret.
///
/// ```
/// use counterfoil_jose::base64url;
///
/// assert_eq!(base64url::encode_id(b"counterfoil"), *b"Y291bnRlcmZvaWw");
/// ```
pub fn encode_id<const N: usize, const M: usize>(id: &[u8; N]) -> [u8; M] {
    const { assert!(M == (4 * N).div_ceil(3), "three bytes are four characters") };
    let mut text = [0; M];
    for (characters, bytes) in text.chunks_mut(4).zip(id.chunks(3)) {
        let bits =
            [16, 8, 0].into_iter().zip(bytes).map(|(shift, byte)| u32::from(*byte) << shift).sum::<u32>();
        for (shift, character) in [18, 12, 6, 0].into_iter().zip(characters) {
            *character = ALPHABET[(bits >> shift) as usize & 63];
        }
    }
    text
}

/// Decodes `text`.
///
/// # Errors
///
/// Padding, white space, the characters `+` and `/`, and unused bits that are not zero: each byte string has
/// exactly one encoding (RFC 4648, section 3.5).
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, DecodeError> {
    ENGINE.decode(text).map_err(|_| DecodeError)
}

/// Decodes `text` to exactly `N` bytes.
///
/// ```
/// use counterfoil_jose::base64url;
///
/// assert!(base64url::decode_exact::<11>("Y291bnRlcmZvaWw").is_ok());
/// assert!(base64url::decode_exact::<12>("Y291bnRlcmZvaWw").is_err());
/// ```
pub fn decode_exact<const N: usize>(text: impl AsRef<[u8]>) -> Result<[u8; N], DecodeError> {
    let text = text.as_ref();
    if text.len() != (4 * N).div_ceil(3) {
        return Err(DecodeError);
    }
    let mut bytes = [0; N];
    // The length is fixed for each `N`.
    if N <= ID / 4 * 3 {
        return decode_short::<N, ID>(text, &mut bytes).map(|()| bytes);
    }
    if N <= SHORT / 4 * 3 {
        return decode_short::<N, SHORT>(text, &mut bytes).map(|()| bytes);
    }
    let decoded = decode_into(text, &mut bytes)?;
    if decoded.len() == N { Ok(bytes) } else { Err(DecodeError) }
}

/// The longest text of ids and of secrets, for which preparing the SIMD instructions takes longer than decoding.
const SHORT: usize = 64;

/// The longest text of ids.
const ID: usize = 32;

/// Decodes a text of the right length, of at most `L` characters. Neither branches nor addresses depend on the characters:
/// the time says nothing about a secret.
#[inline]
fn decode_short<const N: usize, const L: usize>(text: &[u8], bytes: &mut [u8; N]) -> Result<(), DecodeError> {
    // A fixed length, and `A` for zero bits behind the text, so that the compiler can vectorize the loop.
    let mut values = [b'A'; L];
    values[..text.len()].copy_from_slice(text);
    let mut all = 0;
    for value in &mut values {
        *value = six_bits(*value);
        all |= *value;
    }
    let decode = |[a, b, c, d]: [u8; 4]| [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    let (groups, rest) = bytes.as_chunks_mut();
    let mut quads = values.as_chunks().0.iter().map(|quad| decode(*quad));
    for (group, decoded) in groups.iter_mut().zip(&mut quads) {
        *group = decoded;
    }
    let unused = match (rest, quads.next()) {
        ([one], Some([first, unused, _])) => {
            *one = first;
            unused
        }
        ([one, two], Some([first, second, unused])) => {
            (*one, *two) = (first, second);
            unused
        }
        _ => 0,
    };
    if all < 64 && unused == 0 { Ok(()) } else { Err(DecodeError) }
}

/// The value of a character (RFC 4648, table 2); at least 64 for one that has none.
#[inline]
const fn six_bits(byte: u8) -> u8 {
    /// 255 if `byte` is in the range, or else 0.
    const fn mask(byte: u8, first: u8, last: u8) -> u8 {
        ((byte.wrapping_sub(first) <= last - first) as u8).wrapping_neg()
    }
    let (upper, lower) = (mask(byte, b'A', b'Z'), mask(byte, b'a', b'z'));
    let (digit, minus, underscore) = (mask(byte, b'0', b'9'), mask(byte, b'-', b'-'), mask(byte, b'_', b'_'));
    let value = upper & byte.wrapping_sub(b'A')
        | lower & byte.wrapping_sub(b'a' - 26)
        | digit & byte.wrapping_sub(b'0').wrapping_add(52)
        | minus & 62
        | underscore & 63;
    value | !(upper | lower | digit | minus | underscore)
}

/// Decodes `text` to the start of `buffer`, without allocation, and returns the decoded part.
///
/// # Errors
///
/// As [`decode`], or the decoded bytes do not fit into `buffer`.
pub fn decode_into(text: impl AsRef<[u8]>, buffer: &mut [u8]) -> Result<&mut [u8], DecodeError> {
    let length = ENGINE.decode_slice(text, buffer).map_err(|_| DecodeError)?;
    Ok(&mut buffer[..length])
}

/// Whether `text` is canonical base64url. Does not decode it.
pub(crate) fn is_canonical(text: &[u8]) -> bool {
    let unused_bits_are_zero = match (text.len() % 4, text.last()) {
        (0, _) => true,
        (2, Some(last)) => b"AQgw".contains(last),
        (3, Some(last)) => b"AEIMQUYcgkosw048".contains(last),
        _ => false,
    };
    // Without a branch, so that the compiler can vectorize the loop.
    unused_bits_are_zero && text.iter().fold(true, |all, &byte| all & is_in_alphabet(byte))
}

/// RFC 4648, table 2.
const fn is_in_alphabet(byte: u8) -> bool {
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
    fn padding_spaces_unused_bits_and_the_standard_alphabet_are_rejected() {
        for text in
            ["Zg==", "Zg=", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm 9v", "+///", "Z", "Zm9vY", "Zm9v.", "Zmé"]
        {
            assert!(decode(text).is_err(), "{text:?}");
            assert!(!is_canonical(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn decode_exact_rejects_any_other_length() {
        assert_eq!(decode_exact::<3>("Zm9v").unwrap(), *b"foo");
        assert!(decode_exact::<2>("Zm9v").is_err());
        assert!(decode_exact::<4>("Zm9v").is_err());
        assert!(decode_exact::<0>("").is_ok());
        assert!(decode_into("Zm9v", &mut [0; 2]).is_err());
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_round_trips(bytes: Vec<u8>) {
            let text = encode(&bytes);
            assert_eq!(decode(&text).unwrap(), bytes);
            assert!(is_canonical(text.as_bytes()));
        }

        #[test]
        fn short_and_long_texts_of_a_fixed_length_decode_alike(
            bytes: [u8; 49],
            at in 0..22_usize,
            byte in any::<u8>(),
        ) {
            assert_eq!(decode_exact::<16>(encode(&bytes[..16])).unwrap(), bytes[..16]);
            assert_eq!(decode_exact::<32>(encode(&bytes[..32])).unwrap(), bytes[..32]);
            assert_eq!(decode_exact::<48>(encode(&bytes[..48])).unwrap(), bytes[..48]);
            assert_eq!(decode_exact(encode(bytes)).unwrap(), bytes);

            let mut changed = encode(&bytes[..16]).into_bytes();
            changed[at] = byte;
            assert_eq!(decode_exact::<16>(&changed).ok(), decode(&changed).ok().map(|all| all.try_into().unwrap()));
            let mut changed = encode(&bytes[..32]).into_bytes();
            changed[42 - at] = byte;
            assert_eq!(decode_exact::<32>(&changed).ok(), decode(&changed).ok().map(|all| all.try_into().unwrap()));
        }

        #[test]
        fn decoded_text_encodes_to_the_same_text(text in "[A-Za-z0-9_=+/-]{0,12}") {
            assert_eq!(is_canonical(text.as_bytes()), decode(&text).is_ok());
            if let Ok(bytes) = decode(&text) {
                assert_eq!(encode(bytes), text);
            }
        }

        #[test]
        fn is_canonical_agrees_with_decode(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            assert_eq!(is_canonical(&bytes), decode(&bytes).is_ok());
        }
    }
}
