//! `counterfoil token inspect`, and other commands that need no store.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Server, run, run_with_input};

/// A session token, an access token and a refresh token of a server.
fn tokens() -> [String; 3] {
    let temp = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&temp.path().join("log"));
    let login = |mode: &str| {
        let body = json!({ "username": "demo", "password": "correct horse battery staple", "mode": mode });
        server.post("/v1/login", &body).1
    };
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let (session, pair) = (login("session"), login("hybrid"));
    let tokens = [text(&session, "session_token"), text(&pair, "access_token"), text(&pair, "refresh_token")];
    server.stop(Signal::TERM);
    tokens
}

#[test]
fn each_kind_of_token_is_recognized_and_its_secret_is_not_shown() {
    for (token, kind) in tokens().iter().zip(["session", "jwt", "refresh"]) {
        let as_text = run(&["token", "inspect", token]);
        let as_json = run_with_input(&["token", "inspect", "-", "--json"], &format!("{token}\n"));

        let inspected: Value = serde_json::from_str(&as_json.stdout).unwrap();
        assert_eq!((as_text.status, as_json.status, &inspected["kind"]), (0, 0, &json!(kind)));
        let secret = token.rsplit('.').next().unwrap();
        assert!(!as_text.stdout.contains(secret) && !as_json.stdout.contains(secret), "{kind}");
        match kind {
            "jwt" => assert_eq!(inspected["problems"], json!([]), "{inspected}"),
            _ => assert!(token.contains(inspected["session"].as_str().unwrap())),
        }
    }
}

#[test]
fn the_problems_of_a_forged_token_are_listed() {
    // {"alg":"none"} . {"sub":"admin","exp":1}
    let output = run(&["token", "inspect", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6MX0.AAAA"]);

    assert_eq!(output.status, 0, "{output:?}");
    for part in ["alg none", "typ is not at+jwt", "expired", "no iss", "1970-01-01T00:00:01Z"] {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
}

#[test]
fn an_unsigned_token_is_shown_with_what_that_means() {
    // As RFC 7519, section 6.1, writes it: nothing after the last dot.
    let output = run(&["token", "inspect", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6MX0."]);

    assert_eq!(output.status, 0, "{output:?}");
    for part in [
        "admin",
        "alg none: the token is unsigned, so anyone can have written it. Accept no such",
        "no key can confirm",
    ] {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
}

#[test]
fn a_copied_header_is_inspected_as_its_token() {
    for header in
        ["Bearer eyJhbGciOiJub25lIn0.e30.AAAA", "authorization: bearer eyJhbGciOiJub25lIn0.e30.AAAA\r\n"]
    {
        for output in [run(&["token", "inspect", header]), run_with_input(&["token", "inspect", "-"], header)]
        {
            assert!(output.status == 0 && output.stdout.contains("kind      JWT"), "{output:?}");
        }
    }
}

#[test]
fn an_empty_text_is_an_error_that_says_so() {
    for output in [run(&["token", "inspect", ""]), run_with_input(&["token", "inspect", "-"], "\n")] {
        assert_eq!(output.status, 1, "{output:?}");
        assert!(
            output
                .stderr
                .starts_with("error: there is no token: the text is empty\nhint: give a session token"),
            "{output:?}"
        );
    }
}

#[test]
fn a_signature_is_checked_with_a_key_set_or_a_secret() {
    let temp = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = key.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    let shared = SigningKey::from_secret_bytes(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let shared = shared.sign("at+jwt", b"{}").unwrap();
    let file = |name: &str, content: &str| {
        let path = temp.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let set = JwkSet::from_key_set(&KeySet::new([key.verifying_key()]).unwrap()).to_json();
    let (set, short) = (file("jwks.json", &set), file("short", "hunter2\n"));
    let secret = file("secret", &format!("{secret}\n"));

    for (token, keys, status, text) in [
        (&token, ["--jwks", &set], 0, "(ES256) has signed exactly these bytes"),
        (&shared, ["--secret-file", &secret], 0, "can also sign with it"),
        (&shared, ["--jwks", &set], 1, "RFC 8725"),
        (&shared, ["--secret-file", &short], 1, "at least 32 random bytes"),
    ] {
        let output = run(&["token", "inspect", token, keys[0], keys[1]]);
        assert_eq!(output.status, status, "{output:?}");
        assert!(output.stdout.contains(text) && !output.stdout.contains("hunter2"), "{text}: {output:?}");
    }
    let forged = token.replace(&token[token.len() - 20..], &"A".repeat(20));
    let forged = run(&["token", "inspect", &forged, "--jwks", &set, "--json"]);
    let report: Value = serde_json::from_str(&forged.stdout).unwrap();
    assert_eq!((forged.status, &report["signature"]), (1, &json!("not valid")), "{forged:?}");
    assert!(forged.stderr.starts_with("error: the signature is not valid"), "{forged:?}");

    let both = run(&["token", "inspect", "-", "--jwks", "-"]);
    assert_eq!(both.status, 2, "{both:?}");
    let wrong = run(&["token", "inspect", &token, "--jwks", &short]);
    assert!(wrong.status == 1 && wrong.stderr.contains("not a key set in JSON"), "{wrong:?}");
    assert!(!wrong.stderr.contains("hunter2"), "{wrong:?}");
}

#[test]
fn a_text_that_begins_as_a_token_is_told_what_is_wrong_with_it() {
    let cut_off = run(&["token", "inspect", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ"]);
    assert!(
        cut_off.stderr.contains("begins as a JWT, but is malformed: the token must have exactly"),
        "{cut_off:?}"
    );
    assert!(!cut_off.stderr.contains("a token begins with"), "{cut_off:?}");
    let long = run_with_input(&["token", "inspect", "-"], &format!("eyJ{}", "A".repeat(8 * 1024)));
    assert!(long.stderr.contains("hint: a token has at most 8 KiB"), "{long:?}");
}

#[test]
fn a_malformed_token_is_one_error() {
    for malformed in ["", "cfs_x", "cfr_", "a.b.c", "eyJ.eyJ", "\u{1b}]0;x\u{7}", &"A".repeat(200_000)] {
        let output = run_with_input(&["token", "inspect", "-"], malformed);

        assert_eq!(output.status, 1, "{output:?}");
        assert!(output.stderr.starts_with("error: ") && output.stdout.is_empty(), "{output:?}");
        assert!(output.stderr.len() < 1000 && !output.stderr.contains('\u{1b}'), "{output:?}");
    }
}

#[test]
fn the_openapi_document_is_printed_without_a_store() {
    let output = run(&["openapi"]);

    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(document["paths"]["/v1/login"]["post"].is_object());
}

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    for wrong in [
        &[][..],
        &["nonsense"],
        &["token", "inspect"],
        &["session", "revoke"],
        &["user", "list", "--limit", "0"],
    ] {
        assert_eq!(run(wrong).status, 2, "{wrong:?}");
    }
    for right in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        assert_eq!(run(right).status, 0, "{right:?}");
    }
    assert!(run(&["--version"]).stdout.starts_with("counterfoil 0."));
}
