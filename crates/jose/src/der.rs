//! A minimal DER reader and writer (X.690) for the structures that contain keys.

/// The tag of an integer.
pub(crate) const INTEGER: u8 = 0x02;
/// The tag of a bit string, which always holds whole bytes here.
pub(crate) const BIT_STRING: u8 = 0x03;
/// The tag of an octet string.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// The tag of a sequence.
pub(crate) const SEQUENCE: u8 = 0x30;

/// Reads the value at the start of `der`, which must have this tag, and returns its content and the bytes
/// after it.
///
/// A length must have its shortest form, as DER requires, and is at most 16 MiB.
pub(crate) fn read_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[actual_tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            let value = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
            let is_shortest = value >= 0x80 && length.first() != Some(&0);
            (is_shortest.then_some(value)?, rest)
        }
        _ => return None,
    };
    (actual_tag == tag).then(|| rest.split_at_checked(length))?
}

/// Reads `der`, which must be one value with this tag and nothing after it, and returns its content.
pub(crate) fn read_single(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (content, []) = read_value(der, tag)? else { return None };
    Some(content)
}

/// Reads a non-negative integer, and returns its big-endian bytes without the sign byte, and the bytes after
/// it.
pub(crate) fn read_unsigned(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (integer, rest) = read_value(der, INTEGER)?;
    match integer {
        [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => None,
        [0, magnitude @ ..] if !magnitude.is_empty() => Some((magnitude, rest)),
        magnitude => Some((magnitude, rest)),
    }
}

/// Encodes a value whose content is the concatenation of `parts`.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len() - 1)..];
    let mut der = Vec::with_capacity(length + 2 + significant.len());
    der.push(tag);
    if length >= 0x80 {
        der.push(0x80 | significant.len() as u8);
    }
    der.extend(significant);
    parts.iter().for_each(|part| der.extend(*part));
    der
}

/// Encodes a non-negative integer from its big-endian bytes, which have no leading zeros.
pub(crate) fn encode_unsigned(magnitude: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if magnitude.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    encode(INTEGER, &[sign, magnitude])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{OCTET_STRING, encode, encode_unsigned, read_single, read_unsigned, read_value};

    #[test]
    fn only_the_shortest_form_of_a_length_is_read() {
        assert_eq!(read_single(&[4, 1, 7], OCTET_STRING), Some(&[7][..]));
        for invalid in [
            &[4][..],
            &[4, 2, 7],
            &[4, 1, 7, 7],
            &[5, 1, 7],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x80, 7, 0, 0],
            &[4, 0x84, 0, 0, 0, 1, 7],
        ] {
            assert_eq!(read_single(invalid, OCTET_STRING), None, "{invalid:?}");
        }
    }

    #[test]
    fn only_shortest_non_negative_integers_are_read() {
        assert_eq!(read_unsigned(&[2, 1, 0]), Some((&[0][..], &[][..])));
        assert_eq!(read_unsigned(&[2, 2, 0, 0x80]), Some((&[0x80][..], &[][..])));
        for invalid in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 2, 0, 0]] {
            assert_eq!(read_unsigned(invalid), None, "{invalid:?}");
        }
        assert_eq!(encode_unsigned(&[]), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn an_encoded_value_is_read_back(content: Vec<u8>, long in 0..70_000_usize) {
            for content in [content, vec![7; long]] {
                let mut der = encode(OCTET_STRING, &[&content]);
                assert_eq!(read_single(&der, OCTET_STRING), Some(&content[..]));
                der.push(9);
                assert_eq!(read_value(&der, OCTET_STRING), Some((&content[..], &[9][..])));
            }
        }
    }
}
