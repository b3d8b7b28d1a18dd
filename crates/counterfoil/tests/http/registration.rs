//! Registration: normalization, unique names, validation, and closed registration.

use serde_json::json;

use counterfoil::Registration;

use crate::client::Request;
use crate::test_server::{PASSWORD, Site};

#[tokio::test]
async fn registration_returns_the_normalized_user() {
    let site = Site::open().await;
    let form = json!({ "username": "Zoe\u{308}", "password": PASSWORD, "email": "Zoe@Example.org" });

    let answer = Request::post("/v1/register").json(&form).send(&site).await;

    assert_eq!(answer.status, 201);
    let user = &answer.json()["user"];
    assert_eq!((&user["username"], &user["email"]), (&json!("Zo\u{eb}"), &json!("zoe@example.org")));
    assert_eq!((&user["email_verified"], &user["roles"]), (&json!(false), &json!([])));
    assert_eq!(user["id"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn usernames_are_unique_regardless_of_case() {
    let site = Site::open().await;
    site.register("Stra\u{df}e").await;

    let form = json!({ "username": "STRASSE", "password": PASSWORD });
    let answer = Request::post("/v1/register").json(&form).send(&site).await;

    assert_eq!((answer.status, answer.problem().as_str()), (409, "username_taken"));
}

#[tokio::test]
async fn an_invalid_field_is_named_before_the_user_is_looked_up() {
    let site = Site::open().await;
    site.register("ada").await;
    for (field, form) in [
        ("username", json!({ "username": "", "password": PASSWORD })),
        ("username", json!({ "username": "a@b", "password": PASSWORD })),
        ("username", json!({ "username": "a\u{202e}b", "password": PASSWORD })),
        ("password", json!({ "username": "ada", "password": "short" })),
        ("password", json!({ "username": "bob", "password": "x".repeat(257) })),
        ("email", json!({ "username": "ada", "password": PASSWORD, "email": "nobody" })),
        ("email", json!({ "username": "bob", "password": PASSWORD, "email": 1 })),
    ] {
        let answer = Request::post("/v1/register").json(&form).send(&site).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (422, &json!(field)), "{form}");
    }
}

#[tokio::test]
async fn registration_rejects_roles_and_can_be_closed() {
    let site = Site::open().await;
    let form = json!({ "username": "eve", "password": PASSWORD, "roles": ["admin"] });
    assert_eq!(Request::post("/v1/register").json(&form).send(&site).await.status, 400);

    let closed = Site::with(|settings| settings.registration = Registration::Closed).await;
    let form = json!({ "username": "eve", "password": PASSWORD });
    let answer = Request::post("/v1/register").json(&form).send(&closed).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "registration_closed"));
}
