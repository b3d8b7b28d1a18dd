//! The half of a key that verifies, parsed once and bound to one algorithm.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::header::Header;
use crate::hmac::HmacKey;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::key_id::is_key_id;
use crate::rsa;

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
    Shared(HmacKey),
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
    /// [`KeyError::WrongType`]: shared secrets come by [`VerifyingKey::from_hmac_secret`].
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

    /// The key of a shared secret, for HS256, known as `kid`.
    ///
    /// # Errors
    ///
    /// A secret of fewer than 32 bytes (RFC 7518, section 3.2), an id that is empty or too long.
    pub fn from_hmac_secret(kid: &str, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < 32 {
            return Err(KeyError::ShortSecret);
        }
        if !is_key_id(kid) {
            return Err(KeyError::BadKeyId);
        }
        Ok(Self::new(Algorithm::Hs256, kid, Material::Shared(HmacKey::new(secret))))
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
    /// token. ECDSA signatures are R and S of 32 bytes each (RFC 7518, section 3.4).
    #[must_use]
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.material {
            Material::Public { parsed, .. } => parsed.verify_sig(message, signature).is_ok(),
            Material::Shared(key) => key.verify(&[message], signature),
        }
    }
}

/// The public key in `jwk`, if it is one for `algorithm` (RFC 7518, section 6; RFC 8037, section 2).
fn parse_public(jwk: &Jwk, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
    let fits = |kty, crv| jwk.kty == kty && jwk.crv.as_deref() == crv;
    match algorithm {
        Algorithm::Es256 if fits("EC", Some("P-256")) => parse_p256(jwk),
        Algorithm::Ed25519 if fits("OKP", Some("Ed25519")) => parse_ed25519(jwk),
        Algorithm::Rs256 if fits("RSA", None) => rsa::parse_public(jwk),
        Algorithm::Es256 | Algorithm::Ed25519 | Algorithm::Rs256 | Algorithm::Hs256 => {
            Err(KeyError::WrongType)
        }
    }
}

fn parse_p256(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    let malformed = KeyError::Malformed(Algorithm::Es256);
    let coordinate =
        |text: &Option<String>| -> Option<[u8; 32]> { base64url::decode_exact(text.as_ref()?).ok() };
    let (Some(x), Some(y)) = (coordinate(&jwk.x), coordinate(&jwk.y)) else { return Err(malformed) };
    // SEC 1, section 2.3.3; the library checks that the point is on the curve.
    let point = [&[4][..], &x, &y].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| malformed)
}

fn parse_ed25519(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    let malformed = KeyError::Malformed(Algorithm::Ed25519);
    let x: [u8; 32] = jwk.x.as_ref().and_then(|x| base64url::decode_exact(x).ok()).ok_or(malformed)?;
    ParsedPublicKey::new(&ED25519, x).map_err(|_| malformed)
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.0.algorithm, self.0.kid)
    }
}
