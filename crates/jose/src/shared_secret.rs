//! What may be a shared secret: as many bytes as the hash, drawn at random, and no password.

use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, PAD};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::der;
use crate::key_error::KeyError;
use crate::scheme::Scheme;
use crate::wiped;

/// The least bytes of a key in DER, within the sequence that it is: an EC key without its curve (RFC 5915).
const SHORTEST_KEY: usize = 37;

/// Base64 as people pass it about, with padding or without, whatever its last spare bits are.
const LENIENT: GeneralPurposeConfig =
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether it is DER of a key, or that written down as text. DER has tags that no text has; but the digits `04` are
/// those of a sequence of 52 bytes.
fn is_key(secret: &[u8]) -> bool {
    let text = secret.trim_ascii();
    let is_in_text = |read: Option<Zeroizing<Vec<u8>>>| read.is_some_and(|der| is_key_in_der(&der));
    (!is_text(secret) && is_key_in_der(secret))
        || is_in_text(wiped::hexadecimal(text))
        || is_in_text(wiped::base64(&STANDARD, text))
        || is_in_text(wiped::base64(&URL_SAFE, text))
}

/// Whether it begins with a value of DER in which keys come: `SubjectPublicKeyInfo` begins with the sequence that
/// names its type (RFC 5280, section 4.1.2.7), and so does a certificate; PKCS#8 (RFC 5958, section 2) and the
/// forms of RSA and EC (RFC 8017, appendix A.1; RFC 5915) begin with a number. Whatever follows makes it no better.
///
/// Of 64 random bytes this is true less than once in 10^6 times: nearly three bytes are given, and of 32 never.
fn is_key_in_der(secret: &[u8]) -> bool {
    let Some((content, _)) = der::take(secret, der::SEQUENCE) else { return false };
    content.len() >= SHORTEST_KEY
        && der::take(content, der::SEQUENCE).or_else(|| der::take(content, der::INTEGER)).is_some()
}

/// How many different bytes a secret must have. Of 32 random bytes, some 30 differ; fewer than 16 do once in
/// 10^20 times. Zeros, a repeated word and a counter to ten do not pass.
const DIFFERENT_BYTES: usize = 16;
/// The same for base64 text, of whose 64 signs some 31 occur in 43.
const DIFFERENT_SIGNS: usize = 20;
/// The same for hexadecimal text, of whose 16 digits nearly all occur in 64.
const DIFFERENT_DIGITS: usize = 10;

/// Refuses a secret that is shorter than the hash of `algorithm` (RFC 7518, section 3.2) or that a person may
/// have chosen (RFC 8725, section 3.5). An algorithm without secrets is refused too.
///
/// Entropy cannot be measured, but what is plainly no random key can be told:
///
/// - bytes of which some are not printable are taken for random ones, if at least 16 of them differ;
/// - DER of a key, public or private, is no secret, nor is its hexadecimal or base64 text: who knows the public key
///   could sign with it;
/// - text is taken only in the forms in which random bytes are written down, hexadecimal or base64 of either
///   alphabet, and counted by the bits that it can hold: 4 or 6 for each sign, together as many as the hash has.
///   Base64 has capital and small letters in it. Anything else that reads as text is a password.
pub(crate) fn judge(algorithm: Algorithm, secret: &[u8]) -> Result<(), KeyError> {
    let Scheme::Hmac(mac) = algorithm.scheme() else { return Err(KeyError::WrongType) };
    if secret.len() < mac.secret_len {
        return Err(KeyError::ShortSecret(mac.secret_len));
    }
    if is_key(secret) {
        return Err(KeyError::WrongType);
    }
    let different = different(secret);
    let is_random = if is_text(secret) {
        let bits = bits_of_text(secret, different);
        bits >= 8 * mac.secret_len
    } else {
        different >= DIFFERENT_BYTES
    };
    if is_random { Ok(()) } else { Err(KeyError::Password) }
}

/// How many different bytes there are.
fn different(secret: &[u8]) -> usize {
    let mut seen = [false; 256];
    secret.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|&&seen| seen).count()
}

/// Whether it reads as text of any language.
fn is_text(secret: &[u8]) -> bool {
    std::str::from_utf8(secret)
        .is_ok_and(|text| !text.chars().any(|sign| sign.is_control() && !sign.is_whitespace()))
}

/// How many bits the text can hold as a way to write random bytes down; 0 where it is none.
fn bits_of_text(text: &[u8], different: usize) -> usize {
    let text = text.trim_ascii_end();
    let signs = text.iter().rev().skip_while(|&&byte| byte == b'=').count();
    let has = |is: fn(&u8) -> bool| text.iter().any(is);
    let all = |is: fn(&u8) -> bool| text[..signs].iter().all(is);
    if all(u8::is_ascii_hexdigit) && different >= DIFFERENT_DIGITS {
        return 4 * signs;
    }
    let is_base64 = all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase);
    if is_base64 && different >= DIFFERENT_SIGNS { 6 * signs } else { 0 }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{STANDARD, judge};
    use crate::algorithm::Algorithm;
    use crate::base64url;
    use crate::key_error::KeyError;
    use crate::random;
    use crate::signing_key::SigningKey;
    use crate::verifying_key::VerifyingKey;

    fn refusal(secret: impl AsRef<[u8]>) -> Option<KeyError> {
        judge(Algorithm::Hs256, secret.as_ref()).err()
    }

    #[test]
    fn random_bytes_pass_however_they_are_written_down() {
        for _ in 0..2_000 {
            let secret: [u8; 32] = random::bytes().unwrap();
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = base64url::encode(secret);
            for good in [&secret[..], hex.as_bytes(), text.as_bytes(), format!("{text}=\n").as_bytes()] {
                assert_eq!(refusal(good), None, "{}", good.escape_ascii());
            }
        }
    }

    #[test]
    fn digits_that_happen_to_read_as_der_pass() {
        assert_eq!(refusal("04007cddca0e2328b3dcffac59e435e2fafdfc33105163841463d9d4554a721d"), None);
    }

    #[test]
    fn what_people_choose_is_refused() {
        for password in [
            "your-256-bit-secret-your-256-bit-secret",
            "correct horse battery staple correct horse battery staple",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "Password1Password1Password1Password1Password1",
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}",
            "der Schlüssel ist unter der Fußmatte, wie immer",
        ] {
            assert_eq!(refusal(password), Some(KeyError::Password), "{password}");
        }
        assert_eq!(refusal([0; 64]), Some(KeyError::Password));
        assert_eq!(refusal([7; 32]), Some(KeyError::Password));
    }

    /// Who has the public key could sign with it: the confusion of algorithms by an operator's hand.
    #[test]
    fn a_key_in_der_is_no_secret() {
        for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ed25519, Algorithm::MlDsa44] {
            let key = SigningKey::generate(algorithm).unwrap();
            let (public, private) = (key.verifying_key().to_spki().unwrap(), key.to_secret_bytes());
            for der in [&public, private.expose()] {
                for form in forms(der) {
                    let refused = VerifyingKey::from_secret(Algorithm::Hs256, "shop", &form);
                    let form = form.escape_ascii();
                    assert_eq!(refused.unwrap_err(), KeyError::WrongType, "{algorithm}: {form}");
                }
            }
        }
    }

    /// A key as it comes out of files, environments and forms.
    fn forms(der: &[u8]) -> Vec<Vec<u8>> {
        let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
        let (padded, url) = (STANDARD.encode(der), base64url::encode(der));
        let more = [der, &[10, 7]].concat();
        let texts = [
            format!("{hex}\n"),
            hex.to_uppercase(),
            format!(" {padded}\r\n"),
            padded.trim_end_matches('=').to_owned(),
            url.clone(),
            format!("{url}{}", "=".repeat(url.len().next_multiple_of(4) - url.len())),
            STANDARD.encode(&more),
        ];
        [der.to_vec(), more].into_iter().chain(texts.map(String::into_bytes)).collect()
    }

    #[test]
    fn a_secret_has_as_many_bits_as_the_hash() {
        let secret: [u8; 64] = random::bytes().unwrap();
        for (algorithm, length) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert_eq!(judge(algorithm, &secret[..length]), Ok(()));
            assert_eq!(judge(algorithm, &secret[..length - 1]), Err(KeyError::ShortSecret(length)));
            // Text of as many bytes holds fewer bits.
            let text = base64url::encode(&secret[..length - 3]);
            assert_eq!(judge(algorithm, text.as_bytes()), Err(KeyError::Password));
        }
        assert_eq!(judge(Algorithm::Es256, &secret), Err(KeyError::WrongType));
    }
}
