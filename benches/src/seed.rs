//! Logs in and exchanges tokens before the measurement, for the credentials that requests present.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use counterfoil_load::client::closed_loop::send_requests;
use counterfoil_load::client::requests::{ResponseCollector, post};

use crate::server::{PASSWORD, USERNAME};

/// The number of connections. Concurrent logins share a commit.
const CONNECTIONS: usize = 64;

/// The time limit of seeding.
const LIMIT: Duration = Duration::from_secs(600);

/// The request of a login in `mode`.
pub(crate) fn login_request(address: SocketAddr, mode: &str) -> Vec<u8> {
    let body = format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}","mode":"{mode}"}}"#);
    post(address, "/v1/login", "accept: */*", &body)
}

/// Logs in `count` times in `mode`, and returns the string `member` of each response.
pub(crate) fn log_in(address: SocketAddr, mode: &str, member: &str, count: usize) -> Result<Vec<String>> {
    collect(address, member, vec![login_request(address, mode)], count)
}

/// Gets `count` distinct access tokens, for `sessions` in turn.
pub(crate) fn exchange_tokens(address: SocketAddr, sessions: &[String], count: usize) -> Result<Vec<String>> {
    let exchange = |token| post(address, "/v1/token", &format!("authorization: Bearer {token}"), "{}");
    collect(address, "access_token", sessions.iter().map(exchange).collect(), count)
}

fn collect(address: SocketAddr, member: &str, requests: Vec<Vec<u8>>, count: usize) -> Result<Vec<String>> {
    let mut collector = ResponseCollector::new(member, requests, count);
    send_requests(address, CONNECTIONS, LIMIT, &mut collector)?;
    Ok(collector.collected)
}
