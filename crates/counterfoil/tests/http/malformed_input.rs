//! Malformed input is answered with 400, 401, 413, 415 or 422 and a problem, never with 5xx.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Request, exchange};
use crate::test_server::{PASSWORD, TestServer, text};

/// Malformed tokens: fixed ones, and mutations of the genuine ones.
fn malformed_tokens(genuine: &[&str]) -> Vec<String> {
    let mut tokens: Vec<String> = [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "eyJ",
        "eyJ.eyJ.",
        "null",
        "undefined",
        "cfs_",
        "cfs_.",
        "cfr_",
        "cfr_..",
        "cfv_x",
        "cfa_x",
        "cfs_AAAAAAAAAAAAAAAAAAAAAA.",
        "cfr_AAAAAAAAAAAAAAAAAAAAAA.0.",
        "\u{fc}ber",
        "a b",
        "%00",
        "\\",
        "\"x\"",
    ]
    .map(String::from)
    .to_vec();
    tokens.push(".".repeat(6000));
    tokens.push("A".repeat(6000));
    // `{"alg":"none"}` and an unsigned token.
    tokens.push("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".into());
    for token in genuine {
        tokens.push(format!("{token}="));
        tokens.push(format!("{token}A"));
        tokens.push(token[..token.len() - 1].to_owned());
        tokens.push(token.to_uppercase());
        tokens.push(token.replacen('.', "..", 1));
        tokens.push(format!("{token}.{token}"));
        tokens.push(token.replacen('_', "-", 1));
        let mut flipped = (*token).to_owned();
        let last = if flipped.pop() == Some('A') { 'B' } else { 'A' };
        flipped.insert(token.len() / 2, last);
        tokens.push(flipped);
    }
    // Remove mutations that changed nothing.
    tokens.retain(|token| !genuine.contains(&token.as_str()));
    tokens
}

#[tokio::test]
async fn a_malformed_token_gets_401_on_every_route() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (session, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let genuine =
        [text(&session, "session_token"), text(&hybrid, "access_token"), text(&hybrid, "refresh_token")];
    for token in malformed_tokens(&genuine) {
        for (method, path) in [
            ("GET", "/v1/me"),
            ("POST", "/v1/token"),
            ("GET", "/v1/sessions"),
            ("DELETE", "/v1/sessions"),
            ("GET", "/v1/session/data"),
            ("PATCH", "/v1/session/data"),
            ("POST", "/v1/password"),
        ] {
            let response = Request::new(method, path).bearer(&token).send(&server).await;
            assert_eq!(response.status, 401, "{method} {path} {token}");
            assert_eq!(response.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        }
        let body = Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(&server).await;
        assert_eq!(body.status, 401, "{token}");
        let logout = Request::post("/v1/logout").bearer(&token).send(&server).await;
        assert_eq!(logout.status, 204, "{token}");
    }
    for token in [genuine[0], genuine[1]] {
        assert_eq!(server.me(token).await, 200, "genuine tokens stay valid");
    }
    let refreshed =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": genuine[2] })).send(&server).await;
    assert_eq!(refreshed.status, 200);
}

#[tokio::test]
async fn each_token_type_is_rejected_where_another_is_required() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (session, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let foreign = Request::post("/v1/token")
        .bearer(text(&session, "session_token"))
        .json(&json!({ "audience": "https://shop.example" }))
        .send(&server)
        .await;
    let foreign = foreign.json();
    let cookie = |name: &str, token: &str| {
        Request::get("/v1/me").header("cookie", format!("counterfoil-{name}={token}"))
    };
    let (cfs, access, cfr) =
        (text(&session, "session_token"), text(&hybrid, "access_token"), text(&hybrid, "refresh_token"));

    let admin = crate::administration::Admin::new(&server).await;
    assert_eq!(server.me(&admin.bearer).await, 401, "an admin key");
    for token in [cfs, access, cfr, text(&foreign, "access_token")] {
        let status = Request::get("/v1/admin/users").bearer(token).send(&server).await.status;
        assert!(matches!(status, 401 | 403), "{status}");
    }
    assert_eq!(server.me(cfr).await, 401, "a refresh token as bearer");
    assert_eq!(server.me(text(&foreign, "access_token")).await, 401, "an access token for another audience");
    for (name, token) in [
        ("session", access),
        ("session", cfr),
        ("access", cfs),
        ("access", cfr),
        ("refresh", cfs),
        ("refresh", access),
    ] {
        assert_eq!(cookie(name, token).send(&server).await.status, 401, "{name}");
    }
    for token in [cfs, access, text(&foreign, "access_token"), admin.bearer.as_str()] {
        let response =
            Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(&server).await;
        assert_eq!(response.status, 401);
    }
    // A session id is public and is not a credential.
    assert_eq!(server.me(text(&session["session"], "id")).await, 401);
}

#[tokio::test]
async fn malformed_cookies_get_401() {
    let server = TestServer::open().await;
    let cases: [&[u8]; 9] = [
        &[b';'; 8192],
        b"counterfoil-session",
        b"=counterfoil-session",
        b"counterfoil-session=",
        b"counterfoil-session=\"cfs_x\"",
        b"counterfoil-session=cfs_\xff\xfe",
        b"; =; ;=",
        b"counterfoil-session=cfs_x, counterfoil-session=cfs_y",
        &[b'='; 8192],
    ];
    for cookie in cases {
        let response = Request::get("/v1/me").header("cookie", cookie).send(&server).await;
        assert_eq!(response.status, 401, "{cookie:?}");
    }
}

#[tokio::test]
async fn a_body_is_validated_by_content_type_json_syntax_and_members() {
    let server = TestServer::open().await;
    let login = |kind: &str, body: &[u8]| {
        let request = if kind.is_empty() {
            Request::post("/v1/login")
        } else {
            Request::post("/v1/login").body(kind, body)
        };
        let server = &server;
        async move { request.send(server).await }
    };
    let json = "application/json";
    let good = format!(r#"{{"username":"bob","password":"{PASSWORD}"}}"#);
    let deep = format!(r#"{{"username":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        (json, good.clone().into(), 401),
        ("application/json; charset=UTF-8", good.clone().into(), 401),
        ("", vec![], 400),
        (json, vec![], 400),
        (json, b"{".to_vec(), 400),
        (json, b"[]".to_vec(), 400),
        (json, b"null".to_vec(), 400),
        (json, format!("{good}x").into(), 400),
        (json, format!("\u{feff}{good}").into(), 400),
        (json, deep.into(), 400),
        (json, b"{\"username\":\"\xff\",\"password\":\"x\"}".to_vec(), 400),
        (json, br#"{"username":"a","username":"b","password":"x"}"#.to_vec(), 400),
        (json, br#"{"username":"a","\u0075sername":"b","password":"x"}"#.to_vec(), 400),
        (json, br#"{"username":"a","password":"x","admin":true}"#.to_vec(), 400),
        (json, br#"{"username":"a"}"#.to_vec(), 422),
        (json, br#"{"username":1,"password":"x"}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":{"$ne":""}}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":"x","mode":"cookie"}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":"x","transport":7}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":"x","client_id":"a b"}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":"x","label":"\u0000"}"#.to_vec(), 422),
        (json, br#"{"username":"a","password":"x","client_id":"unknown"}"#.to_vec(), 403),
        ("text/plain", good.clone().into(), 415),
        ("TEXT/PLAIN", good.clone().into(), 415),
        ("application/json; charset=utf-16", good.clone().into(), 415),
        ("application/x-www-form-urlencoded", b"username=a&password=b".to_vec(), 415),
        ("multipart/form-data; boundary=x", b"--x--".to_vec(), 415),
        ("application/merge-patch+json", good.into(), 415),
        (json, vec![b' '; 64 * 1024 + 1], 413),
    ];
    for (kind, body, status) in cases {
        let response = login(kind, &body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(response.status, status, "{kind} {shown} {response:?}");
    }
}

#[tokio::test]
async fn a_validation_error_names_the_field_but_never_its_value() {
    let server = TestServer::open().await;
    let form = json!({ "username": "ada", "password": ["hunter2-hunter2"] });

    let response = Request::post("/v1/login").json(&form).send(&server).await;

    assert_eq!(response.json()["errors"], json!([{ "field": "password", "detail": "must be a string" }]));
    assert!(!String::from_utf8(response.body).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn a_compressed_body_gets_415() {
    let server = TestServer::open().await;
    let request = Request::post("/v1/login").json(&json!({})).header("content-encoding", "gzip");

    assert_eq!(request.send(&server).await.status, 415);
    let unchanged = Request::post("/v1/login").json(&json!({})).header("content-encoding", "identity");
    assert_eq!(unchanged.send(&server).await.status, 422);
}

#[tokio::test]
async fn the_size_limit_applies_to_chunked_bodies() {
    let server = TestServer::open().await;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000)).repeat(20);
    let mut request = Request::post("/v1/login").header("transfer-encoding", "chunked");
    request = request.body("application/json", format!("{chunk}0\r\n\r\n"));

    assert_eq!(request.send(&server).await.status, 413);
}

#[tokio::test]
async fn a_content_length_above_the_limit_is_rejected_before_the_body_is_read() {
    let server = TestServer::open().await;
    let request = Request::post("/v1/login")
        .header("content-type", "application/json")
        .header("content-length", "1000000000000");

    assert_eq!(request.send(&server).await.status, 413);
}

#[tokio::test]
async fn ambiguous_requests_are_rejected() {
    let server = TestServer::open().await;
    for smuggled in [
        "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\nconnection: close\r\n\r\n{}{}{}",
        "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: xchunked\r\nconnection: close\r\n\r\n0\r\n\r\n",
        "GET /v1/me HTTP/1.1\r\nhost : x\r\nconnection: close\r\n\r\n",
        "GET /v1/me HTTP/9.9\r\nhost: localhost\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let response = exchange(&server, smuggled.as_bytes()).await;
        assert!(response.is_none_or(|response| (400..500).contains(&response.status)), "{smuggled}");
    }
}

/// Sends this request and a second one on the same connection. Returns the number of responses and the first status.
/// An attacker who makes a proxy and the server disagree on where a request ends can smuggle the second one.
async fn count_responses(server: &TestServer, first: &str) -> (usize, u16) {
    let both = format!("{first}GET /v1/me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let _ = stream.write_all(both.as_bytes()).await;
    let mut all = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut all).await {}
    let text = String::from_utf8_lossy(&all);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (text.matches("HTTP/1.1 ").count(), status)
}

#[tokio::test]
async fn bytes_after_an_ambiguous_request_are_not_read_as_a_request() {
    let server = TestServer::open().await;
    let post = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    // The control request is unambiguous, so both requests are answered.
    assert_eq!(count_responses(&server, &format!("{post}content-length: 2\r\n\r\n{{}}")).await, (2, 422));

    for (name, head, body) in [
        ("CL+TE", "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\n\r\n"),
        ("TE+CL", "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n", "0\r\n\r\n"),
        ("two CL", "content-length: 2\r\ncontent-length: 0\r\n\r\n", "{}"),
        ("a list of CL", "content-length: 2, 3\r\n\r\n", "{}"),
        ("a signed CL", "content-length: +2\r\n\r\n", "{}"),
        ("a negative CL", "content-length: -2\r\n\r\n", "{}"),
        ("a CL in hexadecimal", "content-length: 0x2\r\n\r\n", "{}"),
        ("a huge CL", "content-length: 18446744073709551618\r\n\r\n", "{}"),
        ("chunked is not the last", "transfer-encoding: chunked, identity\r\n\r\n", "0\r\n\r\n"),
        ("an unknown coding", "transfer-encoding: xchunked\r\n\r\n", "0\r\n\r\n"),
        ("a space before the colon", "content-length : 2\r\n\r\n", "{}"),
        ("a folded line", "x: y\r\n content-length: 2\r\n\r\n", "{}"),
        ("a NUL in a header", "x: \0\r\ncontent-length: 2\r\n\r\n", "{}"),
        ("a bare CR", "x: y\rcontent-length: 2\r\n\r\n", "{}"),
        ("a chunk of a signed size", "transfer-encoding: chunked\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n"),
        ("a chunk longer than its size", "transfer-encoding: chunked\r\n\r\n", "1\r\n{}\r\n0\r\n\r\n"),
        ("a chunk with a bare LF", "transfer-encoding: chunked\r\n\r\n", "2\n{}\n0\n\n"),
        (
            "a size that overflows",
            "transfer-encoding: chunked\r\n\r\n",
            "10000000000000002\r\n{}\r\n0\r\n\r\n",
        ),
    ] {
        let (count, status) = count_responses(&server, &format!("{post}{head}{body}")).await;
        assert!(count <= 1 && (status == 0 || (400..500).contains(&status)), "{name}: {count}, {status}");
    }
}

#[tokio::test]
async fn headers_above_the_size_limit_get_431() {
    let server = TestServer::open().await;
    let response =
        exchange(&server, &Request::get("/v1/me").header("x-long", "a".repeat(20 * 1024)).bytes()).await;

    assert!(response.is_none_or(|response| response.status == 431));
}
