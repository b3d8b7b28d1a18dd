//! `jsonwebtoken`, used as its documentation says: key and validation prepared once, claims of a fixed type.

use anyhow::{Context, Result};
use counterfoil_jose::{Algorithm, SigningKey};
use jsonwebtoken::{Algorithm as JwtAlgorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

/// The same claims that `counterfoil-verify` reads.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading them is measured")]
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

/// A key and the checks of the claims.
pub(crate) struct JsonwebtokenVerifier {
    key: DecodingKey,
    validation: Validation,
}

impl JsonwebtokenVerifier {
    /// `None` for an algorithm that the library does not support.
    pub(crate) fn new(key: &SigningKey, issuer: &str, audience: &str) -> Result<Option<Self>> {
        let Some(algorithm) = jwt_algorithm(key.algorithm()) else { return Ok(None) };
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.validate_nbf = true;
        Ok(Some(Self { key: decoding_key(key)?, validation }))
    }

    pub(crate) fn verify(&self, token: &str) -> bool {
        decode::<Claims>(token, &self.key, &self.validation).is_ok()
    }
}

fn decoding_key(key: &SigningKey) -> Result<DecodingKey> {
    let Some(pem) = key.verifying_key().to_pem() else {
        return Ok(DecodingKey::from_secret(key.to_secret_bytes().expose()));
    };
    let kind = key.verifying_key().jwk().context("a public key has a JWK")?.kty;
    Ok(match kind.as_str() {
        "EC" => DecodingKey::from_ec_pem(pem.as_bytes())?,
        "OKP" => DecodingKey::from_ed_pem(pem.as_bytes())?,
        _ => DecodingKey::from_rsa_pem(pem.as_bytes())?,
    })
}

fn jwt_algorithm(algorithm: Algorithm) -> Option<JwtAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(JwtAlgorithm::ES256),
        Algorithm::Es384 => Some(JwtAlgorithm::ES384),
        Algorithm::Hs256 => Some(JwtAlgorithm::HS256),
        Algorithm::Hs384 => Some(JwtAlgorithm::HS384),
        Algorithm::Hs512 => Some(JwtAlgorithm::HS512),
        Algorithm::Rs256 => Some(JwtAlgorithm::RS256),
        Algorithm::Rs384 => Some(JwtAlgorithm::RS384),
        Algorithm::Rs512 => Some(JwtAlgorithm::RS512),
        Algorithm::Ps256 => Some(JwtAlgorithm::PS256),
        Algorithm::Ps384 => Some(JwtAlgorithm::PS384),
        Algorithm::Ps512 => Some(JwtAlgorithm::PS512),
        // The library has Ed25519 only under the name EdDSA.
        _ => None,
    }
}
