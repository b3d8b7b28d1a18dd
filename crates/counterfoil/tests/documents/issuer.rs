//! The metadata and the key set of the issuer are read by `oauth4webapi`, Authlib and joserfc.

use std::process::Command;

use counterfoil_test_support::{interop_folder, python_reader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Request;
use crate::programs::output;
use crate::test_server::{PASSWORD, TestServer, text};

/// What `discovery.mjs` reports on an issuer whose API is below `api_path`.
async fn discover(server: &TestServer, api_path: &str) -> Option<Value> {
    let folder = interop_folder("documents-node")?;
    let ada = json!({ "username": "ada", "password": PASSWORD, "mode": "jwt" });
    let register = json!({ "username": "ada", "password": PASSWORD });
    let send = async |path: &str, body: &Value| {
        Request::post(&format!("{api_path}{path}")).json(body).send_unchecked(server).await.json()
    };
    send("/v1/register", &register).await;
    let login = send("/v1/login", &ada).await;

    let resource = format!("{}{api_path}/v1/me", server.origin);
    let mut program = Command::new("node");
    program.arg("discovery.mjs").arg(server.app.settings().issuer.to_string());
    program.args([&resource, text(&login, "access_token")]).current_dir(folder);
    Some(serde_json::from_str(&output(program).await).unwrap())
}

/// Asserts that the client has accepted a token and read the challenge of a refused one.
fn assert_read(report: &Value, issuer: &str, api_url: &str) {
    assert_eq!(report["metadata"]["issuer"], issuer);
    assert_eq!(report["metadata"]["jwks_uri"], format!("{api_url}/.well-known/jwks.json"));
    assert_eq!((&report["claims"]["iss"], &report["claims"]["aud"]), (&json!(issuer), &json!(issuer)));
    assert_eq!(report["accepted"], json!([]));
    let refused = json!([{ "scheme": "bearer", "parameters": { "error": "invalid_token" } }]);
    assert_eq!(report["refused"], refused);
}

#[tokio::test]
async fn an_oauth_client_discovers_the_issuer_and_verifies_its_tokens() {
    let server = TestServer::open().await;

    let Some(report) = discover(&server, "").await else { return };

    assert_eq!(report["path"], "/.well-known/oauth-authorization-server");
    assert_read(&report, &server.origin, &server.origin);
}

/// RFC 8414, section 3.1: the path of the issuer comes after the well-known path.
#[tokio::test]
async fn an_oauth_client_discovers_an_issuer_with_a_path() {
    let server = TestServer::with(|settings| {
        settings.issuer = format!("{}/auth", settings.issuer).parse().unwrap();
        settings.base_path = "/auth".parse().unwrap();
    })
    .await;
    let issuer = format!("{}/auth", server.origin);

    let Some(report) = discover(&server, "/auth").await else { return };

    assert_eq!(report["path"], "/.well-known/oauth-authorization-server/auth");
    assert_read(&report, &issuer, &issuer);
}

/// The issuer is the application; only the routes are below a path.
#[tokio::test]
async fn an_oauth_client_discovers_an_issuer_whose_api_is_below_a_path() {
    let server = TestServer::with(|settings| settings.base_path = "/auth".parse().unwrap()).await;
    let api_url = format!("{}/auth", server.origin);

    let Some(report) = discover(&server, "/auth").await else { return };

    assert_eq!(report["path"], "/.well-known/oauth-authorization-server");
    assert_read(&report, &server.origin, &api_url);
}

#[tokio::test]
async fn authlib_and_joserfc_read_the_metadata_and_the_keys() {
    let Some(mut reader) = python_reader("read_metadata.py") else { return };
    let issuer = "https://auth.example/tenant";
    let server = TestServer::with(|settings| settings.issuer = issuer.parse().unwrap()).await;
    let folder = TempDir::new().unwrap();
    reader.arg(issuer);
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json"] {
        let file = folder.path().join(path.rsplit('/').next().unwrap());
        std::fs::write(&file, Request::get(path).send(&server).await.body).unwrap();
        reader.arg(file);
    }

    let url: String = serde_json::from_str(&output(reader).await).unwrap();

    assert_eq!(url, "https://auth.example/.well-known/oauth-authorization-server/tenant");
    let path = url.strip_prefix("https://auth.example").unwrap();
    let response = Request::get(path).send_unchecked(&server).await;
    assert_eq!(response.status, 200, "the server has it there");
}
