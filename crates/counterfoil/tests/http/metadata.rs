//! Every URL in the metadata leads to a document, for issuers with and without a path.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::{Request, exchange};
use crate::test_server::TestServer;

/// The URLs in a document.
fn urls(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with("http") => {
            found.insert(text.clone());
        }
        Value::Array(elements) => elements.iter().for_each(|element| urls(element, found)),
        Value::Object(members) => members.values().for_each(|member| urls(member, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn get(server: &TestServer, path: &str) -> (u16, Value) {
    let response = exchange(server, &Request::get(path).bytes()).await.unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

/// Asserts that each URL of the metadata answers, as requests arrive behind a proxy that removes `removed` from paths.
async fn assert_metadata_leads_on(server: &TestServer, removed: &str) {
    let path = server.app.settings().issuer.path();
    // RFC 8414, section 3.1, for the whole host: no proxy changes it.
    let (status, metadata) = get(server, &format!("/.well-known/oauth-authorization-server{path}")).await;
    assert_eq!((status, &metadata["issuer"]), (200, &server.app.settings().issuer.as_str().into()));
    let mut found = BTreeSet::new();
    urls(&metadata, &mut found);
    found.remove(server.app.settings().issuer.as_str());
    assert!(found.len() >= 4, "{metadata}");
    for url in found {
        let path = url.strip_prefix(&server.origin).unwrap();
        let path = path.strip_prefix(removed).unwrap_or(path);
        let expected = if path.contains("/oauth/") { 405 } else { 200 };
        assert_eq!(get(server, path).await.0, expected, "{url} at {path}");
    }
    let (_, problem) = get(server, &format!("{}/v1/me", path.strip_prefix(removed).unwrap_or(path))).await;
    let page = problem["type"].as_str().unwrap().strip_prefix(&server.origin).unwrap();
    assert_eq!(get(server, page.strip_prefix(removed).unwrap_or(page)).await.0, 200, "{problem}");
}

async fn server(path: &'static str, base_path: &'static str) -> TestServer {
    TestServer::with(|settings| {
        settings.issuer = format!("http://localhost:3000{path}").parse().unwrap();
        settings.base_path = base_path.parse().unwrap();
    })
    .await
}

#[tokio::test]
async fn every_url_in_the_metadata_answers_where_it_points_to() {
    assert_metadata_leads_on(&server("", "").await, "").await;
    // Without a base path a proxy may remove the path of the issuer, or not.
    let with_path = server("/tenant/auth", "").await;
    assert_metadata_leads_on(&with_path, "/tenant/auth").await;
    assert_metadata_leads_on(&with_path, "").await;
    // With one it must not.
    assert_metadata_leads_on(&server("/auth", "/auth").await, "").await;
    assert_metadata_leads_on(&server("", "/auth").await, "").await;
}
