//! Public keys in DER: `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7), to and from a JWK.

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::der;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::rsa;
use crate::scheme::Scheme;

/// The identifier of a key's type with its parameters, whole: nothing of it is open (RFC 3279, section
/// 2.3.1; RFC 5480, section 2.1.1; RFC 8410, section 3; RFC 9881, section 2). None for shared secrets.
const fn identifier(algorithm: Algorithm) -> Option<&'static [u8]> {
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

/// The key in `spki`, which must be of the type that `algorithm` needs. Whether it is a good one is not
/// judged here.
pub(crate) fn read(spki: &[u8], algorithm: Algorithm) -> Result<Jwk, KeyError> {
    let malformed = KeyError::Malformed(algorithm);
    let (found, bits) = parts(spki).ok_or(malformed)?;
    if identifier(algorithm) != Some(found) {
        return Err(KeyError::WrongType);
    }
    of_raw(bits, algorithm).ok_or(malformed)
}

/// The identifier and the key itself.
fn parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (identifier, rest) = der::take(der::only(spki, der::SEQUENCE)?, der::SEQUENCE)?;
    // The first byte counts the bits that are not used.
    Some((identifier, der::only(rest, der::BIT_STRING)?.strip_prefix(&[0])?))
}

/// The public JWK of the bytes that the library shows and DER wraps: an uncompressed point, an
/// `RSAPublicKey`, or the key itself. A point in another form is none.
pub(crate) fn of_raw(raw: &[u8], algorithm: Algorithm) -> Option<Jwk> {
    let text = |bytes: &[u8]| Some(base64url::encode(bytes));
    let kty = |kty: &str| Jwk { kty: kty.to_owned(), ..Jwk::default() };
    match algorithm.scheme() {
        Scheme::Ecdsa(curve) => {
            let (x, y) = raw.strip_prefix(&[4])?.split_at_checked(curve.coordinate)?;
            Some(Jwk { crv: Some(curve.name.to_owned()), x: text(x), y: text(y), ..kty("EC") })
        }
        Scheme::Ed25519 => Some(Jwk { crv: Some("Ed25519".to_owned()), x: text(raw), ..kty("OKP") }),
        Scheme::Rsa(_) => {
            let (n, e) = rsa::components(raw)?;
            Some(Jwk { n: text(n), e: text(e), ..kty("RSA") })
        }
        Scheme::MlDsa(_) => {
            Some(Jwk { alg: Some(algorithm.as_str().to_owned()), pub_: text(raw), ..kty("AKP") })
        }
        Scheme::Hmac(_) => None,
    }
}

/// The key of `jwk`, which a [`crate::VerifyingKey`] has judged, in DER.
pub(crate) fn write(jwk: &Jwk, algorithm: Algorithm) -> Option<Vec<u8>> {
    let identifier = der::value(der::SEQUENCE, &[identifier(algorithm)?]);
    let bytes = |text: &Option<String>| base64url::decode(text.as_ref()?).ok();
    let raw = match algorithm.scheme() {
        Scheme::Ecdsa(_) => [vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat(),
        Scheme::Ed25519 => bytes(&jwk.x)?,
        Scheme::Rsa(_) => {
            let (n, e) = (der::unsigned(&bytes(&jwk.n)?), der::unsigned(&bytes(&jwk.e)?));
            der::value(der::SEQUENCE, &[&n, &e])
        }
        Scheme::MlDsa(_) => bytes(&jwk.pub_)?,
        Scheme::Hmac(_) => return None,
    };
    Some(der::value(der::SEQUENCE, &[&identifier, &der::value(der::BIT_STRING, &[&[0], &raw])]))
}
