//! The client of the demo, and the credentials that it holds.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::demo::client::{Request, Response, send};
use crate::commands::demo::server::DemoServer;
use crate::commands::demo::step::Exchange;
use crate::commands::demo_user::{PASSWORD, USERNAME};
use crate::error::CliError;

/// A client, and what it has got from the server so far.
pub(super) struct Walk {
    address: SocketAddr,
    /// The URL of the server, which is also the issuer.
    pub(super) base: String,
    /// `NAME=VALUE` of the session cookie.
    pub(super) cookie: String,
    /// The access token of mode `jwt`.
    pub(super) jwt: String,
    /// The id of the session of that token.
    pub(super) jwt_session: String,
    /// The current access token of mode `hybrid`.
    pub(super) access: String,
    /// The size of the first one, in bytes.
    pub(super) access_bytes: usize,
    /// The first refresh token.
    pub(super) first_refresh: String,
    /// The second refresh token.
    pub(super) second_refresh: String,
    exchanges: Vec<Exchange>,
}

/// The size of each credential, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct CredentialBytes {
    /// The session token in the cookie.
    pub(super) session_token: usize,
    /// The access token of mode `jwt`.
    pub(super) jwt: usize,
    /// The access token of mode `hybrid`.
    pub(super) hybrid_access_token: usize,
    /// The refresh token of mode `hybrid`.
    pub(super) hybrid_refresh_token: usize,
}

impl Walk {
    /// A client that holds nothing.
    pub(super) fn new(server: &DemoServer) -> Self {
        Self {
            address: server.address(),
            base: server.base().to_owned(),
            cookie: String::new(),
            jwt: String::new(),
            jwt_session: String::new(),
            access: String::new(),
            access_bytes: 0,
            first_refresh: String::new(),
            second_refresh: String::new(),
            exchanges: Vec::new(),
        }
    }

    /// The requests since the last call.
    pub(super) fn take_exchanges(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges)
    }

    /// Sends a request, and records it for the step.
    ///
    /// # Errors
    ///
    /// If the response does not have the expected status.
    pub(super) async fn send(&mut self, request: Request, expected: u16) -> Result<Response, CliError> {
        let response = send(self.address, &request).await?;
        self.exchanges.push(Exchange::expect(&request, &response, expected)?);
        Ok(response)
    }

    /// Logs in with the right password and these members.
    pub(super) async fn log_in(&mut self, members: Value) -> Result<Response, CliError> {
        let mut form = json!({ "username": USERNAME, "password": PASSWORD });
        if let (Some(form), Some(members)) = (form.as_object_mut(), members.as_object()) {
            form.extend(members.clone());
        }
        self.send(Request::new("POST", "/v1/login").json(form), 200).await
    }

    /// A request with the session cookie, as a page of the server itself sends it.
    pub(super) fn with_cookie(&self, method: &'static str, path: &str) -> Request {
        Request::new(method, path).header("Cookie", &*self.cookie).header("Origin", &*self.base)
    }

    /// The sizes of the credentials.
    pub(super) fn credential_bytes(&self) -> CredentialBytes {
        let (_, session_token) = self.cookie.split_once('=').unwrap_or_default();
        CredentialBytes {
            session_token: session_token.len(),
            jwt: self.jwt.len(),
            hybrid_access_token: self.access_bytes,
            hybrid_refresh_token: self.first_refresh.len(),
        }
    }
}

/// The error of a step in which an answer does not have what the step says.
pub(super) fn unexpected(what: &str) -> CliError {
    CliError::failure(format!("the demo expected {what}"))
        .with_hint("this is a fault of Counterfoil: please report it")
}
