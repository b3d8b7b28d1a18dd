//! Strict PEM (RFC 7468): exactly one block with the expected label.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::KeyError;
use crate::zeroizing_decode;

/// The label of a `SubjectPublicKeyInfo` (RFC 7468, section 13).
pub(crate) const PUBLIC_KEY: &str = "PUBLIC KEY";
/// The label of an unencrypted PKCS#8 key (RFC 7468, section 10).
pub(crate) const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The maximum length of a PEM text in bytes. An RSA private key with 8192 bits has 6.4 kB.
const MAX_LENGTH: usize = 16 * 1024;

/// Decodes `pem`: one block with this label, and only white space around it.
///
/// The format is not detected: `RSA PUBLIC KEY`, `EC PRIVATE KEY`, certificates and encrypted keys are
/// rejected. Wrong detection let attackers use a public key as an HMAC secret in another library
/// (CVE-2023-48223).
pub(crate) fn decode(pem: &str, label: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let error = KeyError::NotPem(label);
    if pem.len() > MAX_LENGTH {
        return Err(error);
    }
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = pem.trim_ascii().strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let text = zeroizing_decode::strip_whitespace(body.ok_or(error)?);
    zeroizing_decode::decode_base64(&STANDARD, text.as_bytes()).ok_or(error)
}

/// Encodes `der` as one block with lines of 64 characters (RFC 7468, section 2).
pub(crate) fn encode(der: &[u8], label: &str) -> String {
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

    use super::{PUBLIC_KEY, decode, encode};

    #[test]
    fn only_one_block_with_the_expected_label_is_decoded() {
        let pem = encode(b"some bytes", PUBLIC_KEY);
        assert_eq!(*decode(&pem, PUBLIC_KEY).unwrap(), b"some bytes");
        assert_eq!(*decode(&pem.replace('\n', "\r\n"), PUBLIC_KEY).unwrap(), b"some bytes");
        for invalid in [
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
            assert!(decode(&invalid, PUBLIC_KEY).is_err(), "{invalid}");
        }
    }

    proptest! {
        #[test]
        fn an_encoded_block_is_decoded_again(der: Vec<u8>) {
            let pem = encode(&der, PUBLIC_KEY);
            assert!(pem.lines().all(|line| line.len() <= 64));
            assert_eq!(*decode(&pem, PUBLIC_KEY).unwrap(), der);
        }
    }
}
