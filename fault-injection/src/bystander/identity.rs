//! An account of a row, with its client IP and its credentials.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bystander::plan::Target;
use crate::http::Request;
use crate::load::AsyncConnection;

/// The password of every account.
pub const PASSWORD: &str = "correct horse battery staple";

/// An account with its client IP and credentials.
#[derive(Debug)]
pub struct Identity {
    /// The server.
    pub target: Target,
    /// The client IP.
    pub source: Ipv4Addr,
    /// The username.
    pub username: String,
    /// The number of the account.
    pub number: u8,
    /// The id of the user.
    pub user_id: String,
    /// The token of a session.
    pub session_token: String,
    /// The tokens of a session in mode `hybrid`.
    pub access_token: String,
    /// Its refresh token.
    pub refresh_token: String,
}

impl Identity {
    /// Registers `NAME-NUMBER` and logs in.
    ///
    /// # Errors
    ///
    /// If the server refuses it.
    pub async fn register(target: &Target, source: Ipv4Addr, name: &str, number: u8) -> Result<Self> {
        let username = format!("{name}-{number}");
        register(source, target, &username).await?;
        Self::log_in(target, source, username, number).await
    }

    /// Logs in as a user that exists.
    ///
    /// # Errors
    ///
    /// If the server refuses it.
    pub async fn log_in(target: &Target, source: Ipv4Addr, username: String, number: u8) -> Result<Self> {
        let mut connection = AsyncConnection::from_source(source, target.address);
        let credentials = json!({ "username": username, "password": PASSWORD });
        let hybrid = json!({ "username": username, "password": PASSWORD, "mode": "hybrid" });
        let session = connection.send(&Request::post("/v1/login").json(&credentials)).await?.json();
        let tokens = connection.send(&Request::post("/v1/login").json(&hybrid)).await?.json();
        let text = |value: &Value, name: &str| {
            let text = value[name].as_str().map(str::to_owned);
            text.with_context(|| format!("the login of {username} returned no {name}"))
        };
        Ok(Self {
            target: target.clone(),
            source,
            number,
            user_id: text(&session["user"], "id")?,
            session_token: text(&session, "session_token")?,
            access_token: text(&tokens, "access_token")?,
            refresh_token: text(&tokens, "refresh_token")?,
            username,
        })
    }

    /// A login of this account.
    pub fn login(&self) -> Request {
        Request::post("/v1/login").json(&json!({ "username": self.username, "password": PASSWORD }))
    }
}

/// Registers a user.
///
/// # Errors
///
/// If the server refuses it.
pub async fn register(source: Ipv4Addr, target: &Target, username: &str) -> Result<()> {
    let mut connection = AsyncConnection::from_source(source, target.address);
    let credentials = json!({ "username": username, "password": PASSWORD });
    let registered = connection.send(&Request::post("/v1/register").json(&credentials)).await?;
    ensure!(registered.status == 201, "the registration of {username} gets {}", registered.status);
    Ok(())
}
