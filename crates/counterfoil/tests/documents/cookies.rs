//! A cookie jar of others stores, sends and deletes the cookies as browsers do.

use std::fs::{self, File};
use std::process::Command;

use counterfoil::{CookieOptions, SameSite};
use counterfoil_test_support::interop_folder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Request, Response};
use crate::programs::output;
use crate::test_server::{PASSWORD, TestServer};

/// The `Set-Cookie` lines of a hybrid login and of its logout.
async fn set_cookies(server: &TestServer) -> [Vec<String>; 2] {
    server.register("ada").await;
    let lines = |response: &Response| response.all("set-cookie").into_iter().map(String::from).collect();
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "transport": "cookie" });
    let login = Request::post("/v1/login").json(&form).send_unchecked(server).await;
    let login: Vec<String> = lines(&login);
    let pairs: Vec<&str> = login.iter().map(|line| line.split(';').next().unwrap()).collect();
    let logout = Request::post("/v1/logout").header("cookie", pairs.join("; "));
    let logout = logout.header("sec-fetch-site", "same-origin").send_unchecked(server).await;
    [login, lines(&logout)]
}

/// The names of the cookies that the jar sends to each URL, after each step.
async fn jar(url: &str, steps: &[Vec<String>], requests: &[&str]) -> Option<Value> {
    let folder = interop_folder("documents-node")?;
    let steps: Vec<Value> = steps.iter().map(|lines| json!({ "url": url, "lines": lines })).collect();
    let input = TempDir::new().unwrap();
    let file = input.path().join("steps.json");
    fs::write(&file, json!({ "steps": steps, "requests": requests }).to_string()).unwrap();
    let mut jar = Command::new("node");
    jar.arg("cookies.mjs").current_dir(folder).stdin(File::open(file).unwrap());
    Some(serde_json::from_str(&output(jar).await).unwrap())
}

#[tokio::test]
async fn a_cookie_jar_sends_host_cookies_only_to_their_host_over_tls() {
    let server = TestServer::secure().await;
    let steps = set_cookies(&server).await;
    let requests = ["https://auth.example/v1/me", "http://auth.example/v1/me", "https://shop.auth.example/"];

    let Some(sent) = jar("https://auth.example/v1/login", &steps, &requests).await else { return };

    let after_login = json!([["__Host-access", "__Host-refresh"], [], []]);
    assert_eq!(sent, json!([after_login, [[], [], []]]));
}

#[tokio::test]
async fn a_cookie_jar_sends_cookies_of_a_domain_to_its_hosts() {
    let server = TestServer::with(|settings| {
        settings.issuer = "https://auth.shop.example".parse().unwrap();
        settings.cookies =
            CookieOptions::new().name("sid").domain("shop.example").same_site(SameSite::Strict);
    })
    .await;
    let steps = set_cookies(&server).await;
    let requests = ["https://www.shop.example/", "https://shop.example/", "https://other.example/"];

    let Some(sent) = jar("https://auth.shop.example/v1/login", &steps, &requests).await else { return };

    let cookies = ["__Secure-sid-access", "__Secure-sid-refresh"];
    assert_eq!(sent, json!([[cookies, cookies, []], [[], [], []]]));
}

#[tokio::test]
async fn a_cookie_jar_keeps_the_cookies_of_a_loopback_issuer() {
    let server = TestServer::open().await;
    let steps = set_cookies(&server).await;
    let url = format!("{}/v1/login", server.origin);

    let Some(sent) = jar(&url, &steps, &[&url, "http://localhost/"]).await else { return };

    assert_eq!(sent, json!([[["counterfoil-access", "counterfoil-refresh"], []], [[], []]]));
}
