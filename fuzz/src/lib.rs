//! The functions behind the fuzz targets: each parses untrusted bytes, and panics if an invariant does not
//! hold.
//!
//! They are plain functions, so that both libFuzzer and a test with its own mutator on stable can call them.

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, VerifyingKey, json, jws, unverified};
use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId};

/// An issuer with one key, and one of its tokens.
pub struct Issuer {
    key: SigningKey,
    keys: KeySet,
    /// The only token that the key has signed.
    pub token: String,
}

impl Issuer {
    fn new(key: SigningKey) -> Self {
        let keys = KeySet::new([key.verifying_key()]).expect("a set of one key is valid");
        let token = key.sign("at+jwt", &valid_claims()).expect("signing succeeds");
        Self { key, keys, token }
    }
}

/// One issuer for each algorithm. All RSA issuers have the same key, because its generation takes a second.
pub static ISSUERS: LazyLock<Vec<Issuer>> = LazyLock::new(|| {
    let rsa = SigningKey::generate(Algorithm::Rs256).expect("key generation succeeds").to_secret_bytes();
    let key = |algorithm: Algorithm| match algorithm.as_str().starts_with(['R', 'P']) {
        true => SigningKey::from_secret_bytes(algorithm, rsa.expose()),
        false => SigningKey::generate(algorithm),
    };
    Algorithm::ALL.map(|algorithm| Issuer::new(key(algorithm).expect("key generation succeeds"))).into()
});

fn valid_claims() -> Vec<u8> {
    let claims = AccessClaims {
        iss: "https://auth.example".into(),
        aud: vec!["https://shop.example".into()],
        sub: "DxAPEA8QDxAPEA8QDxAPEA".into(),
        client_id: "shop".parse().expect("a valid client id"),
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
        preferred_username: Some("ada".into()),
        pos: RevocationPosition::new(7),
        status: None,
        extra: [("tenant".to_owned(), "a".into())].into_iter().collect(),
    };
    claims.to_json()
}

/// Verifies a token. It is accepted only if it is exactly the token that was signed.
pub fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for issuer in ISSUERS.iter() {
        let result = jws::verify(&text, &issuer.keys, &[issuer.key.algorithm()], &["at+jwt"]);
        assert_eq!(result.is_ok(), *text == *issuer.token, "{text}");
    }
    drop(unverified::decode(&text));
}

/// Parses a public and a private JWK. A key that is parsed, serialized and parsed again is the same key.
pub fn jwk(data: &[u8]) {
    if let Ok(jwk) = json::parse_object(data)
        && let Ok(key) = VerifyingKey::from_jwk(&jwk, Some(Algorithm::Es256))
    {
        let reparsed = VerifyingKey::from_jwk(&key.jwk().expect("a public key"), None)
            .expect("a parsed key can be parsed again");
        assert_eq!((reparsed.kid(), reparsed.algorithm()), (key.kid(), key.algorithm()));
    }
    if let Ok(key) = SigningKey::from_private_jwk(data, None) {
        let written = key.to_private_jwk();
        let reparsed = SigningKey::from_private_jwk(written.expose().as_bytes(), None)
            .expect("a serialized value can be parsed");
        assert_eq!(reparsed.kid(), key.kid());
    }
}

/// Parses a JWK set. A set that is parsed, serialized and parsed again has the same number of keys.
pub fn jwks(data: &[u8]) {
    let Ok(set) = JwkSet::from_json(data) else { return };
    let keys = set.to_key_set(&Algorithm::ASYMMETRIC);
    let published = JwkSet::from_key_set(&keys).to_json();
    let reparsed = JwkSet::from_json(published.as_bytes()).expect("a serialized value can be parsed");
    assert_eq!(reparsed.keys.len(), keys.len());
}

/// Parses PEM and DER. A key that is parsed, serialized and parsed again is the same key.
pub fn pem(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256, Algorithm::MlDsa44] {
        for key in [VerifyingKey::from_pem(algorithm, &text), VerifyingKey::from_spki(algorithm, data)] {
            let Ok(key) = key else { continue };
            let reparsed = VerifyingKey::from_spki(algorithm, &key.to_spki().expect("a public key"));
            assert_eq!(reparsed.expect("a serialized value can be parsed").kid(), key.kid());
        }
        if let Ok(key) = SigningKey::from_pem(algorithm, &text) {
            let reparsed = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose());
            assert_eq!(reparsed.expect("a serialized value can be parsed").kid(), key.kid());
        }
    }
}

/// Parses claims. Claims that are parsed, serialized and parsed again are the same.
pub fn claims(data: &[u8]) {
    if let Ok(claims) = AccessClaims::from_json(data) {
        assert_eq!(
            AccessClaims::from_json(&claims.to_json()).expect("a serialized value can be parsed"),
            claims
        );
    }
}

/// Valid inputs for [`token`], as seeds.
pub fn token_seeds() -> Vec<Vec<u8>> {
    ISSUERS.iter().map(|issuer| issuer.token.clone().into_bytes()).collect()
}

/// Valid inputs for [`jwk`], as seeds.
pub fn jwk_seeds() -> Vec<Vec<u8>> {
    ISSUERS.iter().map(|issuer| issuer.key.to_private_jwk().expose().clone().into_bytes()).collect()
}

/// Valid inputs for [`jwks`], as seeds.
pub fn jwks_seeds() -> Vec<Vec<u8>> {
    let public = ISSUERS.iter().filter_map(|issuer| issuer.key.verifying_key().jwk());
    vec![public.collect::<JwkSet>().to_json().into_bytes()]
}

/// Valid inputs for [`pem`], as seeds.
pub fn pem_seeds() -> Vec<Vec<u8>> {
    let seeds = ISSUERS.iter().flat_map(|issuer| {
        let public = issuer.key.verifying_key();
        let private = issuer.key.to_private_pem().map(|pem| pem.expose().clone().into_bytes());
        [public.to_pem().map(String::into_bytes), public.to_spki(), private]
    });
    seeds.flatten().collect()
}

/// Valid inputs for [`claims`], as seeds.
pub fn claims_seeds() -> Vec<Vec<u8>> {
    vec![valid_claims()]
}
