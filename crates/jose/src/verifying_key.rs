//! Keys that verify signatures: import, validation and export.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::header::Header;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::key_id::is_valid_key_id;
use crate::pem;
use crate::primitive::{Curve, Primitive};
use crate::rsa;
use crate::shared_secret;
use crate::spki;

/// A public key or shared secret that verifies, for exactly one algorithm. Cloning is cheap.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeyError, SigningKey, VerifyingKey};
///
/// let key = SigningKey::generate(Algorithm::Es256)?.verifying_key();
/// let mut jwk = key.jwk().expect("a public key");
/// assert_eq!(VerifyingKey::from_jwk(&jwk, None)?.kid(), key.kid());
///
/// // Without `alg`, the caller must name the algorithm. A token cannot select it.
/// jwk.alg = None;
/// assert_eq!(VerifyingKey::from_jwk(&jwk, None).unwrap_err(), KeyError::MissingAlgorithm);
/// assert!(VerifyingKey::from_jwk(&jwk, Some(Algorithm::Es256)).is_ok());
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    algorithm: Algorithm,
    kid: Arc<str>,
    material: KeyMaterial,
    /// The header of the first token that this key verified, with its segment. Most tokens of a key have the
    /// same header, which is then parsed only once.
    cached_header: OnceLock<(Box<str>, Header)>,
}

enum KeyMaterial {
    Public { parsed: ParsedPublicKey, jwk: Box<Jwk> },
    // On the heap: moving the prepared state would leave copies that are not wiped.
    Shared(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Parses and validates the public key in `jwk`. The algorithm is `alg`, which must equal `expected` if
    /// that is given, or else `expected`. The id is `kid`, or else the thumbprint.
    ///
    /// # Errors
    ///
    /// No algorithm, or not the expected one; a `kty` or `crv` that does not match it; `use` other than
    /// `sig`, or `key_ops` without `verify`; a point that is not on the curve; an RSA key with fewer than
    /// 2048 bits, with an invalid exponent or with the ROCA weakness. For a symmetric JWK
    /// [`KeyError::WrongKeyType`]: use [`VerifyingKey::from_secret`].
    pub fn from_jwk(jwk: &Jwk, expected: Option<Algorithm>) -> Result<Self, KeyError> {
        let algorithm = jwk.resolve_algorithm(expected)?;
        if !jwk.allows_verifying() {
            return Err(KeyError::WrongUse);
        }
        let parsed = parse_public(jwk, algorithm)?;
        let kid = jwk.kid.clone().map_or_else(|| jwk.thumbprint(), Ok)?;
        if !is_valid_key_id(&kid) {
            return Err(KeyError::BadKeyId);
        }
        let jwk = Box::new(jwk.to_published(&kid, algorithm));
        Ok(Self::new(algorithm, &kid, KeyMaterial::Public { parsed, jwk }))
    }

    /// Makes a key with the id `kid` from a shared secret, for HS256, HS384 or HS512.
    ///
    /// The secret must be random, and have at least the length of the hash. It is used as it is: hexadecimal
    /// or base64 text is not decoded, as in other libraries.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, KeyError, SigningKey, VerifyingKey};
    ///
    /// let text = b"8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";
    /// assert!(VerifyingKey::from_secret(Algorithm::Hs256, "shop", text).is_ok());
    ///
    /// let public_key = SigningKey::generate(Algorithm::Es256)?.verifying_key().to_pem().expect("a public key");
    /// let result = VerifyingKey::from_secret(Algorithm::Hs256, "shop", public_key.as_bytes());
    /// assert_eq!(result.unwrap_err(), KeyError::SecretIsKey);
    /// # Ok::<(), KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A secret that is shorter than the hash (RFC 7518, section 3.2), or that is a key or certificate in
    /// PEM, DER, JWK or SSH form; an algorithm with public keys; an id that is empty or longer than 128
    /// bytes.
    pub fn from_secret(algorithm: Algorithm, kid: &str, secret: &[u8]) -> Result<Self, KeyError> {
        shared_secret::validate(algorithm, secret)?;
        let Primitive::Hmac(parameters) = algorithm.primitive() else { return Err(KeyError::WrongKeyType) };
        if !is_valid_key_id(kid) {
            return Err(KeyError::BadKeyId);
        }
        Ok(Self::new(algorithm, kid, KeyMaterial::Shared(Box::new(hmac::Key::new(parameters.hash, secret)))))
    }

    /// Parses a public key for `algorithm` from `pem`, one block `PUBLIC KEY` (RFC 7468, section 13). The id
    /// is the thumbprint; [`VerifyingKey::with_kid`] sets another id.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotPem`] for any other block, such as a certificate. Otherwise as
    /// [`VerifyingKey::from_spki`].
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Self::from_spki(algorithm, &pem::decode(pem, pem::PUBLIC_KEY)?)
    }

    /// Parses a public key for `algorithm` from `spki`, `SubjectPublicKeyInfo` in DER (RFC 5280, section
    /// 4.1.2.7).
    ///
    /// # Errors
    ///
    /// Not a `SubjectPublicKeyInfo`, another key type, and the errors of [`VerifyingKey::from_jwk`].
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, KeyError> {
        Self::from_jwk(&spki::parse(spki, algorithm)?, Some(algorithm))
    }

    /// The same key with another id, for an issuer whose tokens have this `kid`.
    ///
    /// # Errors
    ///
    /// [`KeyError::BadKeyId`]: the id is empty or longer than 128 bytes.
    pub fn with_kid(&self, kid: &str) -> Result<Self, KeyError> {
        if !is_valid_key_id(kid) {
            return Err(KeyError::BadKeyId);
        }
        let material = match &self.0.material {
            KeyMaterial::Shared(key) => KeyMaterial::Shared(key.clone()),
            KeyMaterial::Public { parsed, jwk } => {
                let jwk = Box::new(Jwk { kid: Some(kid.to_owned()), ..Jwk::clone(jwk) });
                KeyMaterial::Public { parsed: parsed.clone(), jwk }
            }
        };
        Ok(Self::new(self.algorithm(), kid, material))
    }

    fn new(algorithm: Algorithm, kid: &str, material: KeyMaterial) -> Self {
        Self(Arc::new(Inner { algorithm, kid: kid.into(), material, cached_header: OnceLock::new() }))
    }

    /// The algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The key id (`kid`).
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The public key as a JWK for publication, with `kid`, `alg` and `use`; `None` for a shared secret.
    pub fn jwk(&self) -> Option<Jwk> {
        match &self.0.material {
            KeyMaterial::Public { jwk, .. } => Some(Jwk::clone(jwk)),
            KeyMaterial::Shared(_) => None,
        }
    }

    /// The public key as `SubjectPublicKeyInfo` in DER; `None` for a shared secret.
    pub fn to_spki(&self) -> Option<Vec<u8>> {
        spki::encode(&self.jwk()?, self.0.algorithm)
    }

    /// The public key as PEM, one block `PUBLIC KEY`; `None` for a shared secret.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, SigningKey, VerifyingKey};
    ///
    /// let key = SigningKey::generate(Algorithm::Es384)?.verifying_key();
    /// let pem = key.to_pem().expect("a public key");
    /// assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    /// assert_eq!(VerifyingKey::from_pem(Algorithm::Es384, &pem)?.kid(), key.kid());
    /// # Ok::<(), counterfoil_jose::KeyError>(())
    /// ```
    pub fn to_pem(&self) -> Option<String> {
        Some(pem::encode(&self.to_spki()?, pem::PUBLIC_KEY))
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.0.algorithm.is_symmetric()
    }

    pub(crate) fn shared_kid(&self) -> Arc<str> {
        Arc::clone(&self.0.kid)
    }

    /// The cached header, if its segment is `segment`.
    pub(crate) fn cached_header(&self, segment: &str) -> Option<&Header> {
        self.0.cached_header.get().filter(|(cached, _)| **cached == *segment).map(|(_, header)| header)
    }

    /// Caches the header of a token that this key verified, unless one is cached. Only the owner of the key
    /// can write to the cache.
    pub(crate) fn cache_header(&self, segment: &str, header: &Header) {
        self.0.cached_header.get_or_init(|| (segment.into(), header.clone()));
    }

    /// Whether `signature` is valid for `message`. This is the primitive, for data other than tokens. ECDSA
    /// signatures are R and S, each with the length of a coordinate (RFC 7518, section 3.4).
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.material {
            KeyMaterial::Public { parsed, .. } => parsed.verify_sig(message, signature).is_ok(),
            // Compares the complete MAC in constant time.
            KeyMaterial::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// Parses and validates the public key in `jwk` for `algorithm`.
fn parse_public(jwk: &Jwk, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
    if !jwk.matches(algorithm) {
        return Err(KeyError::WrongKeyType);
    }
    let parsed = match algorithm.primitive() {
        Primitive::Ecdsa(curve) => parse_point(jwk, curve),
        Primitive::Ed25519 => decode_exact(&jwk.x, 32).and_then(|x| ParsedPublicKey::new(&ED25519, x).ok()),
        Primitive::Rsa(scheme) => return rsa::parse_public(jwk, algorithm, scheme.verifying),
        Primitive::MlDsa(parameters) => decode_exact(&jwk.pub_, parameters.signing.public_key_len())
            .and_then(|raw| ParsedPublicKey::new(parameters.verifying, raw).ok()),
        Primitive::Hmac(_) => return Err(KeyError::WrongKeyType),
    };
    parsed.ok_or(KeyError::Malformed(algorithm))
}

fn parse_point(jwk: &Jwk, curve: Curve) -> Option<ParsedPublicKey> {
    let x = decode_exact(&jwk.x, curve.coordinate_len)?;
    let y = decode_exact(&jwk.y, curve.coordinate_len)?;
    // An uncompressed point is not at infinity (SEC 1, section 2.3.3). aws-lc-rs checks that it is on the
    // curve.
    let point = [&[4][..], &x, &y].concat();
    ParsedPublicKey::new(curve.verifying, point).ok()
}

/// Decodes exactly `length` bytes: leading zeros of a coordinate are not omitted (RFC 7518, section 6.2.1.2).
fn decode_exact(text: &Option<String>, length: usize) -> Option<Vec<u8>> {
    base64url::decode(text.as_ref()?).ok().filter(|bytes| bytes.len() == length)
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.0.algorithm, self.0.kid)
    }
}
