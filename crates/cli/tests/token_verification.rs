//! `counterfoil token mint` and `counterfoil token verify`.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::Path;

use counterfoil_jose::{HmacKey, base64url};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{CommandOutput, Server, in_dir, output_of, run, run_with_input, succeed};

const SHOP: &str = "https://shop.example";
const PASSWORD: &str = "correct horse battery staple";

/// A server in `temp`, with the user ada.
fn serve_with_ada(temp: &Path) -> (std::path::PathBuf, Server) {
    let (dir, password) = (temp.join("data"), temp.join("password"));
    fs::write(&password, PASSWORD).unwrap();
    succeed(&dir, &["user", "add", "ada", "--role", "clerk", "--password-file", password.to_str().unwrap()]);
    let server = Server::serve(&dir);
    (dir, server)
}

fn json_of(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// Verifies `token`, given on standard input.
fn verify(token: &str, options: &[&str]) -> CommandOutput {
    run_with_input(&[&["token", "verify", "-"], options].concat(), &format!("{token}\n"))
}

#[test]
fn a_minted_token_is_accepted_by_its_audience() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, server) = serve_with_ada(temp.path());
    let mint = ["token", "mint", "--user", "ada", "--audience", SHOP, "--scope", "orders:read"];
    let minted = run(&in_dir(&dir, &mint));
    assert_eq!(minted.status, 0, "{minted:?}");
    let token = minted.stdout.trim();
    let to_shop = ["--issuer", &server.base, "--audience", SHOP];

    let output = verify(token, &to_shop);
    assert_eq!(output.status, 0, "{output:?}");
    for part in ["accepted", "(ES256)", SHOP, "orders:read", "clerk", "(in ", "not checked", "revocations"] {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
    let report = json_of(&verify(token, &[&to_shop[..], &["--json"]].concat()));
    assert_eq!((&report["accepted"], &report["not_checked"]), (&json!(true), &json!(["revocations"])));

    // With the keys from a file and from the URL.
    let (keys, url) = (temp.path().join("jwks.json"), format!("{}/.well-known/jwks.json", server.base));
    fs::write(&keys, server.curl("/.well-known/jwks.json", &[]).1.to_string()).unwrap();
    for jwks in [keys.to_str().unwrap(), &url] {
        let report = verify(token, &["--jwks", jwks, "--json"]);
        assert_eq!(report.status, 0, "{report:?}");
        assert_eq!(json_of(&report)["not_checked"], json!(["issuer", "audience", "revocations"]));
    }
    server.stop(Signal::TERM);
}

#[test]
fn a_rejected_token_is_a_failure_with_the_reason() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, server) = serve_with_ada(temp.path());
    let mint = ["token", "mint", "--subject", "ci", "--audience", SHOP, "--lifetime", "60", "--json"];
    let minted: Value = serde_json::from_str(&succeed(&dir, &mint)).unwrap();
    // Fractions of seconds are cut off.
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
        let output = verify(token, &[&options[..], &["--json"]].concat());
        assert_eq!(output.status, 1, "{output:?}");
        let report = json_of(&output);
        assert_eq!((&report["accepted"], &report["reason"]), (&json!(false), &json!(reason)), "{output:?}");
        assert!(output.stderr.starts_with("error: rejected: ") && output.stderr.contains(part), "{output:?}");
        assert!(!output.stderr.contains(signature), "{output:?}");
    }
    server.stop(Signal::TERM);
    let without_server = verify(token, &["--issuer", issuer, "--audience", SHOP]);
    assert_eq!(without_server.status, 1);
    assert!(without_server.stderr.starts_with("error: cannot fetch the keys: "), "{without_server:?}");
}

#[test]
fn an_unsigned_token_gets_one_clear_error() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, keys) = (temp.path().join("data"), temp.path().join("jwks.json"));
    let password = temp.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    succeed(&dir, &["user", "add", "ada", "--password-file", password.to_str().unwrap()]);
    fs::write(&keys, r#"{"keys":[]}"#).unwrap();
    let header = base64url::encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let of_store = in_dir(&dir, &["token", "verify", "-"]);
    let of_file = ["token", "verify", "-", "--jwks", keys.to_str().unwrap()];
    for token in [format!("{header}.e30."), format!("{header}.e30.AAAA")] {
        for arguments in [&of_store[..], &of_file] {
            let output = run_with_input(arguments, &token);
            assert_eq!(output.status, 1, "{output:?}");
            assert_eq!(
                output.stderr,
                "error: rejected: the token is unsigned (alg none), so anyone can have written it\n\
                 hint: accept no such token, and let its issuer sign its tokens\n"
            );
        }
    }
    let malformed = run_with_input(&of_store, "nonsense");
    assert!(malformed.stderr.starts_with("error: rejected: the token must have "), "{malformed:?}");
}

#[test]
fn a_foreign_token_is_verified_with_a_shared_secret() {
    let temp = tempfile::tempdir().unwrap();
    let secret = "8f1d2a6c5b9e4f07a3d6c1e8b2f4907d5ac3e6f1b8092d4e7f6a1c3b5d8e9f02";
    let file = temp.path().join("secret");
    fs::write(&file, format!("{secret}\n")).unwrap();
    let part = |value: &Value| base64url::encode(value.to_string());
    let sign = |exp: Value| {
        let claims = json!({ "sub": "42", "iat": 1_764_000_000.325_008, "exp": exp });
        let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
        let tag = HmacKey::new(secret.as_bytes()).mac(&[signed.as_bytes()]);
        format!("{signed}.{}", base64url::encode(tag))
    };
    let token = sign(json!(4_000_000_000.5));
    let with_secret = ["--secret-file", file.to_str().unwrap(), "--json"];

    let strict = verify(&token, &with_secret);
    assert_eq!((strict.status, json_of(&strict)["reason"].clone()), (1, json!("token_wrong_typ")));
    assert!(strict.stderr.contains("--foreign"), "{strict:?}");
    let report = verify(&token, &[&with_secret[..], &["--foreign"]].concat());
    assert_eq!(report.status, 0, "{report:?}");
    assert_eq!(
        json_of(&report)["not_checked"],
        json!(["issuer", "audience", "type", "lifetime", "revocations"])
    );

    let foreign = [&with_secret[..], &["--foreign"]].concat();
    let expired = verify(&sign(json!(1_764_000_900.5)), &foreign);
    assert_eq!(expired.status, 1);
    assert!(expired.stderr.contains("expired at 2025-11-24T16:15:00Z"), "{expired:?}");
    let malformed = verify(&sign(json!("4000000000.5")), &foreign);
    assert_eq!(malformed.status, 1);
    assert!(malformed.stderr.contains("hint: ") && !malformed.stderr.contains("--foreign"), "{malformed:?}");
}

#[test]
fn invalid_options_are_reported_and_create_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.AAAA";

    for (arguments, code, part) in [
        (&["token", "verify", token][..], 2, "--issuer"),
        (&["token", "verify", token, "--jwks", "a", "--secret-file", "b"], 2, "cannot be used with"),
        (&["token", "verify", token, "--jwks", "/nowhere/jwks.json"], 1, "/nowhere/jwks.json"),
        (&["token", "verify", token, "--jwks", "http://auth.example/k"], 1, "loopback"),
        (&["token", "verify", token, "--issuer", "http://auth.example"], 1, "cannot be fetched"),
        (&["token", "verify", token, "--issuer", "https://a.example", "--algorithm", "none"], 2, "algorithm"),
        (&["token", "verify", token, "--listen", "127.0.0.1:0"], 2, "--listen"),
        (&["--listen", "127.0.0.1:0", "token", "verify", token], 2, "does not read the setting '--listen'"),
        (&["token", "mint"], 2, "--user"),
        (&["token", "mint", "--user", "ada", "--subject", "ci"], 2, "cannot be used with"),
        (&["token", "mint", "--user", "ada"], 1, "there is no store"),
    ] {
        let mut command = common::counterfoil(arguments);
        let output = output_of(command.env("COUNTERFOIL_DATA_DIR", &dir).output().unwrap());
        assert_eq!(output.status, code, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(part) && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    assert!(!dir.exists(), "nothing was created");
}

#[test]
fn on_the_machine_of_the_issuer_its_keys_and_revocations_are_used() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, server) = serve_with_ada(temp.path());
    let minted = run(&in_dir(&dir, &["token", "mint", "--user", "ada", "--audience", SHOP, "--json"]));
    let minted = json_of(&minted);
    let (token, session) = (minted["access_token"].as_str().unwrap(), minted["session"].as_str().unwrap());
    let verify_here =
        |more: &[&str]| run_with_input(&in_dir(&dir, &[&["token", "verify", "-"], more].concat()), token);

    let accepted = verify_here(&[]);
    assert_eq!(accepted.status, 0, "{accepted:?}");
    assert!(accepted.stdout.contains("with the keys and revocations of the server in "), "{accepted:?}");
    assert!(accepted.stdout.contains("not checked  audience"), "{accepted:?}");
    let for_shop = json_of(&verify_here(&["--audience", SHOP, "--json"]));
    assert_eq!((&for_shop["accepted"], &for_shop["not_checked"]), (&json!(true), &json!([])));
    let for_other = verify_here(&["--audience", "https://other.example"]);
    assert!(for_other.status == 1 && for_other.stderr.contains(SHOP), "{for_other:?}");

    let by_id = format!("session:{session}");
    succeed(&dir, &["revoke", &by_id]);
    let check_revoked = |with: &str, more: &[&str]| {
        let revoked = verify_here(more);
        assert_eq!(revoked.status, 1, "{revoked:?}");
        assert!(revoked.stderr.contains(&format!("revocations of the {with} in ")), "{revoked:?}");
        assert!(revoked.stderr.starts_with("error: rejected: revoked"), "{revoked:?}");
        let (_, hint) = revoked.stderr.split_once("hint: `counterfoil ").unwrap();
        let (command, rest) = hint.split_once('`').unwrap();
        assert!(rest.starts_with(" shows why its session ended"), "{revoked:?}");
        assert!(command.starts_with(&format!("audit list --session {session}")), "{revoked:?}");
        // The command that is printed works as it is: it names the store.
        let listed = run(&command.split(' ').collect::<Vec<_>>());
        assert!(listed.status == 0 && listed.stdout.contains("session ended"), "{command}: {listed:?}");
    };
    check_revoked("server", &[]);
    // The store does not contain the issuer.
    let config = temp.path().join("counterfoil.toml");
    fs::write(&config, format!("issuer = \"{}\"\n", server.base)).unwrap();
    assert!(server.stop(Signal::TERM).success());
    check_revoked("store", &["--config", config.to_str().unwrap()]);
    let session_token = run_with_input(&in_dir(&dir, &["token", "verify", "-"]), "cfs_x");
    assert!(session_token.stderr.contains("token inspect"), "{session_token:?}");
}
