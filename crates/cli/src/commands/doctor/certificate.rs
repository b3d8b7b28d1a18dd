//! The end of a certificate (RFC 5280, section 4.1).

use counterfoil_jose::Time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The tag of a sequence in DER.
const SEQUENCE: u8 = 0x30;

/// The tag of the version.
const VERSION: u8 = 0xa0;

/// The tag of a time with two digits for the year.
const UTC_TIME: u8 = 0x17;

/// The tag of a time with four digits for the year.
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate in DER ends; `None` if it cannot be read. Its signature has been checked elsewhere.
pub(super) fn not_after(der: &[u8]) -> Option<Time> {
    let (certificate, _) = content(der, SEQUENCE)?;
    let (to_be_signed, _) = content(certificate, SEQUENCE)?;
    let after_version = match content(to_be_signed, VERSION) {
        Some((_, rest)) => rest,
        None => to_be_signed,
    };
    // The serial number, the algorithm, and the name of the authority.
    let validity = (0..3).try_fold(after_version, |rest, _| Some(element(rest)?.2))?;
    let (validity, _) = content(validity, SEQUENCE)?;
    let (_, _, end) = element(validity)?;
    let (tag, text, _) = element(end)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

fn time(tag: u8, text: &str) -> Option<Time> {
    let digits = text.strip_suffix('Z')?;
    let long = match tag {
        // Before 50 it is a year of this century.
        UTC_TIME if *digits.as_bytes().first()? < b'5' => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", long).ok()?;
    let seconds = TimeZone::UTC.to_timestamp(parsed).ok()?.as_second();
    Some(Time::from_unix_seconds(u64::try_from(seconds).ok()?))
}

/// The content of the first element, which must have this tag, and what follows it.
fn content(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == expected).then_some((content, rest))
}

/// The tag and the content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn certificate(end: &[u8]) -> Vec<u8> {
        let version = sequence(VERSION, &[2, 1, 2]);
        let three = [&[2, 1, 7][..], &sequence(SEQUENCE, &[]), &sequence(SEQUENCE, &[])].concat();
        let validity = sequence(SEQUENCE, &[&sequence(UTC_TIME, b"240101000000Z")[..], end].concat());
        sequence(SEQUENCE, &sequence(SEQUENCE, &[version, three, validity].concat()))
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        let at = |seconds| Some(Time::from_unix_seconds(seconds));
        assert_eq!(not_after(&certificate(&sequence(UTC_TIME, b"251124160000Z"))), at(1_764_000_000));
        assert_eq!(
            not_after(&certificate(&sequence(GENERALIZED_TIME, b"20251124160000Z"))),
            at(1_764_000_000)
        );
        for bad in [&b"251124160000"[..], b"251324160000Z", b"", b"x"] {
            assert_eq!(not_after(&certificate(&sequence(UTC_TIME, bad))), None);
        }
    }

    #[test]
    fn what_is_cut_or_not_der_has_no_end() {
        let whole = certificate(&sequence(UTC_TIME, b"251124160000Z"));
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn the_end_of_a_certificate_of_openssl_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let (key, file) = (dir.path().join("key"), dir.path().join("certificate"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "10", "-subj", "/CN=localhost", "-outform", "DER"])
            .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), file.as_os_str()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");

        let end = not_after(&std::fs::read(file).unwrap()).unwrap();

        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
        let days = end.since(Time::from_unix_seconds(now)).as_secs().div_ceil(24 * 60 * 60);
        assert_eq!(days, 10);
    }
}
