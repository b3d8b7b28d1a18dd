//! `jsonwebtoken`, as its documentation says to use it: key and rules made once, claims of a fixed type.

use anyhow::{Context, Result};
use counterfoil_jose::{Algorithm, SigningKey};
use jsonwebtoken::{Algorithm as Alg, DecodingKey, Validation, decode};
use serde::Deserialize;

/// The same claims that ours reads.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is what is timed")]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    iat: u64,
    exp: u64,
    jti: String,
    sid: String,
    auth_time: u64,
    amr: Vec<String>,
    scope: Option<String>,
    pos: u64,
}

/// Key and rules.
pub(crate) struct Theirs {
    key: DecodingKey,
    rules: Validation,
}

impl Theirs {
    /// None for an algorithm that the library lacks.
    pub(crate) fn with(key: &SigningKey, issuer: &str, audience: &str) -> Result<Option<Self>> {
        let Some(algorithm) = named(key.algorithm()) else { return Ok(None) };
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        rules.validate_nbf = true;
        Ok(Some(Self { key: decoding_key(key)?, rules }))
    }

    pub(crate) fn verify(&self, token: &str) -> bool {
        decode::<Claims>(token, &self.key, &self.rules).is_ok()
    }
}

fn decoding_key(key: &SigningKey) -> Result<DecodingKey> {
    let Some(pem) = key.verifying_key().to_pem() else {
        return Ok(DecodingKey::from_secret(key.to_secret_bytes().expose()));
    };
    let kind = key.verifying_key().jwk().context("a public key")?.kty;
    Ok(match kind.as_str() {
        "EC" => DecodingKey::from_ec_pem(pem.as_bytes())?,
        "OKP" => DecodingKey::from_ed_pem(pem.as_bytes())?,
        _ => DecodingKey::from_rsa_pem(pem.as_bytes())?,
    })
}

fn named(algorithm: Algorithm) -> Option<Alg> {
    match algorithm {
        Algorithm::Es256 => Some(Alg::ES256),
        Algorithm::Es384 => Some(Alg::ES384),
        Algorithm::Hs256 => Some(Alg::HS256),
        Algorithm::Hs384 => Some(Alg::HS384),
        Algorithm::Hs512 => Some(Alg::HS512),
        Algorithm::Rs256 => Some(Alg::RS256),
        Algorithm::Rs384 => Some(Alg::RS384),
        Algorithm::Rs512 => Some(Alg::RS512),
        Algorithm::Ps256 => Some(Alg::PS256),
        Algorithm::Ps384 => Some(Alg::PS384),
        Algorithm::Ps512 => Some(Alg::PS512),
        // It knows Ed25519 as EdDSA alone.
        _ => None,
    }
}
