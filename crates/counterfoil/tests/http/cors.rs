//! Pages of trusted origins may send requests and read the responses; other pages get no CORS header.

use std::collections::BTreeSet;

use serde_json::json;

use crate::client::{Request, Response};
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{PASSWORD, TestServer, text};

const TRUSTED: &str = "https://app.example";

async fn server() -> TestServer {
    TestServer::with(|settings| {
        settings.trusted_origins = vec![TRUSTED.parse().unwrap(), "capacitor://localhost".parse().unwrap()];
    })
    .await
}

fn has_no_cors_header(response: &Response) -> bool {
    !response.headers.iter().any(|(name, _)| name.starts_with("access-control-"))
}

fn preflight(path: &str, method: &str, origin: &str) -> Request {
    let request = Request::new("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", "authorization,content-type")
}

#[tokio::test]
async fn every_route_answers_the_preflight_request_of_a_trusted_origin_alone() {
    let server = server().await;
    for (path, method, _) in operations() {
        let (path, method) = (path_of(&path), method.to_uppercase());

        let trusted = preflight(&path, &method, TRUSTED).send(&server).await;

        if path.starts_with("/v1/verify/") {
            // A proxy would take an answer 2xx for its consent.
            assert_eq!(trusted.status, 400, "{path}");
            continue;
        }
        assert_eq!(trusted.status, 204, "{method} {path}");
        assert!(trusted.body.is_empty());
        assert_eq!(trusted.header("access-control-allow-origin"), Some(TRUSTED));
        assert_eq!(trusted.header("access-control-allow-credentials"), Some("true"));
        let methods = trusted.header("access-control-allow-methods").unwrap();
        let documented: BTreeSet<String> = operations()
            .into_iter()
            .filter(|(other, ..)| path_of(other) == path)
            .map(|(_, method, _)| method.to_uppercase())
            .collect();
        let methods: BTreeSet<String> =
            methods.split(", ").filter(|allowed| *allowed != "HEAD").map(str::to_owned).collect();
        assert_eq!(methods, documented, "{path}");
        let headers = trusted.header("access-control-allow-headers").unwrap();
        assert_eq!(headers, "authorization, content-type, if-match");
        assert_eq!(trusted.header("access-control-max-age"), Some("600"));
        assert!(trusted.all("vary").contains(&"Origin"));
        for stranger in
            ["https://app.example.evil.example", "http://app.example", "https://evil.example", "null"]
        {
            let response = preflight(&path, &method, stranger).send(&server).await;
            assert_eq!(response.status, 405, "{stranger}");
            assert!(has_no_cors_header(&response), "{stranger}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_trusted_origin_logs_in_and_reads_its_user() {
    let server = server().await;
    server.register("ada").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid" });
    for origin in [TRUSTED, "capacitor://localhost"] {
        let login = Request::post("/v1/login").header("origin", origin);
        let login = login.header("sec-fetch-site", "cross-site").json(&form).send(&server).await;

        assert_eq!(login.status, 200, "{login:?}");
        assert_eq!(login.header("access-control-allow-origin"), Some(origin));
        assert!(login.header("access-control-expose-headers").unwrap().contains("Retry-After"));
        let token = text(&login.json(), "access_token").to_owned();
        let me = Request::get("/v1/me").bearer(&token).header("origin", origin).send(&server).await;
        assert_eq!((me.status, me.header("access-control-allow-origin")), (200, Some(origin)));
        let rejected = Request::get("/v1/me").bearer("x").header("origin", origin).send(&server).await;
        assert_eq!(
            rejected.header("access-control-allow-origin"),
            Some(origin),
            "a page reads its errors too"
        );

        for stranger in ["https://evil.example", "null"] {
            let response =
                Request::get("/v1/me").bearer(&token).header("origin", stranger).send(&server).await;
            assert!(has_no_cors_header(&response), "{stranger}");
            assert!(
                response.all("vary").contains(&"Origin"),
                "a cache must not give it to the trusted origin"
            );
        }
    }
    let repeated = Request::get("/v1/me").header("origin", TRUSTED).header("origin", "https://evil.example");
    assert!(has_no_cors_header(&repeated.send(&server).await));
}

#[tokio::test]
async fn without_trusted_origins_no_response_has_a_cors_header_except_public_documents() {
    let server = TestServer::open().await;
    for (path, method, _) in operations().into_iter().filter(|(_, method, _)| method == "get") {
        let request = Request::new(&method.to_uppercase(), &path_of(&path)).header("origin", TRUSTED);
        let response = request.send(&server).await;
        match response.header("access-control-allow-origin") {
            None => assert!(has_no_cors_header(&response), "{path}"),
            Some(origin) => {
                assert_eq!(origin, "*", "{path}");
                let is_public = ["/.well-known/", "/problems/", "/v1/status-lists"]
                    .iter()
                    .any(|public| path.starts_with(public));
                assert!(is_public || path == "/openapi.json", "{path}");
            }
        }
    }
}
