//! Published test suites of malformed input. `COUNTERFOIL_VECTORS` names their folder.

use std::path::PathBuf;

use serde_json::{Value, json};

use counterfoil::WriteRateLimits;

use crate::client::Request;
use crate::test_server::{TestServer, text};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("COUNTERFOIL_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        counterfoil_test_support::skip("COUNTERFOIL_VECTORS is not set");
    }
    folder
}

#[tokio::test]
async fn every_json_suite_document_gets_a_defined_status() {
    let Some(folder) = folder() else { return };
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let (mut ran, mut merged) = (0, 0);
    for part in ["test_parsing", "test_transform"] {
        for entry in std::fs::read_dir(folder.join("json").join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let body = std::fs::read(&path).unwrap();

            let login = Request::post("/v1/login").body("application/json", &body).send(&server).await;
            let too_large = body.len() > 64 * 1024;
            let expected: &[u16] = if too_large { &[413] } else { &[400, 422] };
            assert!(expected.contains(&login.status), "{name}: {login:?}");

            let patch = Request::new("PATCH", "/v1/session/data").bearer(&bearer);
            let patch = patch.body("application/json", &body).send(&server).await;
            if name.starts_with("n_") {
                assert!(matches!(patch.status, 400 | 413), "{name}: {patch:?}");
            }
            assert!(matches!(patch.status, 200 | 400 | 413), "{name}: {patch:?}");
            merged += usize::from(patch.status == 200);
            ran += 1;
        }
    }
    println!("JSON suite: {ran} texts on two routes, {merged} of them patches");
    assert!(ran >= 300 && merged >= 10);
}

/// A name and a password that can be registered can log in; others are rejected.
#[tokio::test]
async fn naughty_strings_register_and_log_in_or_are_rejected() {
    let Some(folder) = folder() else { return };
    let strings = std::fs::read(folder.join("naughty-strings/blns.json")).unwrap();
    let strings: Vec<String> = serde_json::from_slice(&strings).unwrap();
    let server = TestServer::open().await;
    let mut registered = 0;
    for (n, string) in strings.iter().enumerate() {
        let as_name = json!({ "username": string, "password": crate::test_server::PASSWORD });
        let as_password = json!({ "username": format!("user{n}"), "password": string, "email": "a@b" });
        for form in [&as_name, &as_password] {
            let response = Request::post("/v1/register").json(form).send(&server).await;
            assert!(matches!(response.status, 201 | 409 | 422), "{form}: {response:?}");
            let login = json!({ "username": form["username"], "password": form["password"] });
            let login = Request::post("/v1/login").json(&login).send(&server).await;
            match response.status {
                201 => {
                    assert_eq!(login.status, 200, "{form}");
                    assert_eq!(login.json()["user"], response.json()["user"]);
                    registered += 1;
                }
                // The same name with the same password, or a name that looks like another.
                409 => assert!(matches!(login.status, 200 | 401), "{form}: {login:?}"),
                _ => assert_eq!(login.status, 401, "{form}"),
            }
        }
    }
    println!("naughty strings: {} in two places, {registered} registrations", strings.len());
    assert!(strings.len() > 500 && registered > 300);
}

/// Session data is returned exactly as it was stored.
#[tokio::test]
async fn naughty_strings_are_stored_unchanged_in_session_data() {
    let Some(folder) = folder() else { return };
    let strings = std::fs::read(folder.join("naughty-strings/blns.json")).unwrap();
    let strings: Vec<String> = serde_json::from_slice(&strings).unwrap();
    // Each string is a login and two changes, and the first session is used to the end.
    let server = TestServer::with(|settings| {
        settings.write_rate_limits = WriteRateLimits::off();
        settings.max_sessions = None;
    })
    .await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    for string in &strings {
        let patch = json!({ "member": { string.clone(): string } });
        let request = Request::new("PATCH", "/v1/session/data").bearer(&bearer).json(&patch);
        let response = request.send(&server).await;
        assert_eq!(response.status, 200, "{string:?}");
        assert_eq!(response.json()["member"], patch["member"], "{string:?}");
        let clear =
            Request::new("PATCH", "/v1/session/data").bearer(&bearer).json(&json!({ "member": null }));
        assert_eq!(clear.send(&server).await.json(), json!({}));

        let form: Value =
            json!({ "username": "ada", "password": crate::test_server::PASSWORD, "label": string });
        let login = Request::post("/v1/login").json(&form).send(&server).await;
        assert!(matches!(login.status, 200 | 422), "{string:?} {login:?}");
    }
}
