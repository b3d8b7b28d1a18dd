//! What is fuzzed: each function reads bytes of a stranger, and panics where a law is broken.
//!
//! They are plain functions, so that libFuzzer can drive them, and a test with a mutator of its own on stable.

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, VerifyingKey, json, jws, unverified};
use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId};

/// An issuer with one key, and a token of it.
pub struct Issuer {
    key: SigningKey,
    keys: KeySet,
    /// The one text that its key has signed.
    pub token: String,
}

impl Issuer {
    fn of(key: SigningKey) -> Self {
        let keys = KeySet::new([key.verifying_key()]).expect("one key is a set");
        let token = key.sign("at+jwt", &genuine_claims()).expect("a key signs");
        Self { key, keys, token }
    }
}

/// One for each algorithm; those for RSA share their numbers, since making them takes a second.
pub static ISSUERS: LazyLock<Vec<Issuer>> = LazyLock::new(|| {
    let rsa = SigningKey::generate(Algorithm::Rs256).expect("a key is made").to_secret_bytes();
    let key = |algorithm: Algorithm| match algorithm.as_str().starts_with(['R', 'P']) {
        true => SigningKey::from_secret_bytes(algorithm, rsa.expose()),
        false => SigningKey::generate(algorithm),
    };
    Algorithm::ALL.map(|algorithm| Issuer::of(key(algorithm).expect("a key is made"))).into()
});

fn genuine_claims() -> Vec<u8> {
    let claims = AccessClaims {
        iss: "https://auth.example".into(),
        aud: vec!["https://shop.example".into()],
        sub: "DxAPEA8QDxAPEA8QDxAPEA".into(),
        client_id: "shop".parse().expect("the name of a client"),
        iat: 1_764_000_000,
        exp: 1_764_000_900,
        nbf: None,
        jti: TokenId::from_bytes([1; 16]),
        sid: SessionId::from_bytes([2; 16]),
        auth_time: 1_764_000_000,
        amr: vec!["pwd".into()],
        acr: None,
        scope: Some("orders:read".into()),
        roles: vec!["clerk".into()],
        pos: RevocationPosition::new(7),
        extra: [("tenant".to_owned(), "a".into())].into_iter().collect(),
    };
    claims.to_json()
}

/// A token is accepted only if it is, byte for byte, the one that was signed.
pub fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for issuer in ISSUERS.iter() {
        let judged = jws::verify(&text, &issuer.keys, &[issuer.key.algorithm()], &["at+jwt"]);
        assert_eq!(judged.is_ok(), *text == *issuer.token, "{text}");
    }
    drop(unverified::peek(&text));
}

/// A key that is read is written as it is read again; whoever can sign has the public half.
pub fn jwk(data: &[u8]) {
    if let Ok(jwk) = json::object(data)
        && let Ok(key) = VerifyingKey::from_jwk(&jwk, Some(Algorithm::Es256))
    {
        let again = VerifyingKey::from_jwk(&key.jwk().expect("a public key"), None).expect("it was read");
        assert_eq!((again.kid(), again.algorithm()), (key.kid(), key.algorithm()));
    }
    if let Ok(key) = SigningKey::from_private_jwk(data, None) {
        let written = key.to_private_jwk();
        let again = SigningKey::from_private_jwk(written.expose().as_bytes(), None).expect("it was written");
        assert_eq!(again.kid(), key.kid());
    }
}

/// What is taken of a set is published as it is read again, and never twice under one name.
pub fn jwks(data: &[u8]) {
    let Ok(set) = JwkSet::from_json(data) else { return };
    let keys = set.key_set(None);
    if let Ok(keys) = keys {
        let published = JwkSet::of(&keys).to_json();
        let again = JwkSet::from_json(published.as_bytes()).expect("it was written");
        assert_eq!(again.keys.len(), keys.len());
    }
}

/// PEM and DER that are read are written as they were, or in the one form that has the same meaning.
pub fn pem(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256, Algorithm::MlDsa44] {
        for key in [VerifyingKey::from_pem(algorithm, &text), VerifyingKey::from_spki(algorithm, data)] {
            let Ok(key) = key else { continue };
            let again = VerifyingKey::from_spki(algorithm, &key.to_spki().expect("a public key"));
            assert_eq!(again.expect("it was written").kid(), key.kid());
        }
        if let Ok(key) = SigningKey::from_pem(algorithm, &text) {
            let again = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose());
            assert_eq!(again.expect("it was written").kid(), key.kid());
        }
    }
}

/// Claims that are read are written as they are read again.
pub fn claims(data: &[u8]) {
    if let Ok(claims) = AccessClaims::from_json(data) {
        assert_eq!(AccessClaims::from_json(&claims.to_json()).expect("it was written"), claims);
    }
}

/// Genuine inputs of each function, to begin with.
pub fn tokens() -> Vec<Vec<u8>> {
    ISSUERS.iter().map(|issuer| issuer.token.clone().into_bytes()).collect()
}

/// As [`tokens`], for [`jwk`].
pub fn jwk_seeds() -> Vec<Vec<u8>> {
    ISSUERS.iter().map(|issuer| issuer.key.to_private_jwk().expose().clone().into_bytes()).collect()
}

/// As [`tokens`], for [`jwks`].
pub fn jwks_seeds() -> Vec<Vec<u8>> {
    let public = ISSUERS.iter().filter_map(|issuer| issuer.key.verifying_key().jwk());
    vec![public.collect::<JwkSet>().to_json().into_bytes()]
}

/// As [`tokens`], for [`pem`].
pub fn pem_seeds() -> Vec<Vec<u8>> {
    let seeds = ISSUERS.iter().flat_map(|issuer| {
        let public = issuer.key.verifying_key();
        let private = issuer.key.to_private_pem().map(|pem| pem.expose().clone().into_bytes());
        [public.to_pem().map(String::into_bytes), public.to_spki(), private]
    });
    seeds.flatten().collect()
}

/// As [`tokens`], for [`claims`].
pub fn claims_seeds() -> Vec<Vec<u8>> {
    vec![genuine_claims()]
}
