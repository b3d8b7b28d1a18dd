//! The configurations in dist/proxy guard an application behind the real proxies: what reaches it, and what never does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod configuration;
mod curl;
mod guarded_site;
mod other_hosts;
#[path = "../documents/programs.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod programs;
mod proxy_process;
mod raw_request;
mod scenario;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;

use crate::configuration::Kind;
use crate::scenario::check;

#[tokio::test]
async fn nginx_guards_an_application() {
    check(Kind::Nginx).await;
}

#[tokio::test]
async fn the_caddy_of_debian_guards_an_application() {
    check(Kind::DebianCaddy).await;
}

#[tokio::test]
async fn caddy_guards_an_application() {
    check(Kind::Caddy).await;
}

#[tokio::test]
async fn traefik_guards_an_application() {
    check(Kind::Traefik).await;
}

#[tokio::test]
async fn haproxy_guards_an_application() {
    check(Kind::Haproxy).await;
}

#[tokio::test]
async fn apache_guards_an_application() {
    check(Kind::Apache).await;
}

#[tokio::test]
async fn envoy_guards_an_application() {
    check(Kind::Envoy).await;
}
