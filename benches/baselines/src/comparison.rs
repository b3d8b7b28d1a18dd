//! One token of one algorithm, and the implementations that verify it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::ValueEnum;
use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time, VerifyingKey, base64url};
use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId, TokenVerifier};

use crate::jsonwebtoken::JsonwebtokenVerifier;

const ISSUER: &str = "https://auth.example";
const AUDIENCE: &str = "https://shop.example";

/// An implementation of token verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Implementation {
    /// The bare primitive, on the bytes that were signed.
    Primitive,
    /// `counterfoil-verify` without its cache.
    Counterfoil,
    /// `jsonwebtoken` with aws-lc-rs.
    Jsonwebtoken,
}

impl Implementation {
    pub(crate) const ALL: [Self; 3] = [Self::Primitive, Self::Counterfoil, Self::Jsonwebtoken];
}

/// A token, and the verifiers of every implementation, prepared before the measurement.
pub(crate) struct Comparison {
    token: String,
    now: Time,
    primitive: PrimitiveVerifier,
    counterfoil: TokenVerifier,
    jsonwebtoken: Option<JsonwebtokenVerifier>,
}

impl Comparison {
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let key = SigningKey::generate(algorithm)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let token = key.sign("at+jwt", &claims(seconds)?.to_json())?;
        let keys = KeySet::new([key.verifying_key()])?;
        let counterfoil = TokenVerifier::builder(ISSUER, AUDIENCE, &[algorithm]).cache_size(0).build(keys)?;
        let comparison = Self {
            now: Time::from_unix_seconds(seconds),
            primitive: PrimitiveVerifier::new(&key, &token)?,
            counterfoil,
            jsonwebtoken: JsonwebtokenVerifier::new(&key, ISSUER, AUDIENCE)?,
            token,
        };
        for one in Implementation::ALL.into_iter().filter(|&one| comparison.supports(one)) {
            anyhow::ensure!(comparison.verify(one), "{one:?} rejects {algorithm}");
        }
        Ok(comparison)
    }

    /// Whether the implementation supports the algorithm of the token.
    pub(crate) fn supports(&self, implementation: Implementation) -> bool {
        implementation != Implementation::Jsonwebtoken || self.jsonwebtoken.is_some()
    }

    /// Verifies the token once; returns whether it is accepted.
    pub(crate) fn verify(&self, implementation: Implementation) -> bool {
        match implementation {
            Implementation::Primitive => self.primitive.verify(),
            Implementation::Counterfoil => self.counterfoil.verify(&self.token, self.now).is_ok(),
            Implementation::Jsonwebtoken => {
                self.jsonwebtoken.as_ref().is_some_and(|verifier| verifier.verify(&self.token))
            }
        }
    }
}

/// Verifies only the signature, which was decoded before.
struct PrimitiveVerifier {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl PrimitiveVerifier {
    fn new(key: &SigningKey, token: &str) -> Result<Self> {
        let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
        let signature = base64url::decode(signature)?;
        Ok(Self { key: key.verifying_key(), message: message.into(), signature })
    }

    fn verify(&self) -> bool {
        self.key.verify(&self.message, &self.signature)
    }
}

/// The claims of a typical access token.
fn claims(seconds: u64) -> Result<AccessClaims> {
    Ok(AccessClaims {
        iss: ISSUER.into(),
        aud: vec![AUDIENCE.into()],
        sub: "DxAPEA8QDxAPEA8QDxAPEA".into(),
        client_id: "shop".parse()?,
        iat: seconds,
        exp: seconds + 900,
        nbf: None,
        jti: TokenId::from_bytes([1; 16]),
        sid: SessionId::from_bytes([2; 16]),
        auth_time: seconds,
        amr: vec!["pwd".into()],
        acr: None,
        scope: Some("orders:read".into()),
        roles: Vec::new(),
        preferred_username: Some("ada".into()),
        pos: RevocationPosition::new(1_764_000_000_123),
        status: None,
        extra: Default::default(),
    })
}
