//! The audit log shows why each session ended.

use serde_json::{Value, json};

use super::{Admin, Carried};
use crate::client::Request;
use crate::test_server::{Site, text};

async fn told(admin: &Admin<'_>, session: &Value) -> Vec<Value> {
    let path = format!("/v1/admin/events?session={}", text(&session["session"], "id"));
    let mut lines: Vec<Value> = admin.get(&path).await["events"].as_array().unwrap().clone();
    lines.reverse();
    lines.into_iter().map(|line| json!([line["kind"], line["reason"], line["actor"]])).collect()
}

#[tokio::test]
async fn the_audit_log_shows_each_sessions_events_with_reason_and_actor() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let key = format!("admin_key:{}", admin.bearer["cfa_".len()..].split('.').next().unwrap());
    let ada = Carried::by(&site, "ada", "default").await;
    let me = format!("user:{}", ada.user);
    ada.refresh(&site).await;
    Request::post("/v1/logout").bearer(text(&ada.session, "session_token")).send(&site).await;
    admin.revoke(&format!("session:{}", text(&ada.jwt["session"], "id"))).await;
    admin.change_user(&ada.user, json!({ "disabled": true })).await;

    assert_eq!(
        told(&admin, &ada.session).await,
        [json!(["signed_in", null, me]), json!(["session_ended", "logout", me])]
    );
    assert_eq!(
        told(&admin, &ada.jwt).await,
        [json!(["signed_in", null, me]), json!(["session_ended", "by_admin", key])]
    );
    assert_eq!(
        told(&admin, &ada.hybrid).await,
        [
            json!(["signed_in", null, me]),
            json!(["refreshed", null, me]),
            json!(["session_ended", "user_disabled", key]),
        ]
    );
}

#[tokio::test]
async fn a_revocation_of_everyone_is_listed_for_each_session_it_ended() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    admin.done("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
    let key = format!("admin_key:{}", admin.bearer["cfa_".len()..].split('.').next().unwrap());
    let early = Carried::by(&site, "ada", "default").await;
    Request::post("/v1/logout").bearer(text(&early.session, "session_token")).send(&site).await;
    admin.revoke("client:shop").await;
    admin.revoke("everyone").await;
    let late = Carried::by(&site, "ada", "default").await;

    let kinds = |lines: Vec<Value>| lines.into_iter().map(|line| line[0].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(told(&admin, &early.session).await), ["signed_in", "session_ended"]);
    let everyone = told(&admin, &early.jwt).await;
    assert_eq!(everyone[1], json!(["everyone_revoked", "by_admin", key]));
    assert_eq!(kinds(everyone), ["signed_in", "everyone_revoked"]);
    assert_eq!(kinds(told(&admin, &late.session).await), ["signed_in"]);
}

#[tokio::test]
async fn the_audit_log_is_paginated_and_filtered_by_user() {
    let site = Site::open().await;
    site.register("ada").await;
    site.register("eve").await;
    let admin = Admin::of(&site).await;
    let ada = Carried::by(&site, "ada", "default").await;

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
    for bad in ["user=ada", "session=x", "after=x", "limit=x", "kind=signed_in"] {
        assert_eq!(admin.send("GET", &format!("/v1/admin/events?{bad}")).await.status, 422, "{bad}");
    }
}
