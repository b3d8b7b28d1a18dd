//! Signs tokens for the tests: one issuer, one audience, at noon.
#![allow(dead_code, reason = "each test file is a crate of its own and uses its part")]

use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
use counterfoil_verify::{LocalVerifier, Revocations, SessionId, TokenId, TokenVerifier, UserId};

pub(crate) const NOON_SECONDS: u64 = 1_764_000_000;
pub(crate) const NOON: Time = Time::from_unix_seconds(NOON_SECONDS);
pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const SHOP: &str = "https://shop.example";
pub(crate) const ALICE: UserId = UserId::from_bytes([1; 16]);
pub(crate) const SESSION: SessionId = SessionId::from_bytes([2; 16]);
pub(crate) const TOKEN: TokenId = TokenId::from_bytes([3; 16]);

/// The issuer's signing key, with verifiers that trust it.
pub(crate) struct TestSigner {
    pub(crate) key: SigningKey,
}

impl TestSigner {
    pub(crate) fn new() -> Self {
        Self::with(Algorithm::Es256)
    }

    pub(crate) fn with(algorithm: Algorithm) -> Self {
        Self { key: SigningKey::generate(algorithm).unwrap() }
    }

    pub(crate) fn keys(&self) -> KeySet {
        KeySet::new([self.key.verifying_key()]).unwrap()
    }

    pub(crate) fn verifier(&self) -> TokenVerifier {
        TokenVerifier::builder(ISSUER, SHOP, &[self.key.algorithm()]).build(self.keys()).unwrap()
    }

    pub(crate) fn local(&self) -> LocalVerifier {
        LocalVerifier::new(self.verifier(), Arc::new(Revocations::new()), || NOON)
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as("at+jwt", claims)
    }

    pub(crate) fn sign_as(&self, typ: &str, claims: &Value) -> String {
        self.sign_text(typ, &claims.to_string())
    }

    pub(crate) fn sign_text(&self, typ: &str, claims: &str) -> String {
        self.key.sign(typ, claims.as_bytes()).unwrap()
    }
}

/// Alice's claims at noon.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": SHOP, "sub": ALICE, "client_id": "shop", "iat": NOON_SECONDS,
        "exp": NOON_SECONDS + 900, "jti": TOKEN, "sid": SESSION, "auth_time": NOON_SECONDS,
        "amr": ["pwd"], "scope": "orders:read orders:write", "roles": ["clerk"], "pos": 7,
    })
}

/// Alice's claims, with one of them replaced.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// Alice's claims, without one of them.
pub(crate) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}
