//! Keys that sign tokens: generation, import, export and signing.

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

/// A private key or shared secret that signs, for exactly one algorithm.
///
/// Its id is the RFC 7638 thumbprint of the public key. The id of a shared secret is an HMAC under it, which
/// does not reveal the secret. `Debug` prints only the algorithm and the id.
///
/// ```
/// use counterfoil_jose::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let stored = key.to_secret_bytes();
/// let restored = SigningKey::from_secret_bytes(Algorithm::Ed25519, stored.expose())?;
/// assert_eq!(restored.kid(), key.kid());
/// # Ok::<(), counterfoil_jose::KeyError>(())
/// ```
pub struct SigningKey {
    private: PrivateKey,
    verifying: VerifyingKey,
}

/// Why a token was not signed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// `typ` is not a media type. This is an error of the caller, not of a client.
    #[error("`typ` must be a media type")]
    BadTyp,
    /// The token would be longer than [`crate::jws::MAX_LENGTH`], which verifiers reject.
    #[error("the token would be longer than 8 KiB")]
    TooLong,
    /// aws-lc-rs failed to sign.
    #[error("signing failed")]
    Failed,
}

impl SigningKey {
    /// Generates a key. An RSA key has 3072 bits, and its generation takes about a second. A shared secret
    /// has the length of the hash.
    ///
    /// # Errors
    ///
    /// [`KeyError::RandomUnavailable`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::new(algorithm, PrivateKey::generate(algorithm)?)
    }

    /// Parses a key from `bytes`: PKCS#8 in DER (RFC 5958), or the shared secret for HMAC.
    ///
    /// # Errors
    ///
    /// The bytes are not a key for `algorithm`, or [`VerifyingKey::from_jwk`] or
    /// [`VerifyingKey::from_secret`] rejects it.
    pub fn from_secret_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let private = if algorithm.is_symmetric() {
            PrivateKey::from_secret(algorithm, bytes)?
        } else {
            PrivateKey::from_pkcs8(algorithm, bytes)?
        };
        Self::new(algorithm, private)
    }

    /// Parses a private key from `pem`: one block `PRIVATE KEY`, unencrypted PKCS#8 (RFC 7468, section 10).
    ///
    /// # Errors
    ///
    /// [`KeyError::NotPem`] for any other block; `openssl pkey` converts `RSA PRIVATE KEY`, `EC PRIVATE KEY`
    /// and encrypted keys. Otherwise as [`SigningKey::from_secret_bytes`].
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let der = pem::decode(pem, pem::PRIVATE_KEY)?;
        Self::new(algorithm, PrivateKey::from_pkcs8(algorithm, &der)?)
    }

    /// Parses a private key or shared secret from `jwk`, a JSON object. The algorithm is `alg`, which must
    /// equal `expected` if that is given, or else `expected`. `kid` is ignored: the id of a signing key is
    /// its thumbprint.
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
    /// Not strict JSON; no algorithm, or not the expected one; a private key that does not match the public
    /// key; an RSA key with more than two primes; and the errors of [`VerifyingKey::from_jwk`] and
    /// [`VerifyingKey::from_secret`].
    pub fn from_private_jwk(jwk: &[u8], expected: Option<Algorithm>) -> Result<Self, KeyError> {
        let (algorithm, private) = private_jwk::parse(jwk, expected)?;
        Self::new(algorithm, private)
    }

    fn new(algorithm: Algorithm, private: PrivateKey) -> Result<Self, KeyError> {
        let verifying = match (&private, private.public_jwk(algorithm)) {
            (PrivateKey::Shared { secret, .. }, _) => {
                VerifyingKey::from_secret(algorithm, &secret_key_id(secret), secret.expose())?
            }
            (_, Some(jwk)) => VerifyingKey::from_jwk(&jwk, Some(algorithm))?,
            (_, None) => return Err(KeyError::Malformed(algorithm)),
        };
        Ok(Self { private, verifying })
    }

    /// Serializes the key as [`SigningKey::from_secret_bytes`] parses it. Encrypt the bytes before they are
    /// stored.
    pub fn to_secret_bytes(&self) -> Secret<Vec<u8>> {
        self.private.to_secret_bytes()
    }

    /// The private key as unencrypted PEM; `None` for a shared secret. Anyone with this text can issue
    /// tokens.
    pub fn to_private_pem(&self) -> Option<Secret<String>> {
        let is_symmetric = self.algorithm().is_symmetric();
        (!is_symmetric).then(|| Secret::new(pem::encode(self.to_secret_bytes().expose(), pem::PRIVATE_KEY)))
    }

    /// The private key or shared secret as a JWK, with its public members. Anyone with this text can issue
    /// tokens.
    pub fn to_private_jwk(&self) -> Secret<String> {
        let (public, secret_bytes) = (self.verifying.jwk(), self.to_secret_bytes());
        private_jwk::serialize(public, self.algorithm(), self.kid(), secret_bytes.expose())
            .expect("aws-lc-rs writes PKCS#8")
    }

    /// The algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The key id (`kid`).
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The key that verifies the signatures of this key.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs `claims`. The result is a JWS in compact serialization, whose header has exactly `typ`, `alg`
    /// and `kid`.
    ///
    /// `claims` are signed as they are. A client must not choose them: it could get a token for another
    /// purpose (RFC 8725, section 3.12).
    ///
    /// # Errors
    ///
    /// `typ` is not a media type, the token would be longer than [`crate::jws::MAX_LENGTH`], or aws-lc-rs
    /// failed.
    pub fn sign(&self, typ: &str, claims: &[u8]) -> Result<String, SignError> {
        let token = self.sign_document(typ, claims)?;
        if token.len() > crate::jws::MAX_LENGTH { Err(SignError::TooLong) } else { Ok(token) }
    }

    /// The length of the token that [`sign`](Self::sign) makes of this many bytes of claims, whatever that method would say
    /// of it.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, SigningKey};
    ///
    /// let key = SigningKey::generate(Algorithm::Es256)?;
    /// assert_eq!(key.signed_len("at+jwt", 2), key.sign("at+jwt", b"{}")?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signed_len(&self, typ: &str, claims: usize) -> usize {
        let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
        let signature = self.private.signature_len(self.algorithm());
        encoded(self.header(typ).len()) + 1 + encoded(claims) + 1 + encoded(signature)
    }

    /// Signs a document of any length, such as a status list, which is no credential: as [`sign`](Self::sign) otherwise.
    ///
    /// # Errors
    ///
    /// `typ` is not a media type, or aws-lc-rs failed.
    pub fn sign_document(&self, typ: &str, claims: &[u8]) -> Result<String, SignError> {
        if !is_media_type(typ) {
            return Err(SignError::BadTyp);
        }
        let header = self.header(typ);
        let mut token =
            String::with_capacity((header.len() + claims.len()) * 4 / 3 + self.max_encoded_signature_len());
        base64url::encode_into(header, &mut token);
        token.push('.');
        base64url::encode_into(claims, &mut token);
        self.append_signature(&mut token)?;
        Ok(token)
    }

    /// No value needs escaping: a media type has no quotes, and the key id is base64url.
    fn header(&self, typ: &str) -> String {
        format!("{{\"typ\":\"{typ}\",\"alg\":\"{}\",\"kid\":\"{}\"}}", self.algorithm(), self.kid())
    }

    /// The maximum length of an encoded signature; for RSA that of a key with 8192 bits.
    fn max_encoded_signature_len(&self) -> usize {
        self.algorithm().signature_len().unwrap_or(1024) * 4 / 3 + 8
    }

    fn append_signature(&self, token: &mut String) -> Result<(), SignError> {
        let signature = self.private.sign(token.as_bytes()).ok_or(SignError::Failed)?;
        token.push('.');
        base64url::encode_into(signature, token);
        Ok(())
    }
}

/// The id of a shared secret: an HMAC under it. A thumbprint would publish a digest of the secret (RFC 7638,
/// section 7).
fn secret_key_id(secret: &Secret<Vec<u8>>) -> String {
    base64url::encode(HmacKey::new(secret.expose()).mac(&[b"counterfoil key id"]))
}

/// Whether `typ` has only the characters of a media type (RFC 6838, section 4.2).
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

    fn assert_send_sync<T: Send + Sync>() {}

    #[test]
    fn keys_are_send_and_sync() {
        assert_send_sync::<SigningKey>();
        assert_send_sync::<crate::VerifyingKey>();
        assert_send_sync::<crate::SealingKey>();
    }

    #[test]
    fn a_stored_key_is_restored() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let restored = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose()).unwrap();
            assert_eq!((restored.kid(), restored.algorithm()), (key.kid(), algorithm));

            let token = restored.sign("at+jwt", b"{}").unwrap();
            let (signing_input, signature) = token.rsplit_once('.').unwrap();
            let signature = crate::base64url::decode(signature).unwrap();
            assert!(key.verifying_key().verify(signing_input.as_bytes(), &signature));
        }
    }

    #[test]
    fn a_key_is_parsed_only_for_its_own_algorithm() {
        let bytes = SigningKey::generate(Algorithm::Es256).unwrap().to_secret_bytes();
        for other in [Algorithm::Ed25519, Algorithm::Rs256] {
            let error = SigningKey::from_secret_bytes(other, bytes.expose()).unwrap_err();
            assert_eq!(error, KeyError::Malformed(other));
        }
        assert!(SigningKey::from_secret_bytes(Algorithm::Es256, &bytes.expose()[1..]).is_err());
    }

    #[test]
    fn the_header_has_exactly_typ_alg_and_kid() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let token = key.sign("at+jwt", b"{}").unwrap();
        let header = crate::base64url::decode(token.split('.').next().unwrap()).unwrap();

        let expected = format!("{{\"typ\":\"at+jwt\",\"alg\":\"Ed25519\",\"kid\":\"{}\"}}", key.kid());
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }

    #[test]
    fn a_typ_that_is_not_a_media_type_is_rejected() {
        let key = SigningKey::generate(Algorithm::Hs256).unwrap();
        for typ in ["", "a b", "a\"", "a\",\"alg\":\"none", "a\\", "a\n", "é", &"a".repeat(128)] {
            assert_eq!(key.sign(typ, b"{}").unwrap_err(), SignError::BadTyp, "{typ:?}");
        }
    }

    #[test]
    fn the_id_of_a_shared_secret_is_not_a_digest_of_it() {
        let key = SigningKey::generate(Algorithm::Hs256).unwrap();
        let secret = key.to_secret_bytes();
        let jwk = format!(r#"{{"k":"{}","kty":"oct"}}"#, crate::base64url::encode(secret.expose()));
        assert_ne!(key.kid(), crate::base64url::encode(crate::digest::sha256(jwk.as_bytes())));
        assert_ne!(key.kid(), crate::base64url::encode(crate::digest::sha256(secret.expose())));
        assert_eq!(key.kid().len(), 43);
    }
}
