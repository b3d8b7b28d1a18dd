//! Validation of shared secrets for HMAC: minimum length, and no keys or certificates.

use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, PAD};
use serde::de::IgnoredAny;

use crate::algorithm::Algorithm;
use crate::der;
use crate::json;
use crate::key_error::KeyError;
use crate::primitive::Primitive;
use crate::zeroizing_decode::{decode_base64, decode_hex};

/// The minimum content length of a DER key in bytes: that of an EC private key without its curve (RFC 5915).
const MIN_DER_KEY_LEN: usize = 37;

/// The start of keys and certificates in text form: PEM (RFC 7468), SSH (RFC 4716, OpenSSH) and PuTTY.
const KEY_FILE_PREFIXES: [&str; 7] =
    ["-----BEGIN ", "----BEGIN ", "---- ", "ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "PuTTY"];

/// Base64 with or without padding, and with any unused bits.
const LENIENT: GeneralPurposeConfig =
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Validates a secret for `algorithm`. The entropy is not estimated: the operator must use random bytes.
///
/// # Errors
///
/// - [`KeyError::WrongKeyType`]: the algorithm does not use shared secrets.
/// - [`KeyError::SecretTooShort`]: the secret is shorter than the hash (RFC 7518, section 3.2).
/// - [`KeyError::SecretIsKey`]: the secret is a key or certificate, also as hexadecimal or base64 text. An
///   attacker who knows the public key could sign tokens with it (RFC 8725, section 2.1).
pub(crate) fn validate(algorithm: Algorithm, secret: &[u8]) -> Result<(), KeyError> {
    let Primitive::Hmac(hmac) = algorithm.primitive() else { return Err(KeyError::WrongKeyType) };
    if secret.len() < hmac.min_secret_len {
        return Err(KeyError::SecretTooShort(hmac.min_secret_len));
    }
    if is_key_or_its_text(secret) { Err(KeyError::SecretIsKey) } else { Ok(()) }
}

/// Whether `secret` is a key or certificate, or the hexadecimal or base64 text of one.
fn is_key_or_its_text(secret: &[u8]) -> bool {
    let text = secret.trim_ascii();
    let decoded = [decode_hex(text), decode_base64(&STANDARD, text), decode_base64(&URL_SAFE, text)];
    is_key(secret) || decoded.into_iter().flatten().any(|bytes| is_key(&bytes))
}

fn is_key(bytes: &[u8]) -> bool {
    // DER of a key contains control characters. Text can start like DER: `04` is the header of a sequence of
    // 52 bytes.
    if is_text(bytes) { is_key_file(bytes.trim_ascii()) } else { is_der_key(bytes) }
}

/// Whether `text` is a key or certificate in PEM or SSH form, a JWK or a JWK set. Any JSON object counts.
fn is_key_file(text: &[u8]) -> bool {
    KEY_FILE_PREFIXES.iter().any(|prefix| text.starts_with(prefix.as_bytes()))
        || json::parse_object::<IgnoredAny>(text).is_ok()
}

/// Whether `bytes` start with a DER value that contains a key. `SubjectPublicKeyInfo` (RFC 5280, section
/// 4.1.2.7) and certificates start with a sequence; PKCS#8 (RFC 5958, section 2), RSA and EC keys (RFC 8017,
/// appendix A.1; RFC 5915) start with an integer. Bytes after the value are ignored.
///
/// 32 random bytes never match; 64 random bytes match with a probability of less than 10^-6, because nearly
/// three bytes are fixed.
fn is_der_key(bytes: &[u8]) -> bool {
    let Some((content, _)) = der::read_value(bytes, der::SEQUENCE) else { return false };
    content.len() >= MIN_DER_KEY_LEN
        && der::read_value(content, der::SEQUENCE)
            .or_else(|| der::read_value(content, der::INTEGER))
            .is_some()
}

/// Whether `bytes` are UTF-8 without control characters other than white space.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.chars().any(|char| char.is_control() && !char.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::{STANDARD, validate};
    use crate::algorithm::Algorithm;
    use crate::base64url;
    use crate::key_error::KeyError;
    use crate::random;
    use crate::signing_key::SigningKey;
    use crate::verifying_key::VerifyingKey;

    fn error(secret: impl AsRef<[u8]>) -> Option<KeyError> {
        validate(Algorithm::Hs256, secret.as_ref()).err()
    }

    #[test]
    fn random_bytes_are_accepted_also_as_hex_and_base64() {
        for _ in 0..2_000 {
            let secret: [u8; 32] = random::bytes().unwrap();
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = base64url::encode(secret);
            for valid in [&secret[..], hex.as_bytes(), text.as_bytes(), format!("{text}=\n").as_bytes()] {
                assert_eq!(error(valid), None, "{}", valid.escape_ascii());
            }
        }
    }

    #[test]
    fn hex_digits_that_look_like_der_are_accepted() {
        assert_eq!(error("04007cddca0e2328b3dcffac59e435e2fafdfc33105163841463d9d4554a721d"), None);
    }

    #[test]
    fn a_key_in_pem_jwk_or_ssh_form_is_rejected() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
        let jwk = "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}";
        for key in [
            pem,
            &format!("\n{pem}\n"),
            &STANDARD.encode(pem),
            &base64url::encode(pem),
            "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUFqB",
            "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8dE0 user@host",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ user@host",
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY user@host",
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
            jwk,
            &format!("{{\"keys\":[{jwk}]}}"),
        ] {
            assert_eq!(error(key), Some(KeyError::SecretIsKey), "{key}");
        }
    }

    #[test]
    fn a_key_in_der_is_rejected_also_as_hex_and_base64() {
        for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ed25519, Algorithm::MlDsa44] {
            let key = SigningKey::generate(algorithm).unwrap();
            let (public, private) = (key.verifying_key().to_spki().unwrap(), key.to_secret_bytes());
            for der in [&public, private.expose()] {
                for form in forms(der) {
                    let error = VerifyingKey::from_secret(Algorithm::Hs256, "shop", &form).unwrap_err();
                    assert_eq!(error, KeyError::SecretIsKey, "{algorithm}: {}", form.escape_ascii());
                }
            }
        }
    }

    /// A DER key as it appears in files, environment variables and forms.
    fn forms(der: &[u8]) -> Vec<Vec<u8>> {
        let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
        let (padded, url) = (STANDARD.encode(der), base64url::encode(der));
        let with_trailing_bytes = [der, &[10, 7]].concat();
        let texts = [
            format!("{hex}\n"),
            hex.to_uppercase(),
            format!(" {padded}\r\n"),
            padded.trim_end_matches('=').to_owned(),
            url.clone(),
            format!("{url}{}", "=".repeat(url.len().next_multiple_of(4) - url.len())),
            STANDARD.encode(&with_trailing_bytes),
        ];
        [der.to_vec(), with_trailing_bytes].into_iter().chain(texts.map(String::into_bytes)).collect()
    }

    #[test]
    fn a_secret_has_at_least_the_length_of_the_hash() {
        let secret: [u8; 64] = random::bytes().unwrap();
        for (algorithm, length) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert_eq!(validate(algorithm, &secret[..length]), Ok(()));
            assert_eq!(validate(algorithm, &secret[..length - 1]), Err(KeyError::SecretTooShort(length)));
        }
        assert_eq!(validate(Algorithm::Es256, &secret), Err(KeyError::WrongKeyType));
    }
}
