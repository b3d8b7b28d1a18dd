//! Client applications: modes, lifetimes, scopes, and disabling.

use serde_json::{Value, json};

use super::{Admin, UserCredentials};
use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

async fn login(server: &TestServer, client: &str, mode: &str) -> Response {
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": mode, "client_id": client });
    Request::post("/v1/login").json(&form).send(server).await
}

#[tokio::test]
async fn a_clients_modes_and_lifetimes_apply_to_its_logins() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let form = json!({
        "id": "mobile", "name": "The app", "modes": ["hybrid"], "audiences": ["https://shop.example"],
        "scopes": ["orders:read"], "lifetimes": { "access": 300, "refresh_idle": 600 },
    });
    let added = admin.send_ok("POST", "/v1/admin/clients", &form).await;

    assert_eq!(
        added["client"]["lifetimes"]["jwt"], 3600,
        "unset lifetimes are copied from the default client"
    );
    assert_eq!(admin.get("/v1/admin/clients/mobile").await, added);
    assert_eq!(login(&server, "mobile", "session").await.status, 403);
    let pair = login(&server, "mobile", "hybrid").await.json();
    assert_eq!((&pair["expires_in"], &pair["refresh_expires_in"]), (&json!(300), &json!(600)));

    let path = "/v1/admin/clients/mobile";
    let change = json!({ "modes": ["session"], "audiences": null, "lifetimes": { "access": 60 } });
    let changed = admin.send_ok("PATCH", path, &change).await;
    let client = &changed["client"];
    assert_eq!((&client["modes"], &client["audiences"]), (&json!(["session"]), &Value::Null));
    assert_eq!((&client["scopes"], &client["name"]), (&json!(["orders:read"]), &json!("The app")));
    let lifetimes = &client["lifetimes"];
    assert_eq!((&lifetimes["access"], &lifetimes["refresh_idle"]), (&json!(60), &json!(600)));
    assert_eq!(login(&server, "mobile", "hybrid").await.status, 403);
    assert_eq!(login(&server, "mobile", "session").await.status, 200);
}

#[tokio::test]
async fn clients_are_listed_by_id_and_ids_are_unique() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    for id in ["shop", "admin.console"] {
        admin.send_ok("POST", "/v1/admin/clients", &json!({ "id": id })).await;
    }
    let ids = |list: &Value| -> Vec<String> {
        list["clients"].as_array().unwrap().iter().map(|client| text(client, "id").to_owned()).collect()
    };

    let first = admin.get("/v1/admin/clients?limit=2").await;
    let rest = admin.get(&format!("/v1/admin/clients?after={}", text(&first, "next"))).await;

    assert_eq!(
        (ids(&first), ids(&rest)),
        (vec!["admin.console".into(), "default".into()], vec!["shop".to_owned()])
    );
    let again = admin.send_json("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
    assert_eq!(again.status, 409);
    assert_eq!(admin.send("GET", "/v1/admin/clients/none").await.status, 404);
    assert_eq!(admin.send_json("PATCH", "/v1/admin/clients/none", &json!({})).await.status, 404);
}

#[tokio::test]
async fn disabling_a_client_ends_its_sessions_permanently() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    admin.send_ok("POST", "/v1/admin/clients", &json!({ "id": "shop" })).await;
    let (shop, other) = (
        UserCredentials::log_in(&server, "ada", "shop").await,
        UserCredentials::log_in(&server, "ada", "default").await,
    );
    let path = "/v1/admin/clients/shop";

    admin.send_ok("PATCH", path, &json!({ "enabled": false })).await;
    assert_eq!((shop.accepted(&server).await, other.accepted(&server).await), ([false; 4], [true; 4]));
    for mode in ["session", "jwt", "hybrid"] {
        assert_eq!(login(&server, "shop", mode).await.status, 403, "{mode}");
    }

    admin.send_ok("PATCH", path, &json!({ "enabled": true })).await;
    assert_eq!(shop.accepted(&server).await, [false; 4]);
    assert_eq!(UserCredentials::log_in(&server, "ada", "shop").await.accepted(&server).await, [true; 4]);
}

#[tokio::test]
async fn invalid_client_settings_and_lifetimes_above_the_maximum_get_422() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    for (form, field) in [
        (json!({ "id": "x", "lifetimes": { "jwt": 86_401 } }), "lifetimes"),
        (json!({ "id": "x", "lifetimes": { "access": 3601 } }), "lifetimes"),
        (json!({ "id": "x", "lifetimes": { "access": 0 } }), "lifetimes"),
        (json!({ "id": "x", "lifetimes": { "session_absolute": 401 * 86_400 } }), "lifetimes"),
        (json!({ "id": "x", "lifetimes": { "session_idle": 31 * 86_400 } }), "lifetimes"),
        (json!({ "id": "x", "lifetimes": { "refresh_idle": 91 * 86_400 } }), "lifetimes"),
        (json!({ "id": "x", "modes": [] }), "modes"),
        (json!({ "id": "x", "modes": ["basic"] }), "modes"),
        (json!({ "id": "x", "scopes": ["two words"] }), "scopes"),
        (json!({ "id": "x", "audiences": [""] }), "audiences"),
        (json!({ "id": "x", "name": "" }), "name"),
        (json!({ "id": "a/b" }), "id"),
        (json!({ "id": "" }), "id"),
    ] {
        let response = admin.send_json("POST", "/v1/admin/clients", &form).await;
        assert_eq!(response.status, 422, "{form}: {response:?}");
        assert_eq!(response.json()["errors"][0]["field"], field, "{form}");
    }
    let unknown = json!({ "id": "x", "lifetimes": { "forever": 1 } });
    assert!(matches!(admin.send_json("POST", "/v1/admin/clients", &unknown).await.status, 400 | 422));
}
