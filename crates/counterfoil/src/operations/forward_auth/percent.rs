//! Percent-encoding (RFC 3986, section 2.1).

/// The text with every byte encoded that `is_plain` does not allow. It is ASCII.
pub(super) fn encode(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii() && is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The decoded text. `None` for an incomplete escape, and for bytes that are not UTF-8. A plus sign is a plus sign.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        rest = after;
        bytes.push(hex(digits[0])? << 4 | hex(digits[1])?);
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        let encoded = encode("a b%+é", |byte| byte.is_ascii_alphabetic());

        assert_eq!(encoded, "a%20b%25%2B%C3%A9");
        assert_eq!(decode(&encoded).as_deref(), Some("a b%+é"));
        assert_eq!(decode("a+b").as_deref(), Some("a+b"));
    }

    #[test]
    fn an_incomplete_escape_is_refused() {
        for bad in ["%", "a%2", "%2x", "%ff", "%+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
