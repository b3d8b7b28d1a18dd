//! An optional member of a request body that is null is the same as one that is absent.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::client::Request;
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{PASSWORD, TestServer, text};

/// The schema of the JSON body of an operation.
fn body_schema(operation: &Value) -> Option<Value> {
    let document = counterfoil::openapi();
    let mut schema = operation.pointer("/requestBody/content/application~1json/schema")?.clone();
    loop {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let chosen = choices.clone().find(|choice| choice["type"] != "null").cloned();
        let referenced = schema["$ref"].as_str().and_then(|path| document.pointer(path.strip_prefix('#')?));
        match referenced.cloned().or(chosen) {
            Some(next) => schema = next,
            None => return Some(schema),
        }
    }
}

#[tokio::test]
async fn a_null_optional_member_is_accepted_in_every_request() {
    let server = TestServer::open().await;
    server.add_admin("ada").await;
    let mut called = BTreeSet::new();
    for (path, method, operation) in operations().into_iter().filter(|(_, method, _)| method == "post") {
        let Some(schema) = body_schema(&operation) else { continue };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let members: Map<String, Value> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| {
                (name.clone(), if required.contains(&&**name) { json!("x") } else { Value::Null })
            })
            .collect();
        let optional: Vec<&String> =
            members.keys().filter(|name| !required.contains(&name.as_str())).collect();
        let session = server.login("ada", "session").await;
        let request = Request::new("POST", &path_of(&path)).bearer(text(&session, "session_token"));

        let response = request.json(&Value::Object(members.clone())).send(&server).await;

        assert!(response.status != 400 && response.status < 500, "{method} {path}: {response:?}");
        let errors =
            if response.status == 422 { response.json()["errors"].to_string() } else { String::new() };
        for name in optional {
            assert!(!errors.contains(&format!("\"field\":\"{name}\"")), "{path} {name}: {errors}");
            called.insert(format!("{path} {name}"));
        }
    }
    assert!(called.len() >= 20, "{called:?}");
}

#[tokio::test]
async fn a_logout_with_a_null_refresh_token_ends_the_session_of_the_cookie() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": null, "transport": "cookie" });
    let login = Request::post("/v1/login").json(&form).send(&server).await;
    assert_eq!(login.status, 200, "{login:?}");
    let cookie = login.all("set-cookie")[0].split(';').next().unwrap().to_owned();

    let logout = Request::post("/v1/logout").header("cookie", &cookie).header("origin", &server.origin);
    let logout = logout.json(&json!({ "refresh_token": null })).send(&server).await;

    assert_eq!(logout.status, 204, "{logout:?}");
    let after = Request::get("/v1/me").header("cookie", &cookie).send(&server).await;
    assert_eq!(after.status, 401);
}
