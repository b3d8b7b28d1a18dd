//! The request that Spring's `SpringOpaqueTokenIntrospector` sends, line by line. Spring itself does not run here.

use std::collections::BTreeMap;

use counterfoil_jose::base64url;
use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::introspection::{AUDIENCE, Issuer, code};
use crate::test_server::text;

/// The properties of the page, by the end of their names.
fn properties(issuer: &Issuer) -> BTreeMap<String, String> {
    let prefix = "spring.security.oauth2.resourceserver.opaquetoken.";
    let page = issuer.fill_in(&code("properties"));
    let pairs = page.lines().map(|line| line.strip_prefix(prefix).unwrap().split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// As `java.net.URLEncoder`, which leaves letters, digits and `.-*_` alone.
fn url_encode(text: &str) -> String {
    let escape = |c: char| match c {
        ' ' => "+".to_owned(),
        c if c.is_ascii_alphanumeric() || ".-*_".contains(c) => c.to_string(),
        c => format!("%{:02X}", c as u32),
    };
    text.chars().map(escape).collect()
}

async fn introspect(issuer: &Issuer, token: &str) -> Response {
    let properties = properties(issuer);
    let path = properties["introspection-uri"].strip_prefix(&issuer.server.origin).unwrap();
    let pair = ["client-id", "client-secret"].map(|name| url_encode(&properties[name])).join(":");
    let encoded = base64url::encode(&pair).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - encoded.len() % 4) % 4);
    Request::post(path)
        .header("accept", "application/json")
        .header("authorization", format!("Basic {encoded}{padding}"))
        .body("application/x-www-form-urlencoded;charset=UTF-8", format!("token={}", url_encode(token)))
        .send(&issuer.server)
        .await
}

#[tokio::test]
async fn the_request_of_spring_is_answered_with_what_spring_reads() {
    let issuer = Issuer::start().await;
    let login = issuer.login().await;

    let response = introspect(&issuer, text(&login, "access_token")).await;

    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    let answer = response.json();
    // `aud` becomes a list of texts, `exp` and `iat` instants, `iss` and `sub` texts, `scope` authorities.
    assert_eq!((&answer["active"], &answer["aud"]), (&json!(true), &json!([AUDIENCE])));
    assert!(answer["exp"].is_u64() && answer["iat"].is_u64() && answer["iss"].is_string(), "{answer}");
    assert!(answer["scope"].is_null() || answer["scope"].is_string());
    assert_eq!(answer["sub"], login["user"]["id"]);
    let unknown: Value = introspect(&issuer, "un+kn=own/").await.json();
    assert_eq!(unknown, json!({ "active": false }));
}
