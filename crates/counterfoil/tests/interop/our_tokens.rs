//! Our tokens, by our keys over HTTP, in every algorithm that a library knows, and while keys change.

use counterfoil::operator::Command;
use counterfoil_jose::{Algorithm, SigningKey, base64url};
use serde_json::json;

use crate::client::Request;
use crate::foreign_library::{Judge, Library, besieged};
use crate::test_server::{Site, text};

/// An issuer that signs with `algorithm`, and Ada, who is known to it.
async fn issuer(algorithm: Algorithm) -> Site {
    let site = Site::with(|settings| settings.algorithm = algorithm).await;
    site.register("ada").await;
    site
}

async fn token_of_ada(site: &Site) -> String {
    text(&site.login("ada", "jwt").await, "access_token").to_owned()
}

/// Signs with another key from now on, as an administrator may; the old one and the next stay published.
async fn rotate(site: &Site) {
    let made = site.app.administer(Command::AdminKeyAdd { name: "tests".into() }).await.unwrap();
    let at_once = Request::post("/v1/admin/keys").bearer(text(&made, "key")).json(&json!({ "now": true }));
    assert_eq!(at_once.send(site).await.status, 201);
    let jwks = Request::get("/.well-known/jwks.json").send(site).await.json();
    assert!(jwks["keys"].as_array().unwrap().len() >= 2, "{jwks}");
}

/// The token with another end of its signature.
fn forged(token: &str) -> String {
    let (front, last) = token.split_at(token.len() - 8);
    format!("{front}{}", if last == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" })
}

/// Whether every library that knows the algorithm accepts this token, and none a forged one.
fn assert_accepted(judges: &mut [Judge], site: &Site, algorithm: Algorithm, token: &str) {
    for judge in judges.iter_mut().filter(|judge| judge.library.knows(algorithm)) {
        let accepted = judge.verify(&site.origin, algorithm, token);
        let claims = accepted.unwrap_or_else(|why| panic!("{:?} {algorithm}: {why}", judge.library));
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(site.origin), &json!(site.origin)));
        assert!(claims["sid"].is_string() && claims["pos"].is_u64(), "{claims}");
        judge.verify(&site.origin, algorithm, &forged(token)).unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_libraries_accept_our_tokens_also_while_keys_change() {
    let test = "foreign_libraries_accept_our_tokens_also_while_keys_change";
    let Some(mut judges) = Library::call_all(test) else { return };
    let known = |algorithm: &Algorithm| Library::ALL.iter().any(|library| library.knows(*algorithm));
    let algorithms = Algorithm::PUBLIC.into_iter().filter(known);
    for algorithm in algorithms.clone() {
        // One issuer for all libraries: making a key for RSA takes a second.
        let site = issuer(algorithm).await;
        let before = token_of_ada(&site).await;
        assert_accepted(&mut judges, &site, algorithm, &before);

        rotate(&site).await;
        let after = token_of_ada(&site).await;
        assert_ne!(before.split('.').next(), after.split('.').next(), "another key signs");
        for token in [before, after] {
            assert_accepted(&mut judges, &site, algorithm, &token);
        }
    }
    println!("{test}: {} algorithms, {} libraries", algorithms.count(), judges.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_libraries_accept_our_tokens_under_a_shared_secret() {
    let test = "foreign_libraries_accept_our_tokens_under_a_shared_secret";
    let Some(mut judges) = Library::call_all(test) else { return };
    judges.iter_mut().for_each(judge_secrets);
    println!("{test}: {} algorithms, {} libraries", Algorithm::SECRET.len(), judges.len());
}

/// Tokens under a secret that no issuer publishes.
fn judge_secrets(judge: &mut Judge) {
    const ISSUER: &str = "https://auth.example";
    for algorithm in Algorithm::SECRET {
        let key = SigningKey::generate(algorithm).unwrap();
        let secret = base64url::encode(key.to_secret_bytes().expose());
        let claims = json!({"iss": ISSUER, "aud": ISSUER, "sub": "ada", "exp": 4_000_000_000_u64});
        let token = key.sign("at+jwt", claims.to_string().as_bytes()).unwrap();

        let accepted = judge.verify_by_secret(ISSUER, algorithm, &token, &secret);
        assert_eq!(accepted.unwrap(), claims, "{:?} {algorithm}", judge.library);
        judge.verify_by_secret(ISSUER, algorithm, &forged(&token), &secret).unwrap_err();
    }
}

/// Rules 3 and 4 of `docs/keys.md`: anybody can make up a `kid`, and an issuer may be away.
#[test]
fn strangers_make_pyjwt_ask_once_and_forget_no_key() {
    let Some(said) = besieged("strangers_make_pyjwt_ask_once_and_forget_no_key") else { return };

    assert_eq!(said["known"], json!([true, true]), "also while the issuer is away");
    assert_eq!(said["strangers"], json!(vec![false; 20]));
    assert_eq!(said["asked"], 2, "once for the keys, and once for all strangers");
}
