//! Verifier keys: created, listed and removed by administrators, and accepted by the feed alone.

use serde_json::json;

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::{TestFollower, add_key, poll};
use crate::test_server::{TestServer, text};

#[tokio::test]
async fn a_key_follows_the_feed_until_it_is_removed() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let made = admin.send_ok("POST", "/v1/admin/verifier-keys", &json!({ "name": "orders" })).await;
    let (id, key) = (text(&made, "id").to_owned(), text(&made, "key").to_owned());
    assert!(key.starts_with("cfv_") && made.as_object().unwrap().len() == 2);

    TestFollower::start(&server, &key, "a").await;
    let listed = admin.get("/v1/admin/verifier-keys").await;
    assert_eq!((&listed["verifier_keys"][0]["id"], &listed["next"]), (&json!(id), &json!(null)));
    assert!(!listed.to_string().contains(key.split_once('.').unwrap().1));

    let path = format!("/v1/admin/verifier-keys/{id}");
    assert_eq!(admin.send("DELETE", &path).await.status, 204);
    assert_eq!(admin.send("DELETE", &path).await.status, 404);
    assert_eq!(poll(&server, &key, "instance=a&poll=2").await.status, 401);
    let events = admin.get("/v1/admin/events").await;
    let kinds: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| text(event, "kind")).collect();
    assert!(kinds.contains(&"verifier_key_created") && kinds.contains(&"verifier_key_removed"), "{kinds:?}");
}

#[tokio::test]
async fn the_feed_accepts_verifier_keys_only_and_nothing_else_accepts_them() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);

    for bearer in
        ["", "cfv_", "cfv_AAAAAAAAAAAAAAAAAAAAAA.AAAA", &admin.bearer, text(&login, "session_token")]
    {
        let response = poll(&server, bearer, "instance=a&poll=1").await;
        assert_eq!(response.status, 401, "{bearer}");
        let challenge = response.header("www-authenticate").unwrap();
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    let without = Request::get("/v1/feed?instance=a&poll=1").send(&server).await;
    assert_eq!(without.status, 401);
    let other_secret = format!("{}A", &key[..key.len() - 1]);
    let wrong = if other_secret == key { format!("{}E", &key[..key.len() - 1]) } else { other_secret };
    assert_eq!(poll(&server, &wrong, "instance=a&poll=1").await.status, 401);

    assert_eq!(server.me(&key).await, 401);
    for path in ["/v1/admin/verifier-keys", "/v1/admin/verifiers", "/v1/admin/users"] {
        assert_eq!(Request::get(path).bearer(&key).send(&server).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_name_has_1_to_64_characters() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;

    for name in ["", " a", "a\n", &"a".repeat(65)] {
        let response = admin.send_json("POST", "/v1/admin/verifier-keys", &json!({ "name": name })).await;
        assert_eq!(
            (response.status, &response.json()["errors"][0]["field"]),
            (422, &json!("name")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_verifiers_are_listed_with_their_lag_and_their_lease() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let mut behind = TestFollower::start(&server, &key, "b").await;
    let mut current = TestFollower::start(&server, &key, "a").await;
    admin.revoke("client:default").await;
    current.poll(0).await;
    current.poll(0).await;
    behind.poll(0).await;

    let listed = admin.get("/v1/admin/verifiers?limit=1").await;
    let next = text(&listed, "next");
    let rest = admin.get(&format!("/v1/admin/verifiers?after={next}")).await;

    let (a, b) = (&listed["verifiers"][0], &rest["verifiers"][0]);
    assert_eq!((text(a, "instance"), text(b, "instance")), ("a", "b"));
    assert_eq!((&a["name"], &a["state"], &a["lag_entries"]), (&json!("orders"), &json!("fresh"), &json!(0)));
    assert_eq!(b["lag_entries"], 1, "it has not acknowledged the entry that it was told");
    let left = a["lease_left_ms"].as_u64().unwrap();
    assert!((1..=3_750).contains(&left), "{left}");
    assert_eq!(admin.send("GET", "/v1/admin/verifiers?after=x").await.status, 422);
}
