//! Two different credentials are refused, never resolved by their order.

use crate::client::{Answer, Request};
use crate::site::{Site, text};

/// The session tokens of two logins, the second dead if it is to be.
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
async fn two_cookies_of_one_name_are_refused_in_both_orders() {
    let site = Site::secure().await;
    let (one, other) = two_logins(&site, false).await;
    for (first, second) in [(&one, &other), (&other, &one)] {
        let line = format!("__Host-session={first}; __Host-session={second}");

        let answer = Request::get("/v1/me").header("cookie", line).send(&site).await;

        assert!(is_ambiguous(&answer), "{answer:?}");
        assert!(answer.all("set-cookie").is_empty(), "one of them is live: {answer:?}");
    }
    let line = format!("__Host-session={one}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&site).await.status, 200);
    let line = format!("__host-session={other}; __Host-session={one}");
    assert_eq!(Request::get("/v1/me").header("cookie", line).send(&site).await.status, 200);
}

#[tokio::test]
async fn the_answer_clears_what_is_not_live_and_nothing_else() {
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
    assert!(answer.header("set-cookie").unwrap().starts_with("__Host-access=; "), "refresh is not read here");
}

#[tokio::test]
async fn two_authorization_headers_are_refused_and_other_schemes_ignored() {
    let site = Site::open().await;
    let (one, other) = two_logins(&site, true).await;

    let twice = Request::get("/v1/me").bearer(&one).bearer(&other).send(&site).await;
    assert!(is_ambiguous(&twice));
    assert_eq!(Request::get("/v1/me").bearer(&one).bearer(&one).send(&site).await.status, 200);
    let basic = Request::get("/v1/me").header("authorization", "Basic YTpi").send(&site).await;
    assert_eq!((basic.status, basic.header("www-authenticate")), (401, Some("Bearer")));
}

#[tokio::test]
async fn login_register_and_refresh_ignore_the_kinds_that_they_do_not_read() {
    let site = Site::open().await;
    let (one, other) = two_logins(&site, true).await;
    let form = serde_json::json!({ "username": "ada", "password": crate::site::PASSWORD });

    let login = Request::post("/v1/login").json(&form).bearer(&one).bearer(&other).send(&site).await;
    assert_eq!(login.status, 200);
    assert_eq!((site.me(&one).await, site.me(&other).await), (200, 200));

    let line = format!("counterfoil-session={one}; counterfoil-session={other}");
    let with =
        |path: &str| Request::post(path).header("cookie", &line).header("sec-fetch-site", "same-origin");
    let bob = serde_json::json!({ "username": "bob", "password": crate::site::PASSWORD });
    assert_eq!(with("/v1/register").json(&bob).send(&site).await.status, 201);
    assert_eq!(with("/v1/refresh").send(&site).await.status, 401);
    assert!(is_ambiguous(&with("/v1/login").json(&form).send(&site).await));
    assert!(is_ambiguous(&with("/v1/logout").send(&site).await));
    assert_eq!((site.me(&one).await, site.me(&other).await), (200, 200), "nothing was ended");
}

#[tokio::test]
async fn a_refresh_token_in_the_body_and_another_in_the_cookie_are_refused() {
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
    assert_eq!(same.all("set-cookie").len(), 2, "whoever shows a cookie is answered by cookies");
    assert!(same.json()["refresh_token"].is_null());
}
