//! The half of a key that verifies, parsed once and bound to one algorithm.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::header::Header;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::key_id::is_key_id;
use crate::pem;
use crate::rsa;
use crate::scheme::{Curve, Scheme};
use crate::shared_secret;
use crate::spki;

/// A key that verifies, for exactly one algorithm. Cloning it is cheap.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeyError, SigningKey, VerifyingKey};
///
/// let key = SigningKey::generate(Algorithm::Es256)?.verifying_key();
/// let mut jwk = key.jwk().expect("a public key");
/// assert_eq!(VerifyingKey::from_jwk(&jwk, None)?.kid(), key.kid());
///
/// // Without `alg`, the configuration says what the key is for; a token never does.
/// jwk.alg = None;
/// assert_eq!(VerifyingKey::from_jwk(&jwk, None).unwrap_err(), KeyError::NoAlgorithm);
/// assert!(VerifyingKey::from_jwk(&jwk, Some(Algorithm::Es256)).is_ok());
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    algorithm: Algorithm,
    kid: Arc<str>,
    material: Material,
    /// The header of the first token that this key vouched for, with its segment. Most tokens of one
    /// key have the same: it is read once.
    known: OnceLock<(Box<str>, Header)>,
}

enum Material {
    Public { parsed: ParsedPublicKey, jwk: Box<Jwk> },
    // On the heap: moving the prepared state about would leave copies that nobody wipes.
    Shared(Box<hmac::Key>),
}

impl VerifyingKey {
    /// The key that `jwk` describes, for the algorithm that it names or else the configured one.
    ///
    /// Its id is its `kid`, or else its thumbprint. Private members are not looked at.
    ///
    /// # Errors
    ///
    /// No algorithm, or two that differ; a type or curve that does not fit it; `use` other than
    /// `sig`, or `key_ops` without `verify`; a point off the curve; an RSA key of fewer than 2048
    /// bits, with a bad exponent or from a broken generator. A symmetric JWK is
    /// [`KeyError::WrongType`]: shared secrets come by [`VerifyingKey::from_secret`].
    pub fn from_jwk(jwk: &Jwk, configured: Option<Algorithm>) -> Result<Self, KeyError> {
        let algorithm = jwk.bound_algorithm(configured)?;
        if !jwk.may_verify() {
            return Err(KeyError::WrongUse);
        }
        let parsed = parse_public(jwk, algorithm)?;
        let kid = jwk.kid.clone().map_or_else(|| jwk.thumbprint(), Ok)?;
        if !is_key_id(&kid) {
            return Err(KeyError::BadKeyId);
        }
        let jwk = Box::new(jwk.published(&kid, algorithm));
        Ok(Self::new(algorithm, &kid, Material::Public { parsed, jwk }))
    }

    /// The key of a shared secret, for HS256, HS384 or HS512, known as `kid`.
    ///
    /// The secret is random bytes, at least as many as the hash has, or their hexadecimal or base64 text,
    /// which is then used as it stands: the characters, not what they encode, as other libraries do.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, KeyError, VerifyingKey};
    ///
    /// let text = b"8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";
    /// assert!(VerifyingKey::from_secret(Algorithm::Hs256, "shop", text).is_ok());
    ///
    /// let password = b"correct horse battery staple, and once more";
    /// let refused = VerifyingKey::from_secret(Algorithm::Hs256, "shop", password);
    /// assert_eq!(refused.unwrap_err(), KeyError::Password);
    /// ```
    ///
    /// # Errors
    ///
    /// A secret of fewer bytes than the hash (RFC 7518, section 3.2) or that looks like a password (RFC 8725,
    /// section 3.5), the DER of a key, an algorithm of public keys, an id that is empty or too long.
    pub fn from_secret(algorithm: Algorithm, kid: &str, secret: &[u8]) -> Result<Self, KeyError> {
        shared_secret::judge(algorithm, secret)?;
        let Scheme::Hmac(mac) = algorithm.scheme() else { return Err(KeyError::WrongType) };
        if !is_key_id(kid) {
            return Err(KeyError::BadKeyId);
        }
        Ok(Self::new(algorithm, kid, Material::Shared(Box::new(hmac::Key::new(mac.hash, secret)))))
    }

    /// The public key in `pem`, one block `PUBLIC KEY` (RFC 7468, section 13), for `algorithm`. It is known by
    /// its thumbprint; [`VerifyingKey::known_as`] gives it another id.
    ///
    /// # Errors
    ///
    /// Any other block, a certificate among them, and what [`VerifyingKey::from_jwk`] refuses.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Self::from_spki(algorithm, &pem::read(pem, pem::PUBLIC_KEY)?)
    }

    /// The public key in `spki`, `SubjectPublicKeyInfo` in DER (RFC 5280, section 4.1.2.7), for `algorithm`.
    ///
    /// # Errors
    ///
    /// DER of another type of key or of none, and what [`VerifyingKey::from_jwk`] refuses.
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, KeyError> {
        Self::from_jwk(&spki::read(spki, algorithm)?, Some(algorithm))
    }

    /// The same key under another id: the one by which tokens of a foreign issuer name it.
    ///
    /// # Errors
    ///
    /// The id is empty or longer than 128 bytes.
    pub fn known_as(&self, kid: &str) -> Result<Self, KeyError> {
        if !is_key_id(kid) {
            return Err(KeyError::BadKeyId);
        }
        let material = match &self.0.material {
            Material::Shared(key) => Material::Shared(key.clone()),
            Material::Public { parsed, jwk } => {
                let jwk = Box::new(Jwk { kid: Some(kid.to_owned()), ..Jwk::clone(jwk) });
                Material::Public { parsed: parsed.clone(), jwk }
            }
        };
        Ok(Self::new(self.algorithm(), kid, material))
    }

    fn new(algorithm: Algorithm, kid: &str, material: Material) -> Self {
        Self(Arc::new(Inner { algorithm, kid: kid.into(), material, known: OnceLock::new() }))
    }

    /// The one algorithm that this key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The id by which tokens name this key.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The key to publish: public members, `kid`, `alg` and `use`. None for a shared secret.
    pub fn jwk(&self) -> Option<Jwk> {
        match &self.0.material {
            Material::Public { jwk, .. } => Some(Jwk::clone(jwk)),
            Material::Shared(_) => None,
        }
    }

    /// The public key in DER, `SubjectPublicKeyInfo`. None for a shared secret.
    pub fn to_spki(&self) -> Option<Vec<u8>> {
        spki::write(&self.jwk()?, self.0.algorithm)
    }

    /// The public key as PEM, one block `PUBLIC KEY`. None for a shared secret.
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
        Some(pem::write(&self.to_spki()?, pem::PUBLIC_KEY))
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.0.algorithm.is_symmetric()
    }

    pub(crate) fn shared_kid(&self) -> Arc<str> {
        Arc::clone(&self.0.kid)
    }

    /// The header in `segment`, if it is the one that is remembered.
    pub(crate) fn known_header(&self, segment: &str) -> Option<&Header> {
        self.0.known.get().filter(|(known, _)| **known == *segment).map(|(_, header)| header)
    }

    /// Remembers the header of a token that this key signed. Only its owner decides what is kept.
    pub(crate) fn remember_header(&self, segment: &str, header: &Header) {
        self.0.known.get_or_init(|| (segment.into(), header.clone()));
    }

    /// Whether `signature` is this key's signature of `message`: the bare primitive, for what is no
    /// token. ECDSA signatures are R and S, each as long as a coordinate (RFC 7518, section 3.4).
    #[must_use]
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.material {
            Material::Public { parsed, .. } => parsed.verify_sig(message, signature).is_ok(),
            // The whole tag, compared in constant time.
            Material::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// The public key in `jwk`, if it is one for `algorithm`.
fn parse_public(jwk: &Jwk, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
    if !jwk.is_for(algorithm) {
        return Err(KeyError::WrongType);
    }
    let parsed = match algorithm.scheme() {
        Scheme::Ecdsa(curve) => parse_point(jwk, curve),
        Scheme::Ed25519 => bytes(&jwk.x, 32).and_then(|x| ParsedPublicKey::new(&ED25519, x).ok()),
        Scheme::Rsa(rsa) => return rsa::parse_public(jwk, algorithm, rsa.verifying),
        Scheme::MlDsa(set) => bytes(&jwk.pub_, set.signing.public_key_len())
            .and_then(|raw| ParsedPublicKey::new(set.verifying, raw).ok()),
        Scheme::Hmac(_) => return Err(KeyError::WrongType),
    };
    parsed.ok_or(KeyError::Malformed(algorithm))
}

fn parse_point(jwk: &Jwk, curve: Curve) -> Option<ParsedPublicKey> {
    let (x, y) = (bytes(&jwk.x, curve.coordinate)?, bytes(&jwk.y, curve.coordinate)?);
    // Uncompressed, so never at infinity (SEC 1, section 2.3.3); the library checks that it is on the curve.
    let point = [&[4][..], &x, &y].concat();
    ParsedPublicKey::new(curve.verifying, point).ok()
}

/// Exactly `length` bytes: a coordinate is never shortened (RFC 7518, section 6.2.1.2).
fn bytes(text: &Option<String>, length: usize) -> Option<Vec<u8>> {
    base64url::decode(text.as_ref()?).ok().filter(|bytes| bytes.len() == length)
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.0.algorithm, self.0.kid)
    }
}
