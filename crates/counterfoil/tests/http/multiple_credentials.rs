//! A request with two different credentials is rejected, whatever their order.

use crate::client::{Request, Response};
use crate::test_server::{TestServer, text};

/// The session tokens of two logins. The second is logged out unless `second_lives`.
async fn two_logins(server: &TestServer, second_lives: bool) -> (String, String) {
    server.register("ada").await;
    let one = text(&server.login("ada", "session").await, "session_token").to_owned();
    let other = text(&server.login("ada", "session").await, "session_token").to_owned();
    if !second_lives {
        Request::post("/v1/logout").bearer(&other).send(server).await;
    }
    (one, other)
}

fn is_ambiguous(response: &Response) -> bool {
    response.status == 400 && response.problem() == "ambiguous_credential"
}

#[tokio::test]
async fn two_cookies_with_one_name_are_rejected_in_either_order() {
    let server = TestServer::secure().await;
    let (one, other) = two_logins(&server, false).await;
    for (first, second) in [(&one, &other), (&other, &one)] {
        let line = format!("__Host-session={first}; __Host-session={second}");

        let response = Request::get("/v1/me").header("cookie", line).send(&server).await;

        assert!(is_ambiguous(&response), "{response:?}");
        assert!(response.all("set-cookie").is_empty(), "one of the cookies is valid: {response:?}");
    }
    let line = format!("__Host-session={one}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&server).await.status, 200);
    let line = format!("__host-session={other}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&server).await.status, 200);
}

#[tokio::test]
async fn the_response_clears_only_cookies_that_are_not_valid() {
    let server = TestServer::secure().await;
    let (live, ended) = two_logins(&server, false).await;

    let ended_cookie =
        Request::get("/v1/me").bearer(&live).header("cookie", format!("__Host-session={ended}"));
    let response = ended_cookie.send(&server).await;
    assert!(is_ambiguous(&response));
    assert_eq!(response.all("set-cookie").len(), 1);
    assert!(response.header("set-cookie").unwrap().starts_with("__Host-session=; "));

    let live_cookie =
        Request::get("/v1/me").bearer(&ended).header("cookie", format!("__Host-session={live}"));
    let response = live_cookie.send(&server).await;
    assert!(is_ambiguous(&response) && response.all("set-cookie").is_empty(), "{response:?}");

    let beside = format!("__Host-session={live}; __Host-access=eyJ; __Host-refresh=cfr_x");
    let response = Request::get("/v1/me").header("cookie", beside).send(&server).await;
    assert!(is_ambiguous(&response));
    assert!(
        response.header("set-cookie").unwrap().starts_with("__Host-access=; "),
        "this route does not use the refresh token"
    );
}

#[tokio::test]
async fn two_bearer_tokens_are_rejected_and_other_schemes_are_ignored() {
    let server = TestServer::open().await;
    let (one, other) = two_logins(&server, true).await;

    let twice = Request::get("/v1/me").bearer(&one).bearer(&other).send(&server).await;
    assert!(is_ambiguous(&twice));
    assert_eq!(Request::get("/v1/me").bearer(&one).bearer(&one).send(&server).await.status, 200);
    let basic = Request::get("/v1/me").header("authorization", "Basic YTpi").send(&server).await;
    assert_eq!((basic.status, basic.header("www-authenticate")), (401, Some("Bearer")));
}

#[tokio::test]
async fn login_register_and_refresh_ignore_credentials_they_do_not_use() {
    let server = TestServer::open().await;
    let (one, other) = two_logins(&server, true).await;
    let form = serde_json::json!({ "username": "ada", "password": crate::test_server::PASSWORD });

    let login = Request::post("/v1/login").json(&form).bearer(&one).bearer(&other).send(&server).await;
    assert_eq!(login.status, 200);
    assert_eq!((server.me(&one).await, server.me(&other).await), (200, 200));

    let line = format!("counterfoil-session={one}; counterfoil-session={other}");
    let with =
        |path: &str| Request::post(path).header("cookie", &line).header("sec-fetch-site", "same-origin");
    let bob = serde_json::json!({ "username": "bob", "password": crate::test_server::PASSWORD });
    assert_eq!(with("/v1/register").json(&bob).send(&server).await.status, 201);
    assert_eq!(with("/v1/refresh").send(&server).await.status, 401);
    assert!(is_ambiguous(&with("/v1/login").json(&form).send(&server).await));
    assert!(is_ambiguous(&with("/v1/logout").send(&server).await));
    assert_eq!(
        (server.me(&one).await, server.me(&other).await),
        (200, 200),
        "both sessions are still active"
    );
}

#[tokio::test]
async fn different_refresh_tokens_in_body_and_cookie_are_rejected() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let one = text(&server.login("ada", "hybrid").await, "refresh_token").to_owned();
    let other = text(&server.login("ada", "hybrid").await, "refresh_token").to_owned();
    let both = |path: &str, body: &str| {
        Request::post(path)
            .json(&serde_json::json!({ "refresh_token": body }))
            .header("cookie", format!("counterfoil-refresh={one}"))
            .header("sec-fetch-site", "same-origin")
    };

    assert!(is_ambiguous(&both("/v1/refresh", &other).send(&server).await));
    assert!(is_ambiguous(&both("/v1/logout", &other).send(&server).await));
    let same = both("/v1/refresh", &one).send(&server).await;
    assert_eq!(same.status, 200);
    assert_eq!(same.all("set-cookie").len(), 2, "a refresh by cookie is answered with cookies");
    assert!(same.json()["refresh_token"].is_null());
}
