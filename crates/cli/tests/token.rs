//! `counterfoil token inspect`, and what needs no store at all.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Server, run, run_with_input};

/// A token of each kind from a real server: session, access, refresh.
fn tokens() -> [String; 3] {
    let place = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&place.path().join("log"));
    let login = |mode: &str| {
        let form = json!({ "username": "demo", "password": "correct horse battery staple", "mode": mode });
        server.post("/v1/login", &form).1
    };
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let (session, pair) = (login("session"), login("hybrid"));
    let tokens = [text(&session, "session_token"), text(&pair, "access_token"), text(&pair, "refresh_token")];
    server.stop(Signal::TERM);
    tokens
}

#[test]
fn every_kind_is_told_and_no_secret_is_repeated() {
    for (token, kind) in tokens().iter().zip(["session", "jwt", "refresh"]) {
        let as_text = run(&["token", "inspect", token]);
        let as_json = run_with_input(&["token", "inspect", "-", "--json"], &format!("{token}\n"));

        let seen: Value = serde_json::from_str(&as_json.out).unwrap();
        assert_eq!((as_text.code, as_json.code, &seen["kind"]), (0, 0, &json!(kind)));
        let secret = token.rsplit('.').next().unwrap();
        assert!(!as_text.out.contains(secret) && !as_json.out.contains(secret), "{kind}");
        match kind {
            "jwt" => assert_eq!(seen["wrong"], json!([]), "{seen}"),
            _ => assert!(token.contains(seen["session"].as_str().unwrap())),
        }
    }
}

#[test]
fn a_forged_token_shows_what_is_wrong_with_it() {
    // {"alg":"none"} . {"sub":"admin","exp":1}
    let said = run(&["token", "inspect", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6MX0.AAAA"]);

    assert_eq!(said.code, 0, "{said:?}");
    for part in ["alg is none", "typ is not at+jwt", "expired", "no iss", "1970-01-01T00:00:01Z"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn garbage_is_one_clear_error() {
    for garbage in ["", "cfs_x", "cfr_", "a.b.c", "eyJ.eyJ", "\u{1b}]0;x\u{7}", &"A".repeat(200_000)] {
        let said = run_with_input(&["token", "inspect", "-"], garbage);

        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.starts_with("error: ") && said.out.is_empty(), "{said:?}");
        assert!(said.err.len() < 1000 && !said.err.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn the_document_is_printed_without_a_store() {
    let said = run(&["openapi"]);

    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(document["paths"]["/v1/login"]["post"].is_object());
}

#[test]
fn wrong_usage_is_status_2_and_help_is_0() {
    for wrong in [
        &[][..],
        &["nonsense"],
        &["token", "inspect"],
        &["session", "revoke"],
        &["user", "list", "--limit", "0"],
    ] {
        assert_eq!(run(wrong).code, 2, "{wrong:?}");
    }
    for right in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        assert_eq!(run(right).code, 0, "{right:?}");
    }
    assert!(run(&["--version"]).out.starts_with("counterfoil 0."));
}
