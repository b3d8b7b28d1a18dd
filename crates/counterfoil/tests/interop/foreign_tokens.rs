//! We verify tokens of other libraries with their keys, two keys at a time as during a rotation.

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, VerifyingKey, base64url, jws};
use serde_json::{Value, json};

use crate::foreign_library::{ForeignLibrary, Library};
use crate::test_server::text;

/// A token that a library signed, with its key in each format that the library returns.
struct SignedToken {
    kid: &'static str,
    token: String,
    response: Value,
}

impl SignedToken {
    fn request(foreign: &mut ForeignLibrary, algorithm: Algorithm, kid: &'static str) -> Self {
        let response = foreign.sign(algorithm, kid, &json!({"sub": kid, "exp": 4_000_000_000_u64}));
        Self { kid, token: text(&response, "token").to_owned(), response }
    }

    /// The key, parsed from each format that the library returns.
    fn keys(&self, algorithm: Algorithm) -> Vec<VerifyingKey> {
        let mut keys = Vec::new();
        if let Some(secret) = self.response["secret"].as_str() {
            let secret = base64url::decode(secret).unwrap();
            keys.push(VerifyingKey::from_secret(algorithm, self.kid, &secret).unwrap());
        }
        if let Some(pem) = self.response["pem"].as_str() {
            keys.push(VerifyingKey::from_pem(algorithm, pem).unwrap().with_kid(self.kid).unwrap());
        }
        if self.response["jwk"].is_object() {
            let jwks = json!({"keys": [self.response["jwk"]]}).to_string();
            let set = JwkSet::from_json(jwks.as_bytes()).unwrap().to_key_set(&[algorithm]);
            keys.extend(set.iter().cloned());
        }
        if self.response["private"].is_object() {
            let private = self.response["private"].to_string();
            let key = SigningKey::from_private_jwk(private.as_bytes(), Some(algorithm)).unwrap();
            keys.push(key.verifying_key().with_kid(self.kid).unwrap());
        }
        assert!(!keys.is_empty(), "{algorithm}");
        keys
    }
}

/// Verifies the library's tokens. Returns the number of algorithms and of key formats.
fn verify_tokens_of(foreign: &mut ForeignLibrary) -> (usize, usize) {
    let (mut algorithms, mut formats) = (0, 0);
    for algorithm in foreign.library.algorithms() {
        let [old, new] = ["2026-old", "2026-new"].map(|kid| SignedToken::request(foreign, algorithm, kid));
        for (old_key, new_key) in old.keys(algorithm).into_iter().zip(new.keys(algorithm)) {
            let both = KeySet::new([old_key, new_key]).unwrap();
            for signed in [&old, &new] {
                let verified = jws::verify(&signed.token, &both, &[algorithm], &["at+jwt"]).unwrap();
                let claims: Value = serde_json::from_slice(&verified.payload).unwrap();
                assert_eq!((&claims["sub"], &*verified.kid), (&json!(signed.kid), signed.kid));
            }
            let wrong_type = jws::verify(&old.token, &both, algorithm.compatible(), &["JWT"]);
            assert_eq!(wrong_type.unwrap_err().code(), "token_wrong_typ");
            formats += 1;
        }
        algorithms += 1;
    }
    (algorithms, formats)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_foreign_libraries_are_verified_with_two_keys_at_a_time() {
    let test = "tokens_of_foreign_libraries_are_verified_with_two_keys_at_a_time";
    let Some(libraries) = Library::start_all() else { return };
    for mut foreign in libraries {
        let (algorithms, formats) = verify_tokens_of(&mut foreign);
        println!("{test}: {}, {algorithms} algorithms, {formats} key formats", foreign.library.name());
    }
}
