//! The private half of a key, as the library holds it: how it is made, read, kept and used.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::random::{self, Unavailable};
use crate::scheme::{Rsa, Scheme};
use crate::secret::Secret;
use crate::shared_secret;
use crate::spki;

/// A private key or a shared secret, for one algorithm.
pub(crate) enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, Rsa),
    MlDsa(PqdsaKeyPair),
    // On the heap: moving the prepared state about would leave copies that nobody wipes.
    Shared { key: Box<hmac::Key>, secret: Secret<Vec<u8>> },
}

impl PrivateKey {
    /// A new one. An RSA key has 3072 bits; a secret is as long as the hash.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let made = match algorithm.scheme() {
            Scheme::Ecdsa(curve) => EcdsaKeyPair::generate(curve.signing).map(Self::Ecdsa),
            Scheme::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            Scheme::Rsa(rsa) => RsaKeyPair::generate(KeySize::Rsa3072).map(|pair| Self::Rsa(pair, rsa)),
            Scheme::MlDsa(set) => PqdsaKeyPair::generate(set.signing).map(Self::MlDsa),
            Scheme::Hmac(mac) => {
                let bytes = Zeroizing::new(random::bytes::<64>()?);
                return Self::shared(algorithm, &bytes[..mac.secret_len]);
            }
        };
        made.map_err(|_| Unavailable.into())
    }

    /// The one of a shared secret.
    pub(crate) fn shared(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        shared_secret::judge(algorithm, secret)?;
        let Scheme::Hmac(mac) = algorithm.scheme() else { return Err(KeyError::WrongType) };
        let key = Box::new(hmac::Key::new(mac.hash, secret));
        Ok(Self::Shared { key, secret: Secret::new(secret.to_vec()) })
    }

    /// The one in `der`, PKCS#8 (RFC 5958). The library checks that both halves belong together.
    pub(crate) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let read = match algorithm.scheme() {
            Scheme::Ecdsa(curve) => EcdsaKeyPair::from_pkcs8(curve.signing, der).map(Self::Ecdsa),
            Scheme::Ed25519 => Ed25519KeyPair::from_pkcs8(der).map(Self::Ed25519),
            Scheme::Rsa(rsa) => RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(pair, rsa)),
            Scheme::MlDsa(set) => PqdsaKeyPair::from_pkcs8(set.signing, der).map(Self::MlDsa),
            Scheme::Hmac(_) => return Err(KeyError::WrongType),
        };
        let key = read.map_err(|_| KeyError::Malformed(algorithm))?;
        // A key for ML-DSA may come without its seed: it could sign, but not be kept (RFC 9881, section 6).
        key.to_pkcs8().map_err(|_| KeyError::Malformed(algorithm))?;
        Ok(key)
    }

    /// The bytes to keep: PKCS#8, or the secret itself.
    pub(crate) fn to_secret_bytes(&self) -> Secret<Vec<u8>> {
        match self {
            Self::Shared { secret, .. } => secret.clone(),
            Self::Ecdsa(_) | Self::Ed25519(_) | Self::Rsa(..) | Self::MlDsa(_) => {
                self.to_pkcs8().expect("a key that was made or read can be written")
            }
        }
    }

    fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        let kept = |der: &[u8]| Secret::new(der.to_vec());
        let written = match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| kept(der.as_ref())),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| kept(der.as_ref())),
            Self::Rsa(pair, _) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| kept(der.as_ref())),
            Self::MlDsa(pair) => pair.to_pkcs8v1().map(|der| kept(der.as_ref())),
            Self::Shared { .. } => return Err(KeyError::WrongType),
        };
        written.map_err(|_| KeyError::Inconsistent)
    }

    /// The public half, unjudged; none for a shared secret.
    pub(crate) fn public(&self, algorithm: Algorithm) -> Option<Jwk> {
        match self {
            Self::Ecdsa(pair) => spki::of_raw(pair.public_key().as_ref(), algorithm),
            Self::Ed25519(pair) => spki::of_raw(pair.public_key().as_ref(), algorithm),
            Self::Rsa(pair, _) => spki::of_raw(pair.public_key().as_ref(), algorithm),
            Self::MlDsa(pair) => spki::of_raw(pair.public_key().as_ref(), algorithm),
            Self::Shared { .. } => None,
        }
    }

    /// The signature of `message`; none if the library could not make it.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
            Self::Shared { key, .. } => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, rsa) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa.signing, &random, message, &mut signature).ok()?;
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
