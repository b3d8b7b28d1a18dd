//! `counterfoil token mint` and `token verify`: from the hand of an operator to the judgement of a service.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::Path;

use counterfoil_jose::{HmacKey, base64url};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Said, Server, in_dir, run, run_with_input, succeed};

const SHOP: &str = "https://shop.example";
const PASSWORD: &str = "correct horse battery staple";

/// A server for ada, in `place`.
fn serving(place: &Path) -> (std::path::PathBuf, Server) {
    let (dir, password) = (place.join("data"), place.join("password"));
    fs::write(&password, PASSWORD).unwrap();
    succeed(&dir, &["user", "add", "ada", "--role", "clerk", "--password-file", password.to_str().unwrap()]);
    let server = Server::serve(&dir);
    (dir, server)
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
}

/// Verifies `token`, which is handed over where nobody else can read it.
fn verify(token: &str, options: &[&str]) -> Said {
    run_with_input(&[&["token", "verify", "-"], options].concat(), &format!("{token}\n"))
}

#[test]
fn a_token_that_was_minted_is_accepted_by_whom_it_is_for() {
    let place = tempfile::tempdir().unwrap();
    let (dir, server) = serving(place.path());
    let mint = ["token", "mint", "--user", "ada", "--audience", SHOP, "--scope", "orders:read"];
    let minted = run(&in_dir(&dir, &mint));
    assert_eq!(minted.code, 0, "{minted:?}");
    let token = minted.out.trim();
    let to_shop = ["--issuer", &server.base, "--audience", SHOP];

    let said = verify(token, &to_shop);
    assert_eq!(said.code, 0, "{said:?}");
    for part in ["accepted", "(ES256)", SHOP, "orders:read", "clerk", "(in ", "not judged", "revocations"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let judged = json_of(&verify(token, &[&to_shop[..], &["--json"]].concat()));
    assert_eq!((&judged["accepted"], &judged["not_judged"]), (&json!(true), &json!(["revocations"])));

    // The same keys from a file, and from where they are published.
    let (keys, url) = (place.path().join("jwks.json"), format!("{}/.well-known/jwks.json", server.base));
    fs::write(&keys, server.curl("/.well-known/jwks.json", &[]).1.to_string()).unwrap();
    for jwks in [keys.to_str().unwrap(), &url] {
        let judged = verify(token, &["--jwks", jwks, "--json"]);
        assert_eq!(judged.code, 0, "{judged:?}");
        assert_eq!(json_of(&judged)["not_judged"], json!(["issuer", "audience", "revocations"]));
    }
    server.stop(Signal::TERM);
}

#[test]
fn what_is_refused_says_why_and_is_no_success() {
    let place = tempfile::tempdir().unwrap();
    let (dir, server) = serving(place.path());
    let mint = ["token", "mint", "--subject", "ci", "--audience", SHOP, "--lifetime", "60", "--json"];
    let minted: Value = serde_json::from_str(&succeed(&dir, &mint)).unwrap();
    // Whole seconds, cut off.
    assert!((59..=60).contains(&minted["expires_in"].as_u64().unwrap()), "{minted}");
    assert_eq!(minted["session"], Value::Null);
    let token = minted["access_token"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    let id_token = token.replacen("eyJ0eXAiOiJhdCtqd3Qi", &base64url::encode(r#"{"typ":   "JWT""#), 1);
    let issuer = &*server.base.clone();

    for (token, options, reason, part) in [
        (token, vec!["--issuer", issuer], "audience", SHOP),
        (
            token,
            vec!["--issuer", issuer, "--audience", SHOP, "--algorithm", "RS256"],
            "token_alg_not_allowed",
            "",
        ),
        (&forged, vec!["--issuer", issuer, "--audience", SHOP], "token_bad_signature", ""),
        (&id_token, vec!["--issuer", issuer, "--audience", SHOP], "token_wrong_typ", "--foreign"),
        ("nonsense", vec!["--issuer", issuer], "token_not_compact", ""),
    ] {
        let said = verify(token, &[&options[..], &["--json"]].concat());
        assert_eq!(said.code, 1, "{said:?}");
        let judged = json_of(&said);
        assert_eq!((&judged["accepted"], &judged["reason"]), (&json!(false), &json!(reason)), "{said:?}");
        assert!(said.err.starts_with("error: refused: ") && said.err.contains(part), "{said:?}");
        assert!(!said.err.contains(signature), "{said:?}");
    }
    server.stop(Signal::TERM);
    let gone = verify(token, &["--issuer", issuer, "--audience", SHOP]);
    assert_eq!(gone.code, 1);
    assert!(gone.err.starts_with("error: the keys were not fetched: "), "{gone:?}");
}

#[test]
fn a_token_of_an_application_with_a_secret_is_judged_by_that() {
    let place = tempfile::tempdir().unwrap();
    let secret = "8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";
    let file = place.path().join("secret");
    fs::write(&file, format!("{secret}\n")).unwrap();
    let claims = json!({ "sub": "42", "iat": 1_764_000_000, "exp": 4_000_000_000_u64 });
    let part = |value: &Value| base64url::encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
    let tag = HmacKey::new(secret.as_bytes()).mac(&[signed.as_bytes()]);
    let token = format!("{signed}.{}", base64url::encode(tag));
    let with_secret = ["--secret-file", file.to_str().unwrap(), "--json"];

    let strict = verify(&token, &with_secret);
    assert_eq!((strict.code, json_of(&strict)["reason"].clone()), (1, json!("token_wrong_typ")));
    assert!(strict.err.contains("--foreign"), "{strict:?}");
    let judged = verify(&token, &[&with_secret[..], &["--foreign"]].concat());
    assert_eq!(judged.code, 0, "{judged:?}");
    assert_eq!(
        json_of(&judged)["not_judged"],
        json!(["issuer", "audience", "type", "lifetime", "revocations"])
    );
}

#[test]
fn what_cannot_be_judged_or_minted_is_told_at_once() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.AAAA";

    for (arguments, code, part) in [
        (&["token", "verify", token][..], 2, "--issuer"),
        (&["token", "verify", token, "--jwks", "a", "--secret-file", "b"], 2, "cannot be used with"),
        (&["token", "verify", token, "--jwks", "/nowhere/jwks.json"], 1, "/nowhere/jwks.json"),
        (&["token", "verify", token, "--jwks", "http://auth.example/k"], 1, "loopback"),
        (&["token", "verify", token, "--issuer", "http://auth.example"], 1, "cannot be fetched"),
        (&["token", "verify", token, "--issuer", "https://a.example", "--algorithm", "none"], 2, "algorithm"),
        (&["token", "mint"], 2, "--user"),
        (&["token", "mint", "--user", "ada", "--subject", "ci"], 2, "cannot be used with"),
        (&["token", "mint", "--user", "ada"], 1, "there is no store"),
    ] {
        let said = run(&in_dir(&dir, arguments));
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(said.err.contains(part) && said.out.is_empty(), "{arguments:?}: {said:?}");
    }
    assert!(!dir.exists(), "nothing was made");
}
