//! Keys: rotated and revoked while serving.

use serde_json::{Value, json};

use super::{Admin, token_part};
use crate::client::Request;
use crate::site::{Site, text};

fn states(list: &Value) -> Vec<(&str, &str)> {
    list["keys"].as_array().unwrap().iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
}

async fn published(site: &Site) -> Vec<String> {
    let jwks = Request::get("/.well-known/jwks.json").send(site).await.json();
    jwks["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect()
}

#[tokio::test]
async fn a_rotation_signs_with_another_key_and_spares_what_was_signed() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let before = site.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");

    let rotated = admin.send("POST", "/v1/admin/keys").await;

    assert_eq!(rotated.status, 201, "{rotated:?}");
    let rotated = rotated.json();
    let new = text(&rotated, "id");
    let after = site.login("ada", "jwt").await;
    assert_eq!(token_part(text(&after, "access_token"), 0, "kid"), new);
    assert_eq!(site.me(text(&before, "access_token")).await, 200);
    assert_eq!(site.me(text(&after, "access_token")).await, 200);
    let keys = admin.get("/v1/admin/keys").await;
    let mut found = states(&keys);
    found.sort_by_key(|(_, state)| *state);
    assert_eq!(found, [(new, "current"), (old.as_str(), "retired")]);
    let mut public = published(&site).await;
    public.sort();
    let mut expected = vec![new.to_owned(), old];
    expected.sort();
    assert_eq!(public, expected);
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_its_tokens_with_it() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let before = site.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");
    admin.send("POST", "/v1/admin/keys").await;
    let after = site.login("ada", "jwt").await;

    let path = format!("/v1/admin/keys/{old}");
    assert_eq!(admin.send("DELETE", &path).await.status, 204);

    assert_eq!(site.me(text(&before, "access_token")).await, 401);
    assert_eq!(site.me(text(&after, "access_token")).await, 200);
    assert!(!published(&site).await.contains(&old));
    assert_eq!(admin.send("DELETE", &path).await.status, 204, "again is no fault");
    assert_eq!(admin.send("DELETE", "/v1/admin/keys/none").await.status, 404);
    let kinds: Vec<Value> = admin.get("/v1/admin/events?limit=10").await["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["kind"], line["cause"]]))
        .collect();
    assert!(kinds.contains(&json!(["key_revoked", "key_compromised"])), "{kinds:?}");
}

#[tokio::test]
async fn parallel_rotations_leave_one_current_key() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let [a, b, c, d] = [(); 4].map(|()| admin.send("POST", "/v1/admin/keys"));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    assert!([a, b, c, d].iter().all(|answer| answer.status == 201));

    let keys = admin.get("/v1/admin/keys").await;
    let current: Vec<_> = states(&keys).into_iter().filter(|(_, state)| *state == "current").collect();

    assert_eq!((current.len(), states(&keys).len()), (1, 5));
    let login = site.login("ada", "jwt").await;
    assert_eq!(token_part(text(&login, "access_token"), 0, "kid"), current[0].0);
    assert_eq!(site.me(text(&login, "access_token")).await, 200);
}
