//! Tokens and keys that foreign libraries make, judged by us, two keys at a time as during a rotation.

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey, VerifyingKey, base64url, jws};
use serde_json::{Value, json};

use crate::foreign_library::{Judge, Library};
use crate::test_server::text;

/// A key that a library made, by the form in which it came, and the token that it signed.
struct Minted {
    kid: &'static str,
    token: String,
    made: Value,
}

impl Minted {
    fn by(judge: &mut Judge, algorithm: Algorithm, kid: &'static str) -> Self {
        let made = judge.mint(algorithm, kid, &json!({"sub": kid, "exp": 4_000_000_000_u64}));
        Self { kid, token: text(&made, "token").to_owned(), made }
    }

    /// The key in each form in which the library gives it.
    fn keys(&self, algorithm: Algorithm) -> Vec<VerifyingKey> {
        let mut keys = Vec::new();
        if let Some(secret) = self.made["secret"].as_str() {
            let secret = base64url::decode(secret).unwrap();
            keys.push(VerifyingKey::from_secret(algorithm, self.kid, &secret).unwrap());
        }
        if let Some(pem) = self.made["pem"].as_str() {
            keys.push(VerifyingKey::from_pem(algorithm, pem).unwrap().known_as(self.kid).unwrap());
        }
        if self.made["jwk"].is_object() {
            let jwks = json!({"keys": [self.made["jwk"]]}).to_string();
            let set = JwkSet::from_json(jwks.as_bytes()).unwrap().key_set(None).unwrap();
            keys.extend(set.iter().cloned());
        }
        if self.made["private"].is_object() {
            let private = self.made["private"].to_string();
            let key = SigningKey::from_private_jwk(private.as_bytes(), Some(algorithm)).unwrap();
            keys.push(key.verifying_key().known_as(self.kid).unwrap());
        }
        assert!(!keys.is_empty(), "{algorithm}");
        keys
    }
}

/// How many algorithms the library knows, and in how many forms it gave us keys for them.
fn judge_theirs(judge: &mut Judge) -> (usize, usize) {
    let (mut algorithms, mut forms) = (0, 0);
    for algorithm in judge.library.algorithms() {
        let [old, new] = ["2026-old", "2026-new"].map(|kid| Minted::by(judge, algorithm, kid));
        for (one, two) in old.keys(algorithm).into_iter().zip(new.keys(algorithm)) {
            let both = KeySet::new([one, two]).unwrap();
            for minted in [&old, &new] {
                let verified = jws::verify(&minted.token, &both, &[algorithm], &["at+jwt"]).unwrap();
                let claims: Value = serde_json::from_slice(&verified.payload).unwrap();
                assert_eq!((&claims["sub"], &*verified.kid), (&json!(minted.kid), minted.kid));
            }
            let other = jws::verify(&old.token, &both, algorithm.family(), &["JWT"]);
            assert_eq!(other.unwrap_err().code(), "token_wrong_typ");
            forms += 1;
        }
        algorithms += 1;
    }
    (algorithms, forms)
}

#[tokio::test(flavor = "multi_thread")]
async fn we_accept_the_tokens_of_foreign_libraries_by_two_keys_at_a_time() {
    let test = "we_accept_the_tokens_of_foreign_libraries_by_two_keys_at_a_time";
    let Some(judges) = Library::call_all(test) else { return };
    for mut judge in judges {
        let (algorithms, forms) = judge_theirs(&mut judge);
        println!("{test}: {}, {algorithms} algorithms, {forms} forms of keys", judge.library.name());
    }
}
