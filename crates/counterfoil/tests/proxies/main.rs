//! The configurations in dist/proxy guard an application behind the real proxies: what reaches it, and what never does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod counted_connections;
mod curl;
mod free_address;
mod guarded_site;
mod kind;
mod other_hosts;
mod raw_request;
mod scenario;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;

use counterfoil_test_support::ProxyKind;

use crate::scenario::check;

#[tokio::test]
async fn nginx_guards_an_application() {
    check(ProxyKind::Nginx).await;
}

#[tokio::test]
async fn the_caddy_of_debian_guards_an_application() {
    check(ProxyKind::DebianCaddy).await;
}

#[tokio::test]
async fn caddy_guards_an_application() {
    check(ProxyKind::Caddy).await;
}

#[tokio::test]
async fn traefik_guards_an_application() {
    check(ProxyKind::Traefik).await;
}

#[tokio::test]
async fn haproxy_guards_an_application() {
    check(ProxyKind::Haproxy).await;
}

#[tokio::test]
async fn apache_guards_an_application() {
    check(ProxyKind::Apache).await;
}

#[tokio::test]
async fn envoy_guards_an_application() {
    check(ProxyKind::Envoy).await;
}
