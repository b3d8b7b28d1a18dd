//! Parsing and verification of signed tokens in compact serialization (RFC 7515).

use std::fmt;
use std::sync::Arc;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::compact::Compact;
use crate::header::Header;
use crate::jws_error::JwsError;
use crate::key_set::KeySet;
use crate::verifying_key::VerifyingKey;

pub use crate::compact::MAX_LENGTH;

/// A well-formed token whose signature is not verified yet.
///
/// The payload is accessible only after [`Jws::verify`]. For debugging see [`crate::unverified::decode`].
///
/// ```compile_fail
/// let jws = counterfoil_jose::Jws::parse("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")?;
/// let claims = jws.payload; // The signature is not verified.
/// # Ok::<(), counterfoil_jose::JwsError>(())
/// ```
#[derive(Clone)]
pub struct Jws<'a> {
    header: Header,
    compact: Compact<'a>,
}

/// The payload of a token whose signature is valid. Only verification creates it.
///
/// ```compile_fail
/// use counterfoil_jose::{Algorithm, VerifiedJws};
///
/// let forged = VerifiedJws { payload: Vec::new(), alg: Algorithm::Es256, kid: "mine".into() };
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedJws {
    /// The payload, exactly as it was signed. It may be other than JSON.
    pub payload: Vec<u8>,
    /// The algorithm of the token and of the key.
    pub alg: Algorithm,
    /// The id of the key that signed the token. If the token has no `kid`, it is the only key for its algorithm.
    pub kid: Arc<str>,
}

impl<'a> Jws<'a> {
    /// Parses `token` and its header.
    ///
    /// # Errors
    ///
    /// The token is not in compact serialization or longer than [`MAX_LENGTH`] bytes; the header is not
    /// strict JSON, names an unsupported algorithm, or has `crit` or `b64`.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        let compact = Compact::parse(token)?;
        let header = Header::parse(compact.header)?;
        Ok(Self { header, compact })
    }

    /// The header parameter `alg`, unverified. It never selects how the token is verified.
    pub fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// The header parameter `kid`, unverified. Use it only to look a key up.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The header parameter `typ`, unverified.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// Verifies the token: `alg` is one of `allowed`, `typ` is one of `typ`, the key is in `keys` and bound
    /// to `alg`, and the signature is valid. The checks run in this order.
    ///
    /// `typ` is compared as a media type: without regard to case, with or without the prefix `application/`
    /// (RFC 7515, section 4.1.9). An empty list accepts no token.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn verify(
        &self,
        keys: &KeySet,
        allowed: &[Algorithm],
        typ: &[&str],
    ) -> Result<VerifiedJws, JwsError> {
        let key = keys.select(&self.header, allowed, Some(typ))?;
        verify_signature(key, &self.compact)
    }

    /// Verifies the token as [`Jws::verify`] does, but accepts any `typ` or none.
    ///
    /// This also accepts tokens that were issued for another purpose, such as ID tokens. Use it only for an
    /// issuer that sets no `typ`, with keys that sign no other type of token (RFC 8725, section 3.12).
    ///
    /// # Errors
    ///
    /// As [`Jws::verify`], without [`JwsError::WrongTyp`].
    pub fn danger_verify_any_typ(
        &self,
        keys: &KeySet,
        allowed: &[Algorithm],
    ) -> Result<VerifiedJws, JwsError> {
        let key = keys.select(&self.header, allowed, None)?;
        verify_signature(key, &self.compact)
    }
}

/// Parses and verifies `token`, with the same result as [`Jws::parse`] and [`Jws::verify`].
///
/// Faster for many tokens of few keys: each key caches the header of the first token that it verified, and an
/// equal header is not parsed again.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey, jws};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let keys = KeySet::new([key.verifying_key()])?;
/// let token = key.sign("at+jwt", b"{}")?;
/// assert_eq!(jws::verify(&token, &keys, &[Algorithm::Ed25519], &["at+jwt"])?.payload, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`Jws::parse`] and [`Jws::verify`].
pub fn verify(
    token: &str,
    keys: &KeySet,
    allowed: &[Algorithm],
    typ: &[&str],
) -> Result<VerifiedJws, JwsError> {
    let compact = Compact::split(token, MAX_LENGTH)?;
    if let Some(header) = keys.iter().find_map(|key| key.cached_header(compact.header)) {
        let result = keys.select(header, allowed, Some(typ)).and_then(|key| verify_signature(key, &compact));
        // Decoding also detects a non-canonical encoding. The encoding is checked here only if the token is
        // rejected, so that the error is the same as without a cached header.
        return result.map_err(|error| compact.check_encoding().err().unwrap_or(error));
    }
    compact.check_encoding()?;
    let header = Header::parse(compact.header)?;
    let key = keys.select(&header, allowed, Some(typ))?;
    let verified = verify_signature(key, &compact)?;
    key.cache_header(compact.header, &header);
    Ok(verified)
}

/// Verifies a document that may be longer than a credential, such as a status list: as [`verify`], with another maximum
/// length than [`MAX_LENGTH`]. No header is cached.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_with_max_length(
    token: &str,
    max_length: usize,
    keys: &KeySet,
    allowed: &[Algorithm],
    typ: &[&str],
) -> Result<VerifiedJws, JwsError> {
    let compact = Compact::split(token, max_length)?;
    compact.check_encoding()?;
    let header = Header::parse(compact.header)?;
    let key = keys.select(&header, allowed, Some(typ))?;
    verify_signature(key, &compact)
}

/// Signatures up to this size in bytes are decoded on the stack: all except those of ML-DSA and of RSA keys
/// with more than 4096 bits. To clear a larger buffer for each token would cost as much as an HMAC.
const STACK_BUFFER_LEN: usize = 512 + 3;

/// Verifies the signature, then decodes the payload.
fn verify_signature(key: &VerifyingKey, compact: &Compact<'_>) -> Result<VerifiedJws, JwsError> {
    if !has_valid_signature(key, compact) {
        return Err(JwsError::BadSignature);
    }
    // The payload is not read before this line.
    let payload = base64url::decode(compact.payload).map_err(|_| JwsError::NotBase64url)?;
    Ok(VerifiedJws { payload, alg: key.algorithm(), kid: key.shared_kid() })
}

fn has_valid_signature(key: &VerifyingKey, compact: &Compact<'_>) -> bool {
    let message = compact.signing_input.as_bytes();
    let mut buffer = [0; STACK_BUFFER_LEN];
    if let Ok(signature) = base64url::decode_into(compact.signature, &mut buffer) {
        return key.verify(message, signature);
    }
    base64url::decode(compact.signature).is_ok_and(|signature| key.verify(message, &signature))
}

impl fmt::Debug for Jws<'_> {
    /// Omits the payload and the signature, so that a log does not contain a usable credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("alg", &self.header.alg)
            .field("kid", &self.header.kid)
            .finish_non_exhaustive()
    }
}
