//! Private keys and shared secrets in aws-lc-rs: generation, parsing, serialization and signing.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::primitive::{Primitive, RsaScheme};
use crate::random::{self, RandomUnavailable};
use crate::secret::Secret;
use crate::shared_secret;
use crate::spki;

/// A private key or a shared secret, for one algorithm.
pub(crate) enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, RsaScheme),
    MlDsa(PqdsaKeyPair),
    // On the heap: moving the prepared state would leave copies that are not wiped.
    Shared { key: Box<hmac::Key>, secret: Secret<Vec<u8>> },
}

impl PrivateKey {
    /// Generates a key. An RSA key has 3072 bits; a shared secret has the length of the hash.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let key = match algorithm.primitive() {
            Primitive::Ecdsa(curve) => EcdsaKeyPair::generate(curve.signing).map(Self::Ecdsa),
            Primitive::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            Primitive::Rsa(scheme) => {
                RsaKeyPair::generate(KeySize::Rsa3072).map(|pair| Self::Rsa(pair, scheme))
            }
            Primitive::MlDsa(parameters) => PqdsaKeyPair::generate(parameters.signing).map(Self::MlDsa),
            Primitive::Hmac(hmac) => {
                let bytes = Zeroizing::new(random::bytes::<64>()?);
                return Self::from_secret(algorithm, &bytes[..hmac.min_secret_len]);
            }
        };
        key.map_err(|_| RandomUnavailable.into())
    }

    /// Makes the key for a shared secret, after validation.
    pub(crate) fn from_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        shared_secret::validate(algorithm, secret)?;
        let Primitive::Hmac(parameters) = algorithm.primitive() else { return Err(KeyError::WrongKeyType) };
        let key = Box::new(hmac::Key::new(parameters.hash, secret));
        Ok(Self::Shared { key, secret: Secret::new(secret.to_vec()) })
    }

    /// Parses `der`, a key in PKCS#8 (RFC 5958). aws-lc-rs checks that the public key matches, if it is
    /// present.
    pub(crate) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let parsed = match algorithm.primitive() {
            Primitive::Ecdsa(curve) => EcdsaKeyPair::from_pkcs8(curve.signing, der).map(Self::Ecdsa),
            Primitive::Ed25519 => Ed25519KeyPair::from_pkcs8(der).map(Self::Ed25519),
            Primitive::Rsa(scheme) => RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(pair, scheme)),
            Primitive::MlDsa(parameters) => {
                PqdsaKeyPair::from_pkcs8(parameters.signing, der).map(Self::MlDsa)
            }
            Primitive::Hmac(_) => return Err(KeyError::WrongKeyType),
        };
        let key = parsed.map_err(|_| KeyError::Malformed(algorithm))?;
        // An ML-DSA key without its seed could sign, but could not be serialized (RFC 9881, section 6).
        key.to_pkcs8().map_err(|_| KeyError::Malformed(algorithm))?;
        Ok(key)
    }

    /// The bytes to store: PKCS#8, or the shared secret.
    pub(crate) fn to_secret_bytes(&self) -> Secret<Vec<u8>> {
        match self {
            Self::Shared { secret, .. } => secret.clone(),
            Self::Ecdsa(_) | Self::Ed25519(_) | Self::Rsa(..) | Self::MlDsa(_) => {
                self.to_pkcs8().expect("a key that was generated or parsed can be serialized")
            }
        }
    }

    fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        let secret = |der: &[u8]| Secret::new(der.to_vec());
        let der = match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| secret(der.as_ref())),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| secret(der.as_ref())),
            Self::Rsa(pair, _) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| secret(der.as_ref())),
            Self::MlDsa(pair) => pair.to_pkcs8v1().map(|der| secret(der.as_ref())),
            Self::Shared { .. } => return Err(KeyError::WrongKeyType),
        };
        der.map_err(|_| KeyError::PrivateKeyMismatch)
    }

    /// The public key, without validation; `None` for a shared secret.
    pub(crate) fn public_jwk(&self, algorithm: Algorithm) -> Option<Jwk> {
        match self {
            Self::Ecdsa(pair) => spki::jwk_from_raw(pair.public_key().as_ref(), algorithm),
            Self::Ed25519(pair) => spki::jwk_from_raw(pair.public_key().as_ref(), algorithm),
            Self::Rsa(pair, _) => spki::jwk_from_raw(pair.public_key().as_ref(), algorithm),
            Self::MlDsa(pair) => spki::jwk_from_raw(pair.public_key().as_ref(), algorithm),
            Self::Shared { .. } => None,
        }
    }

    /// The length of a signature in bytes.
    pub(crate) fn signature_len(&self, algorithm: Algorithm) -> usize {
        match self {
            Self::Rsa(pair, _) => pair.public_modulus_len(),
            Self::Ecdsa(_) | Self::Ed25519(_) | Self::MlDsa(_) | Self::Shared { .. } => {
                algorithm.signature_len().expect("of RSA alone the length depends on the key")
            }
        }
    }

    /// Signs `message`; `None` if aws-lc-rs failed.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
            Self::Shared { key, .. } => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, scheme) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(scheme.signing, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}
