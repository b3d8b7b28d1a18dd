//! A signed token in compact form: parsed, then verified, and only then read (RFC 7515).

use std::fmt;
use std::sync::Arc;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::compact::Compact;
use crate::header::Header;
use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::verifying_key::VerifyingKey;

pub use crate::compact::MAX_LENGTH;

/// A token that is well-formed, and not yet believed.
///
/// There is no way from here to the payload but [`Jws::verify`]; for people who debug there is
/// [`crate::unverified::peek`].
///
/// ```compile_fail
/// let jws = counterfoil_jose::Jws::parse("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")?;
/// let claims = jws.payload; // Nobody has checked a signature.
/// # Ok::<(), counterfoil_jose::Rejection>(())
/// ```
#[derive(Clone)]
pub struct Jws<'a> {
    header: Header,
    compact: Compact<'a>,
}

/// What a signature vouches for. Only [`Jws::verify`] makes one.
///
/// ```compile_fail
/// use counterfoil_jose::{Algorithm, Verified};
///
/// let forged = Verified { payload: Vec::new(), alg: Algorithm::Es256, kid: "mine".into() };
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payload, byte for byte as it was signed. It need not be JSON.
    pub payload: Vec<u8>,
    /// The key's algorithm, which is the token's.
    pub alg: Algorithm,
    /// The id of the key that signed; the token names it or there was no other.
    pub kid: Arc<str>,
}

impl<'a> Jws<'a> {
    /// Reads the form of `token` and its header.
    ///
    /// # Errors
    ///
    /// Anything but the compact form of at most [`MAX_LENGTH`] bytes, with a header that is strict
    /// JSON, names an algorithm of ours and demands no extension.
    pub fn parse(token: &'a str) -> Result<Self, Rejection> {
        let compact = Compact::split(token)?;
        let header = Header::parse(compact.header)?;
        Ok(Self { header, compact })
    }

    /// The algorithm that the header names. It chooses nothing.
    pub fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// The key that the header names, unverified: to look for it, never to believe it.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What kind of token the header says it is, unverified; `None` where it does not say.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// Judges the token: its algorithm is one of `allowed`, its `typ` one of `typ`, its key one of
    /// `keys` and for just this algorithm, and the signature is that key's.
    ///
    /// `typ` is compared as a media type: whatever its case, with or without `application/`
    /// (RFC 7515, section 4.1.9). An empty list accepts nothing.
    ///
    /// # Errors
    ///
    /// In this order; nothing is decided by what a later step would have looked at.
    pub fn verify(&self, keys: &KeySet, allowed: &[Algorithm], typ: &[&str]) -> Result<Verified, Rejection> {
        let key = keys.key_for(&self.header, allowed, Some(typ))?;
        verify_signature(key, &self.compact)
    }

    /// Judges the token as [`Jws::verify`] does, but whatever its `typ`.
    ///
    /// A token that was made for another purpose passes: only for foreign tokens that have no type,
    /// under keys that sign nothing else (RFC 8725, section 3.12).
    ///
    /// # Errors
    ///
    /// As [`Jws::verify`], without [`Rejection::WrongType`].
    pub fn danger_verify_any_typ(&self, keys: &KeySet, allowed: &[Algorithm]) -> Result<Verified, Rejection> {
        let key = keys.key_for(&self.header, allowed, None)?;
        verify_signature(key, &self.compact)
    }
}

/// Parses and verifies `token` in one go, with the result of [`Jws::parse`] and [`Jws::verify`].
///
/// For verifiers that see many tokens of few keys: a header that a key has signed before is
/// compared, not parsed.
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
) -> Result<Verified, Rejection> {
    let compact = Compact::cut(token)?;
    if let Some(known) = keys.iter().find_map(|key| key.known_header(compact.header)) {
        let judged = keys.key_for(known, allowed, Some(typ)).and_then(|key| verify_signature(key, &compact));
        // Decoding has found what is not canonical. Only where the token is refused anyway, all of it is looked at
        // once more, so that it is refused for the same reason as if its header were new.
        return judged.map_err(|rejection| compact.judge().err().unwrap_or(rejection));
    }
    compact.judge()?;
    let header = Header::parse(compact.header)?;
    let key = keys.key_for(&header, allowed, Some(typ))?;
    let verified = verify_signature(key, &compact)?;
    key.remember_header(compact.header, &header);
    Ok(verified)
}

/// Signatures up to this size are decoded on the stack: all but those of ML-DSA and of RSA with more than 4096
/// bits. Clearing more than that for each token would cost what HMAC costs.
const SHORT: usize = 512 + 3;

/// Checks the signature, and only then decodes the payload.
fn verify_signature(key: &VerifyingKey, compact: &Compact<'_>) -> Result<Verified, Rejection> {
    if !is_signed(key, compact) {
        return Err(Rejection::BadSignature);
    }
    // Nothing of the payload is read before this line.
    let payload = base64url::decode(compact.payload).map_err(|_| Rejection::NotBase64url)?;
    Ok(Verified { payload, alg: key.algorithm(), kid: key.shared_kid() })
}

fn is_signed(key: &VerifyingKey, compact: &Compact<'_>) -> bool {
    let message = compact.signed.as_bytes();
    let mut short = [0; SHORT];
    if let Ok(signature) = base64url::decode_into(compact.signature, &mut short) {
        return key.is_signed(message, signature);
    }
    base64url::decode(compact.signature).is_ok_and(|signature| key.is_signed(message, &signature))
}

impl fmt::Debug for Jws<'_> {
    /// Leaves the payload and the signature out: a token in a log is a credential in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("alg", &self.header.alg)
            .field("kid", &self.header.kid)
            .finish_non_exhaustive()
    }
}
