//! Requests that the endpoints of OAuth do not take.

use crate::client::Request;
use crate::feed::add_key;
use crate::oauth::{FORM, form, post};
use crate::test_server::{TestServer, text};

const PATHS: [&str; 2] = ["/oauth/introspect", "/oauth/revoke"];

#[tokio::test]
async fn a_malformed_request_changes_nothing_and_says_what_would_be_right() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let token = text(&login, "session_token");
    let (key, valid) = (add_key(&server).await, form(&[("token", token)]));
    for path in PATHS {
        let with = |request: Request| if path == PATHS[0] { request.bearer(&key) } else { request };
        let body = |body: &str| Request::post(path).body(FORM, body);
        for (request, status) in [
            (Request::post(path), 400),
            (body(""), 400),
            (body("token="), 400),
            (body("token"), 400),
            (body("other=1"), 400),
            (body(&format!("{valid}&{valid}")), 400),
            (body(&format!("{valid}&token=")), 400),
            (body(&format!("{valid}&token_type_hint=a&token_type_hint=a")), 400),
            (body(&format!("{valid}&x=%zz")), 400),
            (body(&format!("{valid}&x=%ff")), 400),
            (Request::post(&format!("{path}?{valid}")), 400),
            (Request::post(&format!("{path}?{valid}")).body(FORM, &valid), 400),
            (Request::post(&format!("{path}?client_secret=x")).body(FORM, &valid), 400),
            (Request::post(path).body("application/json", format!(r#"{{"token":"{token}"}}"#)), 415),
            (Request::post(path).body("multipart/form-data; boundary=x", &valid), 415),
            (Request::post(path).body("application/x-www-form-urlencoded; charset=utf-16", &valid), 415),
            (Request::post(path).body(FORM, &valid).header("content-encoding", "gzip"), 415),
            (body(&format!("token={}", "x".repeat(70_000))), 413),
        ] {
            let response = with(request.clone()).send(&server).await;
            let error = response.json()["error"].clone();
            assert_eq!((response.status, error), (status, "invalid_request".into()), "{request:?}");
            assert!(!String::from_utf8_lossy(&response.body).contains(token));
        }
    }
    assert_eq!(server.me(token).await, 200);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    for path in PATHS {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            let response = Request::new(method, path).bearer(&key).send(&server).await;
            assert_eq!((response.status, response.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_unknown_parameter_and_a_hint_of_any_kind_have_no_effect() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let (key, token) = (add_key(&server).await, text(&login, "access_token"));
    for hint in ["access_token", "refresh_token", "session", "x", ""] {
        let parameters = [("token", token), ("token_type_hint", hint), ("resource", "a"), ("resource", "b")];
        let request = post("/oauth/introspect", &parameters).bearer(&key);
        assert_eq!(request.send(&server).await.json()["active"], true, "{hint}");
    }
    let request =
        Request::post("/oauth/introspect?tenant=1").body(FORM, form(&[("token", token)])).bearer(&key);
    assert_eq!(request.send(&server).await.json()["active"], true);
}

#[tokio::test]
async fn an_error_outside_of_the_routes_has_the_body_of_oauth_too() {
    let server = TestServer::open().await;
    let request = post("/oauth/revoke", &[("token", "x")]);
    let bytes =
        String::from_utf8(request.bytes()).unwrap().replace("host: localhost", "host: attacker.example");

    let response = crate::client::exchange(&server, bytes.as_bytes()).await.unwrap();

    assert_eq!((response.status, &response.json()["error"]), (421, &"invalid_request".into()));
}
