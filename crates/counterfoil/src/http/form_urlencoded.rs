//! Decodes `application/x-www-form-urlencoded` (URL standard, section 5.1; RFC 6749, appendix B).

use zeroize::Zeroizing;

/// The decoded text. `None` for an incomplete escape and for bytes that are not UTF-8: two parsers could read them
/// differently. It may be a secret, and is wiped when dropped.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<String>> {
    // Large enough for every result, so that no copy is left behind in memory.
    let mut decoded = Zeroizing::new(String::with_capacity(text.len()));
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                hex(digits[0])? << 4 | hex(digits[1])?
            }
            other => other,
        });
    }
    decoded.push_str(std::str::from_utf8(&bytes).ok()?);
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoded: &str) -> Option<String> {
        decode(encoded.as_bytes()).map(|decoded| decoded.to_string())
    }

    #[test]
    fn escapes_and_plus_signs_are_decoded() {
        assert_eq!(text("a+b%2Bc%5f%C3%A9").as_deref(), Some("a b+c_\u{e9}"));
        assert_eq!(text("").as_deref(), Some(""));
    }

    #[test]
    fn an_incomplete_escape_and_other_bytes_than_utf_8_are_rejected() {
        for bad in ["%", "a%2", "%2x", "%+1", "%-1", "%ff", "%c3%28"] {
            assert_eq!(text(bad), None, "{bad}");
        }
        assert!(decode(b"a\xff").is_none());
    }
}
