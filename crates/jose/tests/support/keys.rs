//! A key for any algorithm; those for RSA are all one, since making one takes a second.

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, Secret, SigningKey};

static RSA: LazyLock<Secret<Vec<u8>>> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap().to_secret_bytes());

/// A new key, of which the RSA ones share their numbers and so their id.
pub(crate) fn signing_key(algorithm: Algorithm) -> SigningKey {
    if algorithm.as_str().starts_with(['R', 'P']) {
        return SigningKey::from_secret_bytes(algorithm, RSA.expose()).unwrap();
    }
    SigningKey::generate(algorithm).unwrap()
}
