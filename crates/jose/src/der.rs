//! Just as much of DER (X.690) as keys are wrapped in: lengths, and values one in another.

/// A whole number.
pub(crate) const INTEGER: u8 = 0x02;
/// Bits, here always whole bytes.
pub(crate) const BIT_STRING: u8 = 0x03;
/// Bytes.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Values one behind the other.
pub(crate) const SEQUENCE: u8 = 0x30;

/// The content of the value at the front, which has this tag, and what follows it.
///
/// A length is read only in its shortest form, as DER demands; beyond 16 MiB it is no key's.
pub(crate) fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk()?;
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
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// The content of the one value that `der` is.
pub(crate) fn only(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (content, []) = take(der, tag)? else { return None };
    Some(content)
}

/// A number that is not negative, without the byte that says so.
pub(crate) fn take_unsigned(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (integer, rest) = take(der, INTEGER)?;
    match integer {
        [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => None,
        [0, magnitude @ ..] if !magnitude.is_empty() => Some((magnitude, rest)),
        magnitude => Some((magnitude, rest)),
    }
}

/// A value of the parts, one behind the other.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
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

/// The number with this magnitude, big-endian and without leading zeros.
pub(crate) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if magnitude.first().is_none_or(|&first| first >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[sign, magnitude])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{OCTET_STRING, only, take, take_unsigned, unsigned, value};

    #[test]
    fn a_length_has_one_form() {
        assert_eq!(only(&[4, 1, 7], OCTET_STRING), Some(&[7][..]));
        for odd in [
            &[4][..],
            &[4, 2, 7],
            &[4, 1, 7, 7],
            &[5, 1, 7],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 0x80, 7, 0, 0],
            &[4, 0x84, 0, 0, 0, 1, 7],
        ] {
            assert_eq!(only(odd, OCTET_STRING), None, "{odd:?}");
        }
    }

    #[test]
    fn a_number_has_one_form_and_no_sign() {
        assert_eq!(take_unsigned(&[2, 1, 0]), Some((&[0][..], &[][..])));
        assert_eq!(take_unsigned(&[2, 2, 0, 0x80]), Some((&[0x80][..], &[][..])));
        for odd in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 2, 0, 0]] {
            assert_eq!(take_unsigned(odd), None, "{odd:?}");
        }
        assert_eq!(unsigned(&[]), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content: Vec<u8>, long in 0..70_000_usize) {
            for content in [content, vec![7; long]] {
                let mut der = value(OCTET_STRING, &[&content]);
                assert_eq!(only(&der, OCTET_STRING), Some(&content[..]));
                der.push(9);
                assert_eq!(take(&der, OCTET_STRING), Some((&content[..], &[9][..])));
            }
        }
    }
}
