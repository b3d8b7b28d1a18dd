//! The half of a key that signs.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::hmac::HmacKey;
use crate::key_error::KeyError;
use crate::pem;
use crate::private_jwk;
use crate::private_key::PrivateKey;
use crate::secret::Secret;
use crate::verifying_key::VerifyingKey;

/// A key that signs, for exactly one algorithm.
///
/// It is known by its RFC 7638 thumbprint; a shared secret by a tag that tells nothing of it.
/// `Debug` shows no more than that.
///
/// ```
/// use counterfoil_jose::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let kept = key.to_secret_bytes();
/// let again = SigningKey::from_secret_bytes(Algorithm::Ed25519, kept.expose())?;
/// assert_eq!(again.kid(), key.kid());
/// # Ok::<(), counterfoil_jose::KeyError>(())
/// ```
pub struct SigningKey {
    private: PrivateKey,
    verifying: VerifyingKey,
}

/// Why nothing was signed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// `typ` is not a media type; a program asked for it, no client.
    #[error("the type of a token is a media type")]
    BadType,
    /// The token would be longer than a verifier reads.
    #[error("the token would be longer than 8 KiB")]
    TooLong,
    /// The library could not sign.
    #[error("the key could not sign")]
    Failed,
}

impl SigningKey {
    /// A new key. One for RSA has 3072 bits, and making it takes up to a second or so; a secret is as long
    /// as the hash.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::new(algorithm, PrivateKey::generate(algorithm)?)
    }

    /// The key of bytes that were kept: PKCS#8 in DER (RFC 5958), or the secret itself for HMAC.
    ///
    /// # Errors
    ///
    /// The bytes are not such a key, or it is too weak ([`VerifyingKey::from_jwk`] and
    /// [`VerifyingKey::from_secret`] say what is).
    pub fn from_secret_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let private = if algorithm.is_symmetric() {
            PrivateKey::shared(algorithm, bytes)?
        } else {
            PrivateKey::from_pkcs8(algorithm, bytes)?
        };
        Self::new(algorithm, private)
    }

    /// The private key in `pem`: one block `PRIVATE KEY`, PKCS#8 that is not encrypted (RFC 7468, section 10).
    ///
    /// # Errors
    ///
    /// Any other block: `openssl pkey` turns `RSA PRIVATE KEY`, `EC PRIVATE KEY` and encrypted keys into this
    /// one. And what [`SigningKey::from_secret_bytes`] refuses.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let der = pem::read(pem, pem::PRIVATE_KEY)?;
        Self::new(algorithm, PrivateKey::from_pkcs8(algorithm, &der)?)
    }

    /// The private key or shared secret in `jwk`, a JSON object, for the algorithm that it names or else the
    /// configured one. Its `kid` is not taken over: our keys are known by what they are.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, SigningKey};
    ///
    /// let key = SigningKey::generate(Algorithm::MlDsa44)?;
    /// let jwk = key.to_private_jwk();
    /// assert_eq!(SigningKey::from_private_jwk(jwk.expose().as_bytes(), None)?.kid(), key.kid());
    /// # Ok::<(), counterfoil_jose::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No strict JSON; no algorithm, or two that differ; halves that do not belong together; RSA with more than
    /// two primes; and what [`VerifyingKey::from_jwk`] and [`VerifyingKey::from_secret`] refuse.
    pub fn from_private_jwk(jwk: &[u8], configured: Option<Algorithm>) -> Result<Self, KeyError> {
        let (algorithm, private) = private_jwk::read(jwk, configured)?;
        Self::new(algorithm, private)
    }

    fn new(algorithm: Algorithm, private: PrivateKey) -> Result<Self, KeyError> {
        let verifying = match (&private, private.public(algorithm)) {
            (PrivateKey::Shared { secret, .. }, _) => {
                VerifyingKey::from_secret(algorithm, &key_id(secret), secret.expose())?
            }
            (_, Some(jwk)) => VerifyingKey::from_jwk(&jwk, Some(algorithm))?,
            (_, None) => return Err(KeyError::Malformed(algorithm)),
        };
        Ok(Self { private, verifying })
    }

    /// The bytes to seal and keep: see [`SigningKey::from_secret_bytes`].
    pub fn to_secret_bytes(&self) -> Secret<Vec<u8>> {
        self.private.to_secret_bytes()
    }

    /// The private key as PEM, not encrypted. None for a shared secret. Whoever has it signs in our name.
    pub fn to_private_pem(&self) -> Option<Secret<String>> {
        let is_shared = self.algorithm().is_symmetric();
        (!is_shared).then(|| Secret::new(pem::write(self.to_secret_bytes().expose(), pem::PRIVATE_KEY)))
    }

    /// The private key or the secret as a JWK, with its public members. Whoever has it signs in our name.
    pub fn to_private_jwk(&self) -> Secret<String> {
        let (public, kept) = (self.verifying.jwk(), self.to_secret_bytes());
        private_jwk::write(public, self.algorithm(), self.kid(), kept.expose())
            .expect("what the library writes is PKCS#8")
    }

    /// The one algorithm that this key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The id by which tokens name this key.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The half that verifies.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs `claims`: a compact JWS whose header is exactly `typ`, `alg` and `kid`.
    ///
    /// The caller chooses `claims` byte for byte, so never let a client do so (RFC 8725, section 3.12).
    ///
    /// # Errors
    ///
    /// `typ` is not a media type, the token would be too long to be verified, or the library failed.
    pub fn sign(&self, typ: &str, claims: &[u8]) -> Result<String, SignError> {
        if !is_media_type(typ) {
            return Err(SignError::BadType);
        }
        // Neither name needs escaping: a media type has no quotes, our key ids are base64url.
        let header =
            format!("{{\"typ\":\"{typ}\",\"alg\":\"{}\",\"kid\":\"{}\"}}", self.algorithm(), self.kid());
        let mut token = String::with_capacity((header.len() + claims.len()) * 4 / 3 + self.signature_room());
        base64url::encode_onto(header, &mut token);
        token.push('.');
        base64url::encode_onto(claims, &mut token);
        self.append_signature(&mut token)?;
        if token.len() > crate::jws::MAX_LENGTH { Err(SignError::TooLong) } else { Ok(token) }
    }

    /// How long the text of a signature can be; RSA with 8192 bits where the key decides.
    fn signature_room(&self) -> usize {
        self.algorithm().signature_len().unwrap_or(1024) * 4 / 3 + 8
    }

    fn append_signature(&self, token: &mut String) -> Result<(), SignError> {
        let signature = self.private.sign(token.as_bytes()).ok_or(SignError::Failed)?;
        token.push('.');
        base64url::encode_onto(signature, token);
        Ok(())
    }
}

/// The id of a shared secret. A thumbprint would be a digest of the secret, published (RFC 7638,
/// section 7); this is a tag under it, which tells nothing.
fn key_id(secret: &Secret<Vec<u8>>) -> String {
    base64url::encode(HmacKey::new(secret.expose()).tag(&[b"counterfoil key id"]))
}

/// Whether `typ` consists of characters that a media type may have (RFC 6838, section 4.2).
fn is_media_type(typ: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
    (1..=127).contains(&typ.len()) && typ.bytes().all(allowed)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, KeyError, SignError, SigningKey};

    fn is_shared<T: Send + Sync>() {}

    #[test]
    fn keys_are_shared_between_threads() {
        is_shared::<SigningKey>();
        is_shared::<crate::VerifyingKey>();
        is_shared::<crate::SealingKey>();
    }

    #[test]
    fn a_key_that_was_kept_is_the_same_key() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose()).unwrap();
            assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));

            let token = again.sign("at+jwt", b"{}").unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = crate::base64url::decode(signature).unwrap();
            assert!(key.verifying_key().is_signed(signed.as_bytes(), &signature));
        }
    }

    #[test]
    fn a_key_is_read_only_for_its_own_algorithm() {
        let kept = SigningKey::generate(Algorithm::Es256).unwrap().to_secret_bytes();
        for other in [Algorithm::Ed25519, Algorithm::Rs256] {
            let error = SigningKey::from_secret_bytes(other, kept.expose()).unwrap_err();
            assert_eq!(error, KeyError::Malformed(other));
        }
        assert!(SigningKey::from_secret_bytes(Algorithm::Es256, &kept.expose()[1..]).is_err());
    }

    #[test]
    fn the_header_is_type_algorithm_and_key_and_nothing_else() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let token = key.sign("at+jwt", b"{}").unwrap();
        let header = crate::base64url::decode(token.split('.').next().unwrap()).unwrap();

        let expected = format!("{{\"typ\":\"at+jwt\",\"alg\":\"Ed25519\",\"kid\":\"{}\"}}", key.kid());
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }

    #[test]
    fn a_type_that_is_no_media_type_is_not_signed() {
        let key = SigningKey::generate(Algorithm::Hs256).unwrap();
        for typ in ["", "a b", "a\"", "a\",\"alg\":\"none", "a\\", "a\n", "é", &"a".repeat(128)] {
            assert_eq!(key.sign(typ, b"{}").unwrap_err(), SignError::BadType, "{typ:?}");
        }
    }

    #[test]
    fn the_id_of_a_shared_secret_is_no_digest_of_it() {
        let key = SigningKey::generate(Algorithm::Hs256).unwrap();
        let secret = key.to_secret_bytes();
        let jwk = format!(r#"{{"k":"{}","kty":"oct"}}"#, crate::base64url::encode(secret.expose()));
        assert_ne!(key.kid(), crate::base64url::encode(crate::digest::sha256(jwk.as_bytes())));
        assert_ne!(key.kid(), crate::base64url::encode(crate::digest::sha256(secret.expose())));
        assert_eq!(key.kid().len(), 43);
    }
}
