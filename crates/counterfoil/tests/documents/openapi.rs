//! The OpenAPI document is valid for `openapi-spec-validator`, and openapi-typescript generates a client from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_test_support::{interop_folder, python_reader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Request;
use crate::programs::output;
use crate::test_server::{PASSWORD, TestServer};

/// Writes a document into `folder`.
fn write(folder: &Path, name: &str, document: &Value) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, document.to_string()).unwrap();
    file
}

/// The document of a running server below `base_path`.
async fn served(server: &TestServer, base_path: &str) -> Value {
    Request::get(&format!("{base_path}/openapi.json")).send_unchecked(server).await.json()
}

/// A server whose routes are below `/auth`.
async fn server_below_a_path() -> TestServer {
    TestServer::with(|settings| settings.base_path = "/auth".parse().unwrap()).await
}

#[tokio::test]
async fn the_openapi_document_is_valid() {
    let Some(mut validator) = python_reader("validate_openapi.py") else { return };
    let folder = TempDir::new().unwrap();
    let files = [
        write(folder.path(), "printed.json", &counterfoil::openapi()),
        write(folder.path(), "served.json", &served(&TestServer::open().await, "").await),
        write(folder.path(), "below-a-path.json", &served(&server_below_a_path().await, "/auth").await),
    ];

    validator.args(files);
    let operations: Vec<u64> = serde_json::from_str(&output(validator).await).unwrap();

    assert!(operations[0] >= 35 && operations.iter().all(|count| *count == operations[0]), "{operations:?}");
}

#[tokio::test]
async fn the_openapi_document_names_the_cookies_and_the_url_of_its_server() {
    let open = TestServer::open().await;
    let (local, below) = (served(&open, "").await, server_below_a_path().await);
    let secure = served(&TestServer::secure().await, "").await;

    let session = |document: &Value| document["components"]["securitySchemes"]["session"]["name"].clone();
    assert_eq!((session(&local), session(&secure)), (json!("counterfoil-session"), json!("__Host-session")));
    assert_eq!(secure, counterfoil::openapi());
    assert!(local["servers"].is_null(), "the default is the root of the origin");
    let url = format!("{}/auth", below.origin);
    assert_eq!(served(&below, "/auth").await["servers"], json!([{ "url": url }]));
}

#[tokio::test]
async fn a_generated_typescript_client_compiles_and_uses_each_mode() {
    let Some(folder) = interop_folder("documents-node") else { return };
    let server = server_below_a_path().await;
    let ada = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(Request::post("/auth/v1/register").json(&ada).send_unchecked(&server).await.status, 201);
    // Below the libraries, where Node finds them.
    let work = TempDir::new_in(&folder).unwrap();
    let document = write(work.path(), "openapi.json", &served(&server, "/auth").await);
    for file in ["client.ts", "tsconfig.json", "package.json"] {
        fs::copy(folder.join(file), work.path().join(file)).unwrap();
    }
    let node = |program: &str| {
        let mut node = Command::new("node");
        node.arg(folder.join(program)).current_dir(work.path());
        node
    };

    let mut generate = node("node_modules/openapi-typescript/bin/cli.js");
    generate.arg(document).args(["--output", "schema.d.ts"]);
    output(generate).await;
    output(node("node_modules/typescript/bin/tsc")).await;
    let mut client = Command::new("node");
    client.arg("client.js").arg(format!("{}/auth", server.origin)).args(["ada", PASSWORD]);
    client.current_dir(work.path());
    let report: Value = serde_json::from_str(&output(client).await).unwrap();

    assert_eq!(report, json!({ "modes": ["session", "jwt", "hybrid"], "error": "invalid_credentials" }));
}
