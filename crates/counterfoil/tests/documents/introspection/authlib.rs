//! Authlib introspects as a client, guards a resource and revokes.

use counterfoil_test_support::python_reader;
use serde_json::{Value, json};

use crate::introspection::Issuer;
use crate::programs::output;
use crate::test_server::text;

/// The body of an answer, which must have this status.
fn body(answer: &Value, status: u16) -> Value {
    assert_eq!(answer[0], status, "{answer}");
    serde_json::from_str(answer[1].as_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn authlib_introspects_guards_a_resource_and_revokes() {
    let Some(mut program) = python_reader("introspect.py") else { return };
    let issuer = Issuer::start().await;
    let login = issuer.login().await;
    program.args([issuer.url("/oauth/introspect"), issuer.url("/oauth/revoke")]);
    program.args([&issuer.id, &issuer.key, text(&login, "access_token")]);

    let answers: Value = serde_json::from_str(&output(program).await).unwrap();

    for method in ["client_secret_basic", "client_secret_post"] {
        let answer = body(&answers[method], 200);
        assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &login["user"]["id"]), "{method}");
    }
    assert_eq!(body(&answers["wrong_key"], 401)["error"], "invalid_client");
    assert_eq!((&answers["guarded"], &answers["guarded_after"]), (&json!("allowed"), &json!("refused")));
    assert_eq!(answers["revoked"], json!([200, ""]));
}
