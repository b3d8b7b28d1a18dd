//! A key for any algorithm. All RSA keys are the same, because its generation takes a second.

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, Secret, SigningKey};

static RSA_KEY: LazyLock<Secret<Vec<u8>>> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap().to_secret_bytes());

/// A new key. All RSA keys are the same, and have the same id.
pub(crate) fn signing_key(algorithm: Algorithm) -> SigningKey {
    if algorithm.as_str().starts_with(['R', 'P']) {
        return SigningKey::from_secret_bytes(algorithm, RSA_KEY.expose()).unwrap();
    }
    SigningKey::generate(algorithm).unwrap()
}
