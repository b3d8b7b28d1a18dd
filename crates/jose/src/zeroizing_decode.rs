//! Decoding of base64 and hexadecimal text of secrets, with every intermediate copy wiped.

use base64::Engine;
use zeroize::Zeroizing;

/// Decodes base64 `text` with `engine`. Bytes that were decoded before an error are wiped too.
pub(crate) fn decode_base64(engine: &impl Engine, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Allocated once: a buffer that grows leaves copies that are not wiped.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = engine.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Decodes hexadecimal `text`.
pub(crate) fn decode_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for &[high, low] in pairs {
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    Some(bytes)
}

/// Returns `text` without white space.
pub(crate) fn strip_whitespace(text: &str) -> Zeroizing<String> {
    // Allocated once: a string that grows leaves copies that are not wiped.
    let mut stripped = Zeroizing::new(String::with_capacity(text.len()));
    stripped.extend(text.split_ascii_whitespace());
    stripped
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::{decode_base64, decode_hex, strip_whitespace};

    #[test]
    fn valid_text_is_decoded_and_invalid_text_is_rejected() {
        assert_eq!(**decode_base64(&STANDARD, b"Zm9v").unwrap(), *b"foo");
        assert_eq!(**decode_hex(b"666F6f").unwrap(), *b"foo");
        for invalid in ["Zm9", "Zm9v!", "Z"] {
            assert!(decode_base64(&STANDARD, invalid.as_bytes()).is_none(), "{invalid}");
        }
        for invalid in ["6", "66g0", "+6"] {
            assert!(decode_hex(invalid.as_bytes()).is_none(), "{invalid}");
        }
    }

    #[test]
    fn the_stripped_text_is_allocated_only_once() {
        let lines = "MC4CAQAwBQYDK2VwBCIEIA==\n".repeat(100);

        let text = strip_whitespace(&lines);

        assert_eq!(text.len(), 2_400);
        assert_eq!(text.capacity(), lines.len());
    }
}
