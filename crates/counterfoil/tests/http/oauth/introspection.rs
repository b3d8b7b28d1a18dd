//! What introspection says about a token, and that an inactive one says nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::{add_key, revoke_everywhere};
use crate::oauth::{ResourceServer, exchange, login_with, post, tampered};
use crate::test_server::{TestServer, text};

/// The members of an object, in alphabetical order.
fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn an_active_token_of_each_kind_is_described() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let (session, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let issuer = server.app.settings().issuer.to_string();
    let now = server.app.now().unix_seconds();
    for (kind, login, credential, lifetime) in [
        ("session", &session, "session_token", 86_400),
        ("access", &hybrid, "access_token", 900),
        ("refresh", &hybrid, "refresh_token", 604_800),
    ] {
        let answer = resource_server.introspect(text(login, credential)).await;

        let mut expected = vec![
            "acr",
            "active",
            "amr",
            "aud",
            "auth_time",
            "client_id",
            "exp",
            "iat",
            "iss",
            "pos",
            "roles",
            "sid",
            "sub",
            "token_type",
            "username",
        ];
        if kind == "access" {
            expected.insert(9, "jti");
        }
        assert_eq!(members(&answer), expected, "{kind}");
        assert_eq!((&answer["active"], text(&answer, "token_type")), (&json!(true), kind));
        assert_eq!(answer["sub"], login["user"]["id"]);
        assert_eq!(answer["sid"], login["session"]["id"]);
        assert_eq!((text(&answer, "username"), text(&answer, "client_id")), ("ada", "default"));
        assert_eq!((text(&answer, "iss"), &answer["aud"]), (issuer.as_str(), &json!([issuer])));
        assert_eq!((&answer["amr"], &answer["roles"]), (&json!(["pwd"]), &json!([])));
        let issued_at = answer["iat"].as_u64().unwrap();
        assert!(issued_at.abs_diff(now) <= 5 && answer["auth_time"].as_u64().unwrap().abs_diff(now) <= 5);
        assert!(answer["exp"].as_u64().unwrap().abs_diff(now + lifetime) <= 5, "{answer}");
    }
}

#[tokio::test]
async fn scope_roles_audience_and_external_id_are_those_of_the_token() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let user = json!({ "username": "ada", "password": crate::test_server::PASSWORD, "roles": ["staff"], "external_id": 7 });
    admin.send_ok("POST", "/v1/admin/users", &user).await;
    let resource_server = ResourceServer::new(&server).await;
    let granted = json!({ "mode": "hybrid", "audience": "https://shop.example", "scope": "read write" });
    let login = login_with(&server, granted).await;

    for credential in ["access_token", "refresh_token"] {
        let answer = resource_server.introspect(text(&login, credential)).await;
        assert_eq!(
            (text(&answer, "scope"), &answer["aud"]),
            ("read write", &json!(["https://shop.example"]))
        );
        assert_eq!((&answer["roles"], &answer["external_id"]), (&json!(["staff"]), &json!(7)));
    }
    let session = login_with(&server, json!({ "scope": "read" })).await;
    let answer = resource_server.introspect(text(&session, "session_token")).await;
    assert_eq!((text(&answer, "scope"), &answer["external_id"]), ("read", &json!(7)));
}

#[tokio::test]
async fn a_token_that_is_not_active_has_one_response_whatever_the_reason() {
    let server = TestServer::with(|settings| settings.refresh_reuse_grace = Duration::ZERO).await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let (admin, login) = (Admin::new(&server).await, server.login("ada", "hybrid").await);
    let [access, used] = ["access_token", "refresh_token"].map(|name| text(&login, name).to_owned());
    let refresh = Request::post("/v1/refresh").json(&json!({ "refresh_token": used }));
    let next = refresh.send(&server).await.json();
    let mut inactive = vec![
        "unknown".to_owned(),
        "a.b.c".to_owned(),
        "cfs_AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "cfr_AAAAAAAAAAAAAAAAAAAAAA.0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("{access} "),
        tampered(&access),
        format!("Bearer {access}"),
        "x".repeat(20_000),
        admin.bearer.clone(),
        resource_server.key.clone(),
        used,
    ];
    let revoked = server.login("ada", "session").await;
    let ended = server.login("ada", "hybrid").await;
    admin.revoke(&format!("session:{}", text(&revoked["session"], "id"))).await;
    admin.revoke(&format!("session:{}", text(&ended["session"], "id"))).await;
    inactive.push(text(&revoked, "session_token").to_owned());
    inactive.extend(["access_token", "refresh_token"].map(|name| text(&ended, name).to_owned()));

    let other = resource_server.send("other").await.without_id();
    assert_eq!(other.body, br#"{"active":false}"#);
    for token in &inactive {
        assert_eq!(resource_server.send(token).await.without_id(), other, "{token}");
    }
    // The reuse of a refresh token was only asked about.
    assert!(resource_server.is_active(text(&next, "refresh_token")).await);

    let tokens = ["access_token", "refresh_token"].map(|name| text(&next, name).to_owned());
    admin.change_user(text(&login["user"], "id"), json!({ "disabled": true })).await;
    for token in tokens {
        assert!(!resource_server.is_active(&token).await, "the user is disabled");
    }
}

#[tokio::test]
async fn an_introspection_never_rotates_a_refresh_token() {
    let server = TestServer::with(|settings| settings.refresh_reuse_grace = Duration::ZERO).await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let login = server.login("ada", "hybrid").await;
    let token = text(&login, "refresh_token");

    for _ in 0..3 {
        assert!(resource_server.is_active(token).await);
    }

    let refresh = Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    assert_eq!(refresh.send(&server).await.status, 200, "it is still the current one");
}

#[tokio::test]
async fn pos_is_the_head_of_the_revocation_log_before_the_decision() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("grace").await;
    let resource_server = ResourceServer::new(&server).await;
    let (session, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let other = server.login("grace", "session").await;
    let tokens =
        [text(&session, "session_token"), text(&hybrid, "access_token"), text(&hybrid, "refresh_token")];
    let revoked =
        Admin::new(&server).await.revoke(&format!("session:{}", text(&other["session"], "id"))).await;

    for token in tokens {
        let answer = resource_server.introspect(token).await;
        assert_eq!(answer["pos"], revoked["position"], "{answer}");
    }
}

#[tokio::test]
async fn an_exchanged_token_is_active_until_its_session_ends() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let session = server.login("ada", "session").await;
    let bearer = text(&session, "session_token");
    let token = exchange(&server, bearer, json!({ "audience": "https://api.example" })).await;
    assert_eq!(resource_server.introspect(&token).await["aud"], json!(["https://api.example"]));

    assert_eq!(Request::post("/v1/logout").bearer(bearer).send(&server).await.status, 204);

    assert!(!resource_server.is_active(&token).await && !resource_server.is_active(bearer).await);
}

#[tokio::test]
async fn a_token_for_others_is_not_active_for_a_caller_that_names_its_audience() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let key = add_key(&server).await;
    let (shop, issuer) = ("https://shop.example", server.app.settings().issuer.to_string());
    let (for_shop, session) = (
        login_with(&server, json!({ "mode": "hybrid", "audience": shop })).await,
        server.login("ada", "session").await,
    );
    let for_shop = ["access_token", "refresh_token"].map(|name| text(&for_shop, name));
    let session = text(&session, "session_token");
    let introspect = async |token: &str, audience: &str| {
        let request = post("/oauth/introspect", &[("token", token), ("audience", audience)]).bearer(&key);
        request.send(&server).await.json()
    };
    for token in for_shop {
        assert_eq!(introspect(token, shop).await["active"], true);
        assert_eq!(introspect(token, &issuer).await, json!({ "active": false }));
    }
    assert_eq!(introspect(session, &issuer).await["active"], true);
    assert_eq!(introspect(session, shop).await, json!({ "active": false }));
}

#[tokio::test]
async fn a_wait_for_the_fleet_awaits_the_answers_that_may_still_be_used() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let login = server.login("ada", "session").await;
    let asked = Instant::now();
    assert!(resource_server.is_active(text(&login, "session_token")).await);

    let (answer, _) = revoke_everywhere(&server, "client:default").await;

    let elapsed = asked.elapsed();
    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(0), &json!(0)));
    assert!(elapsed >= Duration::from_millis(1_250) && elapsed < Duration::from_secs(3), "{elapsed:?}");
    let (_, elapsed) = revoke_everywhere(&server, "client:default").await;
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test]
async fn a_revoked_token_is_inactive_as_soon_as_the_revocation_is_acknowledged() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let resource_server = ResourceServer::new(&server).await;
    let user = |login: &Value| format!("user:{}", text(&login["user"], "id"));
    for _ in 0..20 {
        let login = server.login("ada", "hybrid").await;
        let token = text(&login, "access_token");
        assert!(resource_server.is_active(token).await);
        admin.revoke(&user(&login)).await;
        assert!(!resource_server.is_active(token).await);
        assert!(!resource_server.is_active(text(&login, "refresh_token")).await);
    }
}

#[tokio::test]
async fn each_result_is_counted() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let resource_server = ResourceServer::new(&server).await;
    let login = server.login("ada", "session").await;
    resource_server.introspect(text(&login, "session_token")).await;
    resource_server.introspect("unknown").await;
    resource_server.introspect("unknown").await;
    post("/oauth/introspect", &[("token", "x")]).send(&server).await;

    let page = server.app.metrics().await;
    for (result, count) in [("active", 1), ("inactive", 2), ("invalid_client", 1), ("rate_limited", 0)] {
        let line = format!("counterfoil_introspections_total{{result=\"{result}\"}} {count}");
        assert!(page.contains(&line), "{line}");
    }
}
