//! DER as text that people pass about (RFC 7468), read strictly: one block of the kind that is asked for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::KeyError;
use crate::wiped;

/// The label of a `SubjectPublicKeyInfo` (RFC 7468, section 13).
pub(crate) const PUBLIC_KEY: &str = "PUBLIC KEY";
/// The label of a PKCS#8 key that is not encrypted (RFC 7468, section 10).
pub(crate) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Beyond this, in bytes, it is no key of ours: RSA with 8192 bits has 6.4 kB.
const MAX_LENGTH: usize = 16 * 1024;

/// The bytes in `pem`: one block with this label, and nothing but white space around it.
///
/// Nothing is guessed. `RSA PUBLIC KEY`, `EC PRIVATE KEY`, certificates and encrypted keys are refused: what is
/// sniffed can be mistaken, and a mistaken public key has been an HMAC secret elsewhere (CVE-2023-48223).
pub(crate) fn read(pem: &str, label: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let refused = KeyError::NotPem(label);
    if pem.len() > MAX_LENGTH {
        return Err(refused);
    }
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = pem.trim_ascii().strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let text = wiped::without_space(body.ok_or(refused)?);
    wiped::base64(&STANDARD, text.as_bytes()).ok_or(refused)
}

/// The text of `der`: lines of 64 characters (RFC 7468, section 2).
pub(crate) fn write(der: &[u8], label: &str) -> String {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = String::with_capacity(text.len() + text.len() / 64 + 2 * label.len() + 40);
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{PUBLIC_KEY, read, write};

    #[test]
    fn only_one_block_of_the_kind_that_is_asked_for_is_read() {
        let pem = write(b"some bytes", PUBLIC_KEY);
        assert_eq!(*read(&pem, PUBLIC_KEY).unwrap(), b"some bytes");
        assert_eq!(*read(&pem.replace('\n', "\r\n"), PUBLIC_KEY).unwrap(), b"some bytes");
        for odd in [
            String::new(),
            pem.replace("PUBLIC", "RSA PUBLIC"),
            pem.replace("PUBLIC KEY", "CERTIFICATE"),
            pem.replace("BEGIN", "begin"),
            format!("{pem}{pem}"),
            format!("hello {pem}"),
            format!("{pem} world"),
            pem.replace('=', ""),
            pem.replace("c29t", "c2-t"),
            pem.replacen('-', "", 1),
            format!("{pem}{}", " ".repeat(20_000)),
        ] {
            assert!(read(&odd, PUBLIC_KEY).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(der: Vec<u8>) {
            let pem = write(&der, PUBLIC_KEY);
            assert!(pem.lines().all(|line| line.len() <= 64));
            assert_eq!(*read(&pem, PUBLIC_KEY).unwrap(), der);
        }
    }
}
