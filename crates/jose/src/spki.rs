//! Conversion between `SubjectPublicKeyInfo` in DER (RFC 5280, section 4.1.2.7) and JWK.

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::der;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::primitive::Primitive;
use crate::rsa;

/// The content of the `AlgorithmIdentifier` of a key, with its parameters (RFC 3279, section 2.3.1; RFC 5480,
/// section 2.1.1; RFC 8410, section 3; RFC 9881, section 2). `None` for algorithms with shared secrets.
const fn algorithm_identifier(algorithm: Algorithm) -> Option<&'static [u8]> {
    const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    Some(match algorithm {
        Algorithm::Es256 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        Algorithm::Es384 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
        Algorithm::Es512 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
        Algorithm::Ed25519 | Algorithm::EdDsa => b"\x06\x03\x2b\x65\x70",
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => RSA,
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => RSA,
        Algorithm::MlDsa44 => b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11",
        Algorithm::MlDsa65 => b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12",
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    })
}

/// Parses `spki`, which must have the key type of `algorithm`. The key itself is not validated here.
pub(crate) fn parse(spki: &[u8], algorithm: Algorithm) -> Result<Jwk, KeyError> {
    let malformed = KeyError::Malformed(algorithm);
    let (identifier, bits) = split(spki).ok_or(malformed)?;
    if algorithm_identifier(algorithm) != Some(identifier) {
        return Err(KeyError::WrongKeyType);
    }
    jwk_from_raw(bits, algorithm).ok_or(malformed)
}

/// Splits `spki` into the content of its algorithm identifier and the bytes of the key.
fn split(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (identifier, rest) = der::read_value(der::read_single(spki, der::SEQUENCE)?, der::SEQUENCE)?;
    // The first byte is the number of unused bits.
    Some((identifier, der::read_single(rest, der::BIT_STRING)?.strip_prefix(&[0])?))
}

/// The JWK for the raw bytes of a public key, as in `SubjectPublicKeyInfo` and in aws-lc-rs: an uncompressed
/// point, an `RSAPublicKey`, or the key itself. `None` for a point in compressed or hybrid form.
pub(crate) fn jwk_from_raw(raw: &[u8], algorithm: Algorithm) -> Option<Jwk> {
    let text = |bytes: &[u8]| Some(base64url::encode(bytes));
    let kty = |kty: &str| Jwk { kty: kty.to_owned(), ..Jwk::default() };
    match algorithm.primitive() {
        Primitive::Ecdsa(curve) => {
            let (x, y) = raw.strip_prefix(&[4])?.split_at_checked(curve.coordinate_len)?;
            Some(Jwk { crv: Some(curve.name.to_owned()), x: text(x), y: text(y), ..kty("EC") })
        }
        Primitive::Ed25519 => Some(Jwk { crv: Some("Ed25519".to_owned()), x: text(raw), ..kty("OKP") }),
        Primitive::Rsa(_) => {
            let (n, e) = rsa::components(raw)?;
            Some(Jwk { n: text(n), e: text(e), ..kty("RSA") })
        }
        Primitive::MlDsa(_) => {
            Some(Jwk { alg: Some(algorithm.as_str().to_owned()), pub_: text(raw), ..kty("AKP") })
        }
        Primitive::Hmac(_) => None,
    }
}

/// Encodes the key in `jwk`, which a [`crate::VerifyingKey`] has validated, as DER.
pub(crate) fn encode(jwk: &Jwk, algorithm: Algorithm) -> Option<Vec<u8>> {
    let identifier = der::encode(der::SEQUENCE, &[algorithm_identifier(algorithm)?]);
    let bytes = |text: &Option<String>| base64url::decode(text.as_ref()?).ok();
    let raw = match algorithm.primitive() {
        Primitive::Ecdsa(_) => [vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat(),
        Primitive::Ed25519 => bytes(&jwk.x)?,
        Primitive::Rsa(_) => {
            let (n, e) = (der::encode_unsigned(&bytes(&jwk.n)?), der::encode_unsigned(&bytes(&jwk.e)?));
            der::encode(der::SEQUENCE, &[&n, &e])
        }
        Primitive::MlDsa(_) => bytes(&jwk.pub_)?,
        Primitive::Hmac(_) => return None,
    };
    Some(der::encode(der::SEQUENCE, &[&identifier, &der::encode(der::BIT_STRING, &[&[0], &raw])]))
}
