//! `GET /v1/activity`: users read their own audit events.

use serde_json::{Value, json};

use crate::administration::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

async fn activity(server: &TestServer, bearer: &str, query: &str) -> Vec<Value> {
    let response = Request::get(&format!("/v1/activity{query}")).bearer(bearer).send(server).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["events"].as_array().unwrap().clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(event, "kind")).collect()
}

#[tokio::test]
async fn users_see_their_own_events_and_not_those_of_others() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let eve = UserCredentials::log_in(&server, "eve", "default").await;
    let wrong = json!({ "username": "ada", "password": "not this one" });
    Request::post("/v1/login").json(&wrong).send(&server).await;
    Request::post("/v1/logout").bearer(text(&ada.jwt, "access_token")).send(&server).await;
    let bearer = text(&ada.session, "session_token");

    let events = activity(&server, bearer, "").await;
    assert_eq!(
        kinds(&events),
        [
            "session_ended",
            "login_failed",
            "login_succeeded",
            "login_succeeded",
            "login_succeeded",
            "user_registered"
        ]
    );
    assert_eq!((&events[0]["actor"], &events[0]["reason"]), (&json!("user"), &json!("logout")));
    assert_eq!((&events[1]["actor"], &events[1]["ip"]), (&json!("anonymous"), &json!("127.0.0.1")));
    let of_jwt = format!("?session={}", text(&ada.jwt["session"], "id"));
    assert_eq!(kinds(&activity(&server, bearer, &of_jwt).await), ["session_ended", "login_succeeded"]);
    let of_eve = format!("?session={}", eve.session_id());
    assert_eq!(activity(&server, bearer, &of_eve).await, Vec::<Value>::new());
    assert_eq!(Request::get("/v1/activity").send(&server).await.status, 401);
    for bad in ["session=x", "limit=101", "after=x", "user=ada", "kind=login_failed"] {
        let response = Request::get(&format!("/v1/activity?{bad}")).bearer(bearer).send(&server).await;
        assert_eq!(response.status, 422, "{bad}");
    }
}

/// An administrator's address and notes are not for users.
#[tokio::test]
async fn what_an_administrator_did_is_shown_without_what_identifies_them() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let revoked = json!({ "subject": format!("session:{}", ada.session_id()), "reason": "we suspect her" });
    admin.send_ok("POST", "/v1/revocations", &revoked).await;
    admin.revoke("everyone").await;
    let login = json!({ "username": "ada", "password": PASSWORD });
    let login = Request::post("/v1/login").json(&login).send(&server).await.json();
    let bearer = text(&login, "session_token");

    let of_session = format!("?session={}", ada.session_id());
    let ended = &activity(&server, bearer, &of_session).await[0];
    assert_eq!(
        [&ended["actor"], &ended["reason"], &ended["ip"], &ended["user_agent"], &ended["detail"]],
        [&json!("administrator"), &json!("by_admin"), &Value::Null, &Value::Null, &Value::Null]
    );
    let of_jwt = format!("?session={}", text(&ada.jwt["session"], "id"));
    assert_eq!(kinds(&activity(&server, bearer, &of_jwt).await), ["everyone_revoked", "login_succeeded"]);
}
