//! Registration: normalization, unique names, validation, and closed registration.

use serde_json::json;

use counterfoil::{LookAlikes, Registration, ScriptRestriction};

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

#[tokio::test]
async fn a_name_that_looks_like_another_gets_the_answer_of_a_taken_name() {
    let server = TestServer::open().await;
    server.register("alice").await;
    let register = async |name: &str| {
        Request::post("/v1/register")
            .json(&json!({ "username": name, "password": PASSWORD }))
            .send(&server)
            .await
    };

    let taken = register("ALICE").await;
    for name in ["aIice", "a1ice", "\u{ff41}lice", "\u{251}lice"] {
        let response = register(name).await;
        assert_eq!((response.status, response.json()), (409, taken.json()), "{name:?}");
    }
    assert_eq!(register("\u{430}lice").await.status, 422, "two scripts");
    assert_eq!(register("\u{2800}").await.status, 422);
    assert_eq!(register("user name").await.status, 201);
    assert_eq!(register("user\u{3000}name").await.status, 409);
    assert_eq!(register("user\u{a0}name").await.status, 422);
    assert_eq!(register("malice").await.status, 201);
}

#[tokio::test]
async fn one_of_two_concurrent_registrations_of_look_alikes_succeeds() {
    let server = TestServer::open().await;
    let register = async |name: &str| {
        let form = json!({ "username": name, "password": PASSWORD });
        Request::post("/v1/register").json(&form).send(&server).await.status
    };

    let statuses = tokio::join!(register("alice"), register("aIice"));

    assert!(matches!(statuses, (201, 409) | (409, 201)), "{statuses:?}");
}

#[tokio::test]
async fn settings_restrict_the_scripts_and_allow_look_alikes() {
    let server = TestServer::with(|settings| {
        settings.usernames.scripts = ScriptRestriction::Ascii;
        settings.usernames.look_alikes = LookAlikes::Allow;
    })
    .await;
    let register = async |name: &str| {
        Request::post("/v1/register")
            .json(&json!({ "username": name, "password": PASSWORD }))
            .send(&server)
            .await
    };

    assert_eq!(register("alice").await.status, 201);
    assert_eq!(register("aIice").await.status, 201);
    let refused = register("zo\u{eb}").await;
    assert_eq!(refused.status, 422);
    assert!(refused.json()["errors"][0]["detail"].as_str().unwrap().contains("ASCII"), "{}", refused.json());
}
