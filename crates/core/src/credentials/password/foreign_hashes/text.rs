//! Parsing of base64, numbers and fields in password hashes: every exporter writes them differently.

use counterfoil_jose::base64url;

/// Decodes base64 in any of its alphabets (`+/`, `-_`, passlib's `./`), with or without padding.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    if text.len() - unpadded.len() > 2 {
        return None;
    }
    let canonical: Vec<u8> = unpadded.bytes().map(to_url_alphabet).collect();
    base64url::decode(canonical).ok()
}

const fn to_url_alphabet(byte: u8) -> u8 {
    match byte {
        b'+' | b'.' => b'-',
        b'/' => b'_',
        other => other,
    }
}

/// Decodes hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// Parses a number that consists of decimal digits only: no sign, no white space.
pub(super) fn number(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// The values of `name=value,name=value`, with exactly these names in this order.
pub(super) fn values<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut fields = text.splitn(N, ',');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = fields.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    Some(values)
}

/// The `N` parts of a text like `a$b$c`.
pub(super) fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut fields = text.split('$');
    let mut parts = [""; N];
    for part in &mut parts {
        *part = fields.next()?;
    }
    fields.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_base64_alphabets_are_decoded() {
        for text in ["-_-_", "+/+/", "././"] {
            assert_eq!(bytes(text).unwrap(), [0xfb, 0xff, 0xbf], "{text}");
        }
        assert_eq!(bytes("Bw=="), bytes("Bw"));
        for bad in ["Bw===", "B", "Bw=w", "B w", "é"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn hexadecimal_digits_are_decoded_in_pairs() {
        assert_eq!(hex("00fFa1"), Some(vec![0, 0xff, 0xa1]));
        for bad in ["0", "0g", "+1", "é", "0x"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_values_and_parts_are_parsed_strictly() {
        assert_eq!(number("0600000"), Some(600_000));
        for bad in ["", "+1", "-1", " 1", "1 ", "4294967296", "٣"] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert_eq!(values("a=1,b=2", ["a", "b"]), Some(["1", "2"]));
        for bad in ["a=1", "b=2,a=1", "a1,b=2", ""] {
            assert_eq!(values(bad, ["a", "b"]), None, "{bad}");
        }
        assert_eq!(parts("a$b"), Some(["a", "b"]));
        assert_eq!(parts::<2>("a$b$c"), None);
        assert_eq!(parts::<2>("a"), None);
    }
}
