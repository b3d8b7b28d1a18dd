//! Sessions and tokens to be shown.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::load::drive;
use crate::requests::{Collection, post};
use crate::server::{PASSWORD, USERNAME};

/// How many connections seeding uses; logins that come together share a commit.
const CONNECTIONS: usize = 64;

/// Seeding takes as long as it takes.
const LIMIT: Duration = Duration::from_secs(600);

/// A login in `mode`, as a request.
pub(crate) fn login(address: SocketAddr, mode: &str) -> Vec<u8> {
    let body = format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}","mode":"{mode}"}}"#);
    post(address, "/v1/login", "accept: */*", &body)
}

/// Logs in `count` times in `mode`, and gives the text `member` of each answer.
pub(crate) fn logins(address: SocketAddr, mode: &str, member: &str, count: usize) -> Result<Vec<String>> {
    collect(address, member, vec![login(address, mode)], count)
}

/// Gives `count` access tokens, each of them new, for `sessions` in turn.
pub(crate) fn access_tokens(address: SocketAddr, sessions: &[String], count: usize) -> Result<Vec<String>> {
    let exchange = |token| post(address, "/v1/token", &format!("authorization: Bearer {token}"), "{}");
    collect(address, "access_token", sessions.iter().map(exchange).collect(), count)
}

fn collect(address: SocketAddr, member: &str, requests: Vec<Vec<u8>>, count: usize) -> Result<Vec<String>> {
    let mut collection = Collection::of(member, requests, count);
    drive(address, CONNECTIONS, LIMIT, &mut collection)?;
    Ok(collection.found)
}
