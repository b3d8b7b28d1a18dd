//! Other libraries verify our tokens with the keys we publish: every algorithm that they support, also during rotations.

use counterfoil::operator::Command;
use counterfoil_jose::{Algorithm, SigningKey, base64url};
use serde_json::json;

use crate::client::Request;
use crate::foreign_library::{ForeignLibrary, Library, unknown_kid_requests};
use crate::test_server::{TestServer, text};

/// A server that signs with `algorithm` and has the user `ada`.
async fn start_issuer(algorithm: Algorithm) -> TestServer {
    let server = TestServer::with(|settings| settings.algorithm = algorithm).await;
    server.register("ada").await;
    server
}

async fn issue_token(server: &TestServer) -> String {
    text(&server.login("ada", "jwt").await, "access_token").to_owned()
}

/// Rotates the signing key at once. The old and the next key stay published.
async fn rotate(server: &TestServer) {
    let admin_key = server.app.administer(Command::AdminKeyAdd { name: "tests".into() }).await.unwrap();
    let rotation =
        Request::post("/v1/admin/keys").bearer(text(&admin_key, "key")).json(&json!({ "now": true }));
    assert_eq!(rotation.send(server).await.status, 201);
    let jwks = Request::get("/.well-known/jwks.json").send(server).await.json();
    assert!(jwks["keys"].as_array().unwrap().len() >= 2, "{jwks}");
}

/// Changes the end of the signature.
fn forge(token: &str) -> String {
    let (start, end) = token.split_at(token.len() - 8);
    format!("{start}{}", if end == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" })
}

/// Asserts that every library that supports the algorithm accepts this token and rejects a forged one.
fn assert_accepted(libraries: &mut [ForeignLibrary], server: &TestServer, algorithm: Algorithm, token: &str) {
    for foreign in libraries.iter_mut().filter(|foreign| foreign.library.supports(algorithm)) {
        let accepted = foreign.verify(&server.origin, algorithm, token);
        let claims = accepted.unwrap_or_else(|error| panic!("{:?} {algorithm}: {error}", foreign.library));
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.origin), &json!(server.origin)));
        assert!(claims["sid"].is_string() && claims["pos"].is_u64(), "{claims}");
        foreign.verify(&server.origin, algorithm, &forge(token)).unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_libraries_verify_our_tokens_during_key_rotations() {
    let test = "foreign_libraries_verify_our_tokens_during_key_rotations";
    let Some(mut libraries) = Library::start_all() else { return };
    let is_supported =
        |algorithm: &Algorithm| Library::ALL.iter().any(|library| library.supports(*algorithm));
    let algorithms = Algorithm::ASYMMETRIC.into_iter().filter(is_supported);
    for algorithm in algorithms.clone() {
        // One issuer for all libraries, because generating an RSA key takes a second.
        let server = start_issuer(algorithm).await;
        let before = issue_token(&server).await;
        assert_accepted(&mut libraries, &server, algorithm, &before);

        rotate(&server).await;
        let after = issue_token(&server).await;
        assert_ne!(before.split('.').next(), after.split('.').next(), "the tokens must have different keys");
        for token in [before, after] {
            assert_accepted(&mut libraries, &server, algorithm, &token);
        }
    }
    println!("{test}: {} algorithms, {} libraries", algorithms.count(), libraries.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_libraries_verify_our_tokens_with_a_shared_secret() {
    let test = "foreign_libraries_verify_our_tokens_with_a_shared_secret";
    let Some(mut libraries) = Library::start_all() else { return };
    libraries.iter_mut().for_each(verify_with_secrets);
    println!("{test}: {} algorithms, {} libraries", Algorithm::SYMMETRIC.len(), libraries.len());
}

/// Verifies a token of each HMAC algorithm.
fn verify_with_secrets(foreign: &mut ForeignLibrary) {
    const ISSUER: &str = "https://auth.example";
    for algorithm in Algorithm::SYMMETRIC {
        let key = SigningKey::generate(algorithm).unwrap();
        let secret = base64url::encode(key.to_secret_bytes().expose());
        let claims = json!({"iss": ISSUER, "aud": ISSUER, "sub": "ada", "exp": 4_000_000_000_u64});
        let token = key.sign("at+jwt", claims.to_string().as_bytes()).unwrap();

        let accepted = foreign.verify_by_secret(ISSUER, algorithm, &token, &secret);
        assert_eq!(accepted.unwrap(), claims, "{:?} {algorithm}", foreign.library);
        foreign.verify_by_secret(ISSUER, algorithm, &forge(&token), &secret).unwrap_err();
    }
}

/// Rules 3 and 4 of `docs/keys.md`: any client can invent a `kid`, and the issuer may be unavailable.
#[test]
fn unknown_kids_make_pyjwt_fetch_once_and_keep_its_keys() {
    let Some(report) = unknown_kid_requests() else { return };

    assert_eq!(
        report["known"],
        json!([true, true]),
        "known keys are accepted while the issuer is unavailable"
    );
    assert_eq!(report["unknown"], json!(vec![false; 20]));
    assert_eq!(report["fetches"], 2, "one fetch for the keys and one for all unknown kids");
}
