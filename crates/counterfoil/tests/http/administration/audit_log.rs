//! The audit log shows why each session ended.

use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{TestServer, text};

async fn session_events(admin: &Admin<'_>, session: &Value) -> Vec<Value> {
    let path = format!("/v1/admin/events?session={}", text(&session["session"], "id"));
    let mut lines: Vec<Value> = admin.get(&path).await["events"].as_array().unwrap().clone();
    lines.reverse();
    lines.into_iter().map(|line| json!([line["kind"], line["reason"], line["actor"]])).collect()
}

#[tokio::test]
async fn the_audit_log_shows_each_sessions_events_with_reason_and_actor() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let key = format!("admin_key:{}", admin.bearer["cfa_".len()..].split('.').next().unwrap());
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let me = format!("user:{}", ada.user);
    ada.refresh(&server).await;
    Request::post("/v1/logout").bearer(text(&ada.session, "session_token")).send(&server).await;
    admin.revoke(&format!("session:{}", text(&ada.jwt["session"], "id"))).await;
    admin.change_user(&ada.user, json!({ "disabled": true })).await;

    assert_eq!(
        session_events(&admin, &ada.session).await,
        [json!(["login_succeeded", null, me]), json!(["session_ended", "logout", me])]
    );
    assert_eq!(
        session_events(&admin, &ada.jwt).await,
        [json!(["login_succeeded", null, me]), json!(["session_ended", "by_admin", key])]
    );
    // A refresh in the hour of the login, from the same client, is not recorded.
    assert_eq!(
        session_events(&admin, &ada.hybrid).await,
        [json!(["login_succeeded", null, me]), json!(["session_ended", "user_disabled", key])]
    );
}

#[tokio::test]
async fn a_revocation_of_everyone_is_listed_for_each_session_it_ended() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    admin.send_ok("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
    let key = format!("admin_key:{}", admin.bearer["cfa_".len()..].split('.').next().unwrap());
    let early = UserCredentials::log_in(&server, "ada", "default").await;
    Request::post("/v1/logout").bearer(text(&early.session, "session_token")).send(&server).await;
    admin.revoke("client:shop").await;
    admin.revoke("everyone").await;
    let late = UserCredentials::log_in(&server, "ada", "default").await;

    let kinds = |lines: Vec<Value>| lines.into_iter().map(|line| line[0].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(session_events(&admin, &early.session).await), ["login_succeeded", "session_ended"]);
    let everyone = session_events(&admin, &early.jwt).await;
    assert_eq!(everyone[1], json!(["everyone_revoked", "by_admin", key]));
    assert_eq!(kinds(everyone), ["login_succeeded", "everyone_revoked"]);
    assert_eq!(kinds(session_events(&admin, &late.session).await), ["login_succeeded"]);
}

#[tokio::test]
async fn the_audit_log_is_paginated_and_filtered_by_user() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;

    let (mut all, mut path) = (Vec::new(), "/v1/admin/events?limit=2".to_owned());
    loop {
        let page = admin.get(&path).await;
        let lines = page["events"].as_array().unwrap();
        assert!(lines.len() <= 2);
        all.extend(lines.iter().map(|line| line["number"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/admin/events?limit=2&after={next}");
    }
    assert!(all.is_sorted_by(|a, b| a > b) && all.len() >= 6, "{all:?}");
    let hers = admin.get(&format!("/v1/admin/events?user={}", ada.user)).await;
    assert_eq!(hers["events"].as_array().unwrap().len(), 4);
    for bad in ["user=ada", "session=x", "after=x", "limit=x", "kind=login", "from=now", "to=-1", "until=1"] {
        assert_eq!(admin.send("GET", &format!("/v1/admin/events?{bad}")).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_audit_log_is_filtered_by_kind_and_time_and_shows_names() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    admin.change_user(&ada.user, json!({ "disabled": true })).await;
    let kinds = async |query: &str| {
        let list = admin.get(&format!("/v1/admin/events?{query}")).await;
        let events = list["events"].as_array().unwrap().iter();
        events.map(|event| text(event, "kind").to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(kinds("kind=user_disabled,user_registered").await, ["user_disabled", "user_registered"]);
    assert_eq!(kinds(&format!("kind=login_succeeded&user={}", ada.user)).await.len(), 3);
    assert_eq!(kinds(&format!("kind=session_ended&session={}", ada.session_id())).await, ["session_ended"]);
    let now = server.app.now().unix_seconds();
    assert_eq!(kinds(&format!("from={}", now + 60)).await.len(), 0);
    assert_eq!(kinds(&format!("to={}", now - 60)).await.len(), 0);
    let all = kinds("").await.len();
    assert_eq!(kinds(&format!("from={}&to={}", now - 600, now + 60)).await.len(), all);

    let disabled = &admin.get("/v1/admin/events?kind=user_disabled").await["events"][0];
    assert_eq!((&disabled["username"], &disabled["actor_name"]), (&json!("ada"), &json!("tests")));
    admin.send("DELETE", &format!("/v1/admin/users/{}", ada.user)).await;
    let deleted = &admin.get("/v1/admin/events?kind=user_deleted").await["events"][0];
    assert_eq!((&deleted["user"], &deleted["username"]), (&json!(ada.user), &Value::Null));
}
