//! FastAPI, Flask and Django guard a route as `docs/resource-server.md` says.

use std::fs;

use counterfoil_test_support::python_reader;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Request;
use crate::introspection::Issuer;
use crate::programs::output;
use crate::test_server::{PASSWORD, text};

const PAGE: &str = include_str!("../../../../../docs/resource-server.md");

/// The module and the three applications of the page, in their order.
const MODULES: [&str; 4] = ["counterfoil_auth", "on_fastapi", "on_flask", "on_django"];

/// The answers of each application to a request without a credential, with one of another scheme, and with each token.
/// `None` if the frameworks are not installed: the test is skipped.
async fn call(issuer: &str, key: &str, tokens: &[&str]) -> Option<Value> {
    let mut program = python_reader("call_frameworks.py")?;
    let folder = TempDir::new().unwrap();
    let codes = PAGE.split("```python\n").skip(1).map(|code| code.split_once("```").unwrap().0);
    assert_eq!(codes.clone().count(), MODULES.len());
    for (module, code) in MODULES.iter().zip(codes) {
        fs::write(folder.path().join(module).with_extension("py"), code).unwrap();
    }
    program.arg(folder.path()).args(tokens).env("ISSUER", issuer).env("VERIFIER_KEY", key);
    Some(serde_json::from_str(&output(program).await).unwrap())
}

/// The statuses of the answers of each application, which must be the same in all three.
fn statuses(answers: &Value) -> Vec<u64> {
    let of = |name: &str| -> Vec<u64> {
        answers[name].as_array().unwrap().iter().map(|answer| answer[0].as_u64().unwrap()).collect()
    };
    let [fastapi, flask, django] = ["fastapi", "flask", "django"].map(of);
    assert!(fastapi == flask && flask == django, "{answers}");
    fastapi
}

#[tokio::test]
async fn python_frameworks_accept_active_tokens_for_their_audience_only() {
    let issuer = Issuer::start().await;
    let login = async |options: Value| {
        let mut form = json!({ "username": "ada", "password": PASSWORD });
        form.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        Request::post("/v1/login").json(&form).send(&issuer.server).await.json()
    };
    let session = login(json!({})).await;
    let hybrid = login(json!({ "mode": "hybrid" })).await;
    let other = login(json!({ "mode": "jwt", "audience": "https://other.example" })).await;
    let tokens = [
        text(&session, "session_token"),
        text(&hybrid, "access_token"),
        text(&hybrid, "refresh_token"),
        text(&other, "access_token"),
        "invalid",
    ];

    let Some(answers) = call(&issuer.server.origin, &issuer.key, &tokens).await else { return };

    assert_eq!(statuses(&answers), [401, 401, 200, 200, 401, 401, 401]);
    assert_eq!(answers["fastapi"][2][1], json!({ "of": "ada" }));
}

#[tokio::test]
async fn python_frameworks_refuse_with_503_if_the_issuer_cannot_be_asked() {
    // A port of this machine on which nothing listens.
    let Some(answers) = call("http://127.0.0.1:9", "cfv_id.secret", &["token"]).await else { return };

    assert_eq!(statuses(&answers), [401, 401, 503]);
}
