//! Administration of users: adding, finding, changing, disabling and deleting them.

use std::num::NonZeroU32;

use counterfoil::operator::Command;
use counterfoil_core::services::login_rate_limiter::RateLimits;
use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

const ALL: [bool; 4] = [true; 4];
const NONE: [bool; 4] = [false; 4];

async fn login_status(server: &TestServer, name: &str, mode: &str) -> u16 {
    let form = json!({ "username": name, "password": PASSWORD, "mode": mode });
    Request::post("/v1/login").json(&form).send(server).await.status
}

fn names(list: &Value) -> Vec<&str> {
    list["users"].as_array().unwrap().iter().map(|user| text(user, "username")).collect()
}

#[tokio::test]
async fn users_are_added_found_and_listed() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    for name in ["Cleo", "ada", "Bob"] {
        let form =
            json!({ "username": name, "password": PASSWORD, "roles": ["staff"], "email": "x@example.org" });
        let added = admin.send_ok("POST", "/v1/admin/users", &form).await;
        let path = format!("/v1/admin/users/{}", text(&added["user"], "id"));
        assert_eq!(admin.get(&path).await["user"], added["user"]);
        assert_eq!(
            (&added["user"]["roles"], &added["user"]["email_verified"]),
            (&json!(["staff"]), &json!(false))
        );
    }

    let first = admin.get("/v1/admin/users?limit=2").await;
    let next = format!("/v1/admin/users?limit=2&after={}", text(&first, "next"));
    assert_eq!((names(&first), names(&admin.get(&next).await)), (vec!["ada", "Bob"], vec!["Cleo"]));
    assert_eq!(admin.get(&next).await["next"], json!(null));
    assert_eq!(names(&admin.get("/v1/admin/users?username=CLEO").await), ["Cleo"]);
    assert!(names(&admin.get("/v1/admin/users?username=unknown").await).is_empty());
    assert_eq!(login_status(&server, "ada", "session").await, 200);

    let again = json!({ "username": "ADA", "password": PASSWORD });
    assert_eq!(admin.send_json("POST", "/v1/admin/users", &again).await.status, 409);
    for path in ["/v1/admin/users?limit=0", "/v1/admin/users?limit=1001", "/v1/admin/users?name=ada"] {
        assert_eq!(admin.send("GET", path).await.status, 422, "{path}");
    }
}

/// Why a login is rejected, and until when, without the log of the server.
#[tokio::test]
async fn an_administrator_sees_what_the_rate_limits_count_for_a_user() {
    let server = TestServer::with(|settings| settings.rate_limits = RateLimits::default()).await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    for _ in 0..3 {
        let form = json!({ "username": "Ada", "password": "not this one" });
        assert_eq!(Request::post("/v1/login").json(&form).send(&server).await.status, 401);
    }
    let ada = admin.get("/v1/admin/users?username=ada").await["users"][0].clone();
    let path = format!("/v1/admin/users/{}", text(&ada, "id"));

    let counters = admin.get(&path).await["rate_limits"].clone();

    let found =
        counters.as_array().unwrap().iter().find(|counter| counter["event"] == "failed_logins").unwrap();
    assert_eq!((&found["login_name"], &found["count"]), (&json!("ada"), &json!(3)));
    assert!(found["max"].as_u64().unwrap() > 3 && found["window"].as_u64().unwrap() > 0, "{found}");
    assert!(found["resets_at"].is_u64() && found["blocked_until"].is_null(), "{found}");
    let from_ip = admin.get(&format!("{path}?ip=192.0.2.1")).await["rate_limits"].clone();
    let from_ip =
        from_ip.as_array().unwrap().iter().find(|counter| counter["event"] == "failed_logins_from_ip");
    assert_eq!(from_ip.unwrap()["count"], 0);
    for query in ["?ip=here", "?ip=192.0.2.1&ip=192.0.2.2", "?limit=1"] {
        assert_eq!(admin.send("GET", &format!("{path}{query}")).await.status, 422, "{query}");
    }
}

#[tokio::test]
async fn a_changed_role_takes_effect_at_the_next_request() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let (ada, eve) = (
        UserCredentials::log_in(&server, "ada", "default").await,
        UserCredentials::log_in(&server, "eve", "default").await,
    );

    let changed = admin.change_user(&ada.user, json!({ "roles": ["staff"] })).await;

    assert_eq!(changed["user"]["roles"], json!(["staff"]));
    assert_eq!(
        ada.accepted(&server).await,
        [true, false, false, true],
        "access tokens are revoked, other credentials stay valid"
    );
    assert_eq!(eve.accepted(&server).await, ALL);
    let roles = async |bearer: &str| {
        let me = Request::get("/v1/me").bearer(bearer).send(&server).await;
        me.json()["user"]["roles"].clone()
    };
    assert_eq!(roles(text(&ada.session, "session_token")).await, json!(["staff"]));
    let refreshed = ada.refresh(&server).await.json();
    assert_eq!(roles(text(&refreshed, "access_token")).await, json!(["staff"]));

    admin.change_user(&ada.user, json!({ "roles": ["staff"] })).await;
    assert_eq!(
        server.me(text(&refreshed, "access_token")).await,
        200,
        "a change without effect revokes nothing"
    );
}

#[tokio::test]
async fn a_role_change_does_not_restore_revoked_credentials() {
    for subject in ["client:default", "everyone"] {
        let server = TestServer::open().await;
        server.register("ada").await;
        let admin = Admin::new(&server).await;
        let ada = UserCredentials::log_in(&server, "ada", "default").await;
        admin.revoke(subject).await;
        assert_eq!(ada.accepted(&server).await, NONE, "{subject}");

        admin.change_user(&ada.user, json!({ "roles": ["staff"] })).await;

        assert_eq!(ada.accepted(&server).await, NONE, "{subject}");
    }
}

#[tokio::test]
async fn disabling_a_user_ends_all_sessions_and_prevents_logins() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let (ada, eve) = (
        UserCredentials::log_in(&server, "ada", "default").await,
        UserCredentials::log_in(&server, "eve", "default").await,
    );
    assert_eq!(ada.accepted(&server).await, ALL);

    admin.change_user(&ada.user, json!({ "disabled": true })).await;

    assert_eq!((ada.accepted(&server).await, eve.accepted(&server).await), (NONE, ALL));
    for mode in ["session", "jwt", "hybrid"] {
        assert_eq!(login_status(&server, "ada", mode).await, 401, "{mode}");
    }
    for bearer in [text(&ada.session, "session_token"), text(&ada.jwt, "access_token")] {
        assert_eq!(Request::post("/v1/token").bearer(bearer).send(&server).await.status, 401);
        let form = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
        let password = Request::post("/v1/password").bearer(bearer).json(&form).send(&server).await;
        assert_eq!(password.status, 401);
    }
    let sessions = admin.get(&format!("/v1/admin/users/{}/sessions", ada.user)).await;
    assert_eq!(sessions["sessions"], json!([]));

    admin.change_user(&ada.user, json!({ "disabled": false })).await;
    assert_eq!(ada.accepted(&server).await, NONE, "revoked credentials stay revoked");
    assert_eq!(login_status(&server, "ada", "hybrid").await, 200);
}

#[tokio::test]
async fn deleting_a_user_ends_all_sessions_and_frees_the_name() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let path = format!("/v1/admin/users/{}", ada.user);

    assert_eq!(admin.send("DELETE", &path).await.status, 204);

    assert_eq!(ada.accepted(&server).await, NONE);
    assert_eq!(login_status(&server, "ada", "session").await, 401);
    assert_eq!(admin.send("GET", &path).await.status, 404);
    assert_eq!(admin.send("DELETE", &path).await.status, 404);
    assert_eq!(admin.send("GET", &format!("{path}/sessions")).await.status, 404);
    server.register("ada").await;
    let next = UserCredentials::log_in(&server, "ada", "default").await;
    assert_ne!(next.user, ada.user);
    assert_eq!((next.accepted(&server).await, ada.accepted(&server).await), (ALL, NONE));
    let audit_log = admin.get(&format!("/v1/admin/events?user={}", ada.user)).await;
    assert_eq!(audit_log["events"][0]["kind"], "user_deleted");
}

#[tokio::test]
async fn a_verified_email_address_can_be_used_to_log_in() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let (ada, eve) = (server.login("ada", "session").await, server.login("eve", "session").await);
    let id = |login: &Value| text(&login["user"], "id").to_owned();

    admin.change_user(&id(&ada), json!({ "email": "Ada@Example.org" })).await;
    assert_eq!(login_status(&server, "ada@example.org", "session").await, 401);
    admin.change_user(&id(&ada), json!({ "email_verified": true })).await;
    assert_eq!(login_status(&server, "ada@example.org", "session").await, 200);

    let eves = format!("/v1/admin/users/{}", id(&eve));
    let taken = json!({ "email": "ada@example.org", "email_verified": true });
    let response = admin.send_json("PATCH", &eves, &taken).await;
    assert_eq!((response.status, response.json()["errors"][0]["field"].as_str()), (422, Some("email")));
    let moved = admin.change_user(&id(&ada), json!({ "email": "ada@example.com" })).await;
    assert_eq!(moved["user"]["email_verified"], false, "a new address must be verified again");
    let none = admin.change_user(&id(&ada), json!({ "email": null })).await;
    assert_eq!(none["user"]["email"], json!(null));
    assert_eq!(server.me(text(&ada, "session_token")).await, 200, "a changed address ends no session");
}

#[tokio::test]
async fn an_external_id_is_set_shown_and_removed() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let new = json!({ "username": "ada", "password": PASSWORD, "external_id": 42 });
    let added = admin.send_json("POST", "/v1/admin/users", &new).await;
    assert_eq!((added.status, &added.json()["user"]["external_id"]), (201, &json!(42)));
    let path = format!("/v1/admin/users/{}", text(&added.json()["user"], "id"));

    let login = server.login("ada", "jwt").await;
    assert_eq!(login["user"]["external_id"], 42);
    assert_eq!(admin.get(&path).await["user"]["external_id"], 42);
    let changed = admin.send_json("PATCH", &path, &json!({ "external_id": "42" })).await.json();
    assert_eq!(changed["user"]["external_id"], "42");
    assert_eq!(server.me(text(&login, "access_token")).await, 401, "its token states the former id");

    let second = json!({ "username": "eve", "password": PASSWORD, "external_id": "42" });
    let taken = admin.send_json("POST", "/v1/admin/users", &second).await;
    assert_eq!((taken.status, &taken.json()["errors"][0]["field"]), (422, &json!("external_id")));
    let removed = admin.send_json("PATCH", &path, &json!({ "external_id": null })).await.json();
    assert_eq!(removed["user"]["external_id"], json!(null));
}

#[tokio::test]
async fn invalid_user_changes_are_rejected_with_the_field() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = server.login("ada", "session").await;
    let path = format!("/v1/admin/users/{}", text(&ada["user"], "id"));
    for (change, status, field) in [
        (json!({ "roles": ["two words"] }), 422, "roles"),
        (json!({ "roles": [""] }), 422, "roles"),
        (json!({ "roles": vec!["r"; 33] }), 422, "roles"),
        (json!({ "roles": "admin" }), 422, "roles"),
        (json!({ "email": "no-at-sign" }), 422, "email"),
        (json!({ "email_verified": true }), 422, "email_verified"),
        (json!({ "external_id": "" }), 422, "external_id"),
        (json!({ "external_id": true }), 422, "external_id"),
        (json!({ "external_id": 1.5 }), 422, "external_id"),
        (json!({ "disabled": "yes" }), 422, "disabled"),
        (json!({ "password": "another horse battery" }), 400, ""),
        (json!({ "id": "x" }), 400, ""),
    ] {
        let response = admin.send_json("PATCH", &path, &change).await;
        assert_eq!(response.status, status, "{change}");
        assert_eq!(response.json()["errors"][0]["field"].as_str().unwrap_or_default(), field, "{change}");
    }
    assert_eq!(server.me(text(&ada, "session_token")).await, 200);
    for unknown in ["AAAAAAAAAAAAAAAAAAAAAA", "ada", "%41"] {
        let path = format!("/v1/admin/users/{unknown}");
        assert_eq!(admin.send_json("PATCH", &path, &json!({})).await.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn a_login_above_max_sessions_ends_the_oldest_session() {
    let server = TestServer::with(|settings| settings.max_sessions = NonZeroU32::new(2)).await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let eve = server.login("eve", "session").await;
    let [first, second] = [server.login("ada", "session").await, server.login("ada", "hybrid").await];
    assert_eq!(server.me(text(&first, "session_token")).await, 200);

    let third = server.login("ada", "jwt").await;

    assert_eq!(server.me(text(&first, "session_token")).await, 401);
    for (login, token) in [(&second, "access_token"), (&third, "access_token"), (&eve, "session_token")] {
        assert_eq!(server.me(text(login, token)).await, 200);
    }
    let path = format!("/v1/admin/events?session={}", text(&first["session"], "id"));
    let last = &admin.get(&path).await["events"][0];
    assert_eq!((&last["kind"], &last["reason"]), (&json!("session_ended"), &json!("session_limit")));
}

#[tokio::test]
async fn a_cursor_is_the_same_over_http_and_in_a_command() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for mode in ["session", "jwt", "hybrid"] {
        server.login("ada", mode).await;
    }
    let admin = Admin::new(&server).await;
    Admin::new(&server).await;
    let users = admin.get("/v1/admin/users").await;
    let ada = text(&users["users"][0], "id").to_owned();
    let user = || ada.clone();

    // All sessions are those of ada.
    let list = |after, limit| Command::SessionList { user: Some(user()), ip: None, mode: None, after, limit };
    assert_same_pages(&admin, "/v1/admin/sessions", list).await;
    assert_same_pages(&admin, "/v1/admin/admin-keys", |after, limit| Command::AdminKeyList { after, limit })
        .await;
    for _ in 0..2 {
        crate::feed::add_key(&server).await;
    }
    let verifier_keys = |after, limit| Command::VerifierKeyList { after, limit };
    assert_same_pages(&admin, "/v1/admin/verifier-keys", verifier_keys).await;
    assert_same_pages(&admin, "/v1/admin/verifiers", |after, limit| Command::VerifierList { after, limit })
        .await;
    assert_same_pages(&admin, "/v1/admin/keys", |after, limit| Command::KeyList { after, limit }).await;
    assert_same_pages(&admin, "/v1/admin/clients", |after, limit| Command::ClientList { after, limit }).await;
    let refused = server.app.administer(list(None, Some(1001))).await.unwrap_err();
    assert_eq!(refused.message, "limit: must be between 1 and 1000");
    assert_eq!(admin.send("GET", "/v1/admin/keys?after=x").await.status, 422);
}

/// Reads a list one row at a time, each page over HTTP and with a command.
async fn assert_same_pages(
    admin: &Admin<'_>,
    path: &str,
    command: impl Fn(Option<String>, Option<u32>) -> Command,
) {
    let mut after: Option<String> = None;
    loop {
        let cursor = after.iter().map(|after| format!("&after={after}")).collect::<String>();
        let page = admin.get(&format!("{path}?limit=1{cursor}")).await;
        let answer = admin.server.app.administer(command(after, Some(1))).await.unwrap();
        assert_eq!(page, answer, "{path}");
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return,
        }
    }
}
