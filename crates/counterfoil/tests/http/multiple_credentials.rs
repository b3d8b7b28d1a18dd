//! A request with two different credentials is rejected, whatever their order.

use crate::client::{Answer, Request};
use crate::test_server::{Site, text};

/// The session tokens of two logins. The second is logged out unless `second_lives`.
async fn two_logins(site: &Site, second_lives: bool) -> (String, String) {
    site.register("ada").await;
    let one = text(&site.login("ada", "session").await, "session_token").to_owned();
    let other = text(&site.login("ada", "session").await, "session_token").to_owned();
    if !second_lives {
        Request::post("/v1/logout").bearer(&other).send(site).await;
    }
    (one, other)
}

fn is_ambiguous(answer: &Answer) -> bool {
    answer.status == 400 && answer.problem() == "ambiguous_credential"
}

#[tokio::test]
async fn two_cookies_with_one_name_are_rejected_in_either_order() {
    let site = Site::secure().await;
    let (one, other) = two_logins(&site, false).await;
    for (first, second) in [(&one, &other), (&other, &one)] {
        let line = format!("__Host-session={first}; __Host-session={second}");

        let answer = Request::get("/v1/me").header("cookie", line).send(&site).await;

        assert!(is_ambiguous(&answer), "{answer:?}");
        assert!(answer.all("set-cookie").is_empty(), "one of the cookies is valid: {answer:?}");
    }
    let line = format!("__Host-session={one}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&site).await.status, 200);
    let line = format!("__host-session={other}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&site).await.status, 200);
}

#[tokio::test]
async fn the_response_clears_only_cookies_that_are_not_valid() {
    let site = Site::secure().await;
    let (live, dead) = two_logins(&site, false).await;

    let dead_cookie = Request::get("/v1/me").bearer(&live).header("cookie", format!("__Host-session={dead}"));
    let answer = dead_cookie.send(&site).await;
    assert!(is_ambiguous(&answer));
    assert_eq!(answer.all("set-cookie").len(), 1);
    assert!(answer.header("set-cookie").unwrap().starts_with("__Host-session=; "));

    let live_cookie = Request::get("/v1/me").bearer(&dead).header("cookie", format!("__Host-session={live}"));
    let answer = live_cookie.send(&site).await;
    assert!(is_ambiguous(&answer) && answer.all("set-cookie").is_empty(), "{answer:?}");

    let beside = format!("__Host-session={live}; __Host-access=eyJ; __Host-refresh=cfr_x");
    let answer = Request::get("/v1/me").header("cookie", beside).send(&site).await;
    assert!(is_ambiguous(&answer));
    assert!(
        answer.header("set-cookie").unwrap().starts_with("__Host-access=; "),
        "this route does not use the refresh token"
    );
}

#[tokio::test]
async fn two_bearer_tokens_are_rejected_and_other_schemes_are_ignored() {
    let site = Site::open().await;
    let (one, other) = two_logins(&site, true).await;

    let twice = Request::get("/v1/me").bearer(&one).bearer(&other).send(&site).await;
    assert!(is_ambiguous(&twice));
    assert_eq!(Request::get("/v1/me").bearer(&one).bearer(&one).send(&site).await.status, 200);
    let basic = Request::get("/v1/me").header("authorization", "Basic YTpi").send(&site).await;
    assert_eq!((basic.status, basic.header("www-authenticate")), (401, Some("Bearer")));
}

#[tokio::test]
async fn login_register_and_refresh_ignore_credentials_they_do_not_use() {
    let site = Site::open().await;
    let (one, other) = two_logins(&site, true).await;
    let form = serde_json::json!({ "username": "ada", "password": crate::test_server::PASSWORD });

    let login = Request::post("/v1/login").json(&form).bearer(&one).bearer(&other).send(&site).await;
    assert_eq!(login.status, 200);
    assert_eq!((site.me(&one).await, site.me(&other).await), (200, 200));

    let line = format!("counterfoil-session={one}; counterfoil-session={other}");
    let with =
        |path: &str| Request::post(path).header("cookie", &line).header("sec-fetch-site", "same-origin");
    let bob = serde_json::json!({ "username": "bob", "password": crate::test_server::PASSWORD });
    assert_eq!(with("/v1/register").json(&bob).send(&site).await.status, 201);
    assert_eq!(with("/v1/refresh").send(&site).await.status, 401);
    assert!(is_ambiguous(&with("/v1/login").json(&form).send(&site).await));
    assert!(is_ambiguous(&with("/v1/logout").send(&site).await));
    assert_eq!((site.me(&one).await, site.me(&other).await), (200, 200), "both sessions are still active");
}

#[tokio::test]
async fn different_refresh_tokens_in_body_and_cookie_are_rejected() {
    let site = Site::open().await;
    site.register("ada").await;
    let one = text(&site.login("ada", "hybrid").await, "refresh_token").to_owned();
    let other = text(&site.login("ada", "hybrid").await, "refresh_token").to_owned();
    let both = |path: &str, body: &str| {
        Request::post(path)
            .json(&serde_json::json!({ "refresh_token": body }))
            .header("cookie", format!("counterfoil-refresh={one}"))
            .header("sec-fetch-site", "same-origin")
    };

    assert!(is_ambiguous(&both("/v1/refresh", &other).send(&site).await));
    assert!(is_ambiguous(&both("/v1/logout", &other).send(&site).await));
    let same = both("/v1/refresh", &one).send(&site).await;
    assert_eq!(same.status, 200);
    assert_eq!(same.all("set-cookie").len(), 2, "a refresh by cookie is answered with cookies");
    assert!(same.json()["refresh_token"].is_null());
}
