//! Registration: normalization, unique names, validation, and closed registration.

use serde_json::json;

use counterfoil::Registration;

use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer};

#[tokio::test]
async fn registration_returns_the_normalized_user() {
    let server = TestServer::open().await;
    let form = json!({ "username": "Zoe\u{308}", "password": PASSWORD, "email": "Zoe@Example.org" });

    let response = Request::post("/v1/register").json(&form).send(&server).await;

    assert_eq!(response.status, 201);
    let user = &response.json()["user"];
    assert_eq!((&user["username"], &user["email"]), (&json!("Zo\u{eb}"), &json!("zoe@example.org")));
    assert_eq!((&user["email_verified"], &user["roles"]), (&json!(false), &json!([])));
    assert_eq!(user["id"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn usernames_are_unique_regardless_of_case() {
    let server = TestServer::open().await;
    server.register("Stra\u{df}e").await;

    let form = json!({ "username": "STRASSE", "password": PASSWORD });
    let response = Request::post("/v1/register").json(&form).send(&server).await;

    assert_eq!((response.status, response.problem().as_str()), (409, "username_taken"));
}

#[tokio::test]
async fn an_invalid_field_is_named_before_the_user_is_looked_up() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for (field, form) in [
        ("username", json!({ "username": "", "password": PASSWORD })),
        ("username", json!({ "username": "a@b", "password": PASSWORD })),
        ("username", json!({ "username": "a\u{202e}b", "password": PASSWORD })),
        ("password", json!({ "username": "ada", "password": "short" })),
        ("password", json!({ "username": "bob", "password": "x".repeat(257) })),
        ("email", json!({ "username": "ada", "password": PASSWORD, "email": "no-at-sign" })),
        ("email", json!({ "username": "bob", "password": PASSWORD, "email": 1 })),
    ] {
        let response = Request::post("/v1/register").json(&form).send(&server).await;
        assert_eq!((response.status, &response.json()["errors"][0]["field"]), (422, &json!(field)), "{form}");
    }
}

#[tokio::test]
async fn registration_rejects_roles_and_can_be_closed() {
    let server = TestServer::open().await;
    let form = json!({ "username": "eve", "password": PASSWORD, "roles": ["admin"] });
    assert_eq!(Request::post("/v1/register").json(&form).send(&server).await.status, 400);

    let closed = TestServer::with(|settings| settings.registration = Registration::Closed).await;
    let form = json!({ "username": "eve", "password": PASSWORD });
    let response = Request::post("/v1/register").json(&form).send(&closed).await;
    assert_eq!((response.status, response.problem().as_str()), (403, "registration_closed"));
}
