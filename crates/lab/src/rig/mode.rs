//! The three modes, and the requests that differ between them.

use std::net::SocketAddr;

use counterfoil_load::client::exchange::Exchange;
use counterfoil_load::client::requests::{get, post};
use counterfoil_load::rig::server::{PASSWORD, USERNAME};

use crate::report::model::Column;

/// What a login gives to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Session,
    Jwt,
    Hybrid,
}

/// The credentials of one login.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) mode: Mode,
    /// What each request presents: the session token or the access token.
    pub(crate) token: String,
    /// The refresh token of the hybrid; empty otherwise.
    pub(crate) refresh_token: String,
}

impl Mode {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 3] = [Self::Session, Self::Jwt, Self::Hybrid];

    /// Its word in requests.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }

    /// Its column in the report.
    pub(crate) const fn column(self) -> Column {
        match self {
            Self::Session => Column::Session,
            Self::Jwt => Column::Jwt,
            Self::Hybrid => Column::Hybrid,
        }
    }

    /// The header line that presents a token: a cookie for sessions, as in a browser, and otherwise a bearer token.
    pub(crate) fn header(self, token: &str) -> String {
        match self {
            Self::Session => format!("cookie: counterfoil-session={token}"),
            Self::Jwt | Self::Hybrid => format!("authorization: Bearer {token}"),
        }
    }

    /// The request of a login of the user of the lab.
    pub(crate) fn login_request(self, address: SocketAddr) -> Vec<u8> {
        self.login_request_of(address, USERNAME, PASSWORD)
    }

    /// The request of a login, whose token is in the body of the response.
    pub(crate) fn login_request_of(self, address: SocketAddr, username: &str, password: &str) -> Vec<u8> {
        let mode = self.as_str();
        let body = format!(r#"{{"username":"{username}","password":"{password}","mode":"{mode}"}}"#);
        post(address, "/v1/login", "accept: */*", &body)
    }
}

impl Login {
    /// From the response to the request of a login.
    pub(crate) fn from_response(mode: Mode, response: &Exchange) -> Self {
        let token = match mode {
            Mode::Session => "session_token",
            Mode::Jwt | Mode::Hybrid => "access_token",
        };
        Self {
            mode,
            token: response.text(token).to_owned(),
            refresh_token: response.text("refresh_token").to_owned(),
        }
    }

    /// A request of `path` that presents the token.
    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> Vec<u8> {
        get(address, path, &self.mode.header(&self.token))
    }

    /// The request of a logout. A cookie needs the header `Origin`.
    pub(crate) fn logout_request(&self, address: SocketAddr) -> Vec<u8> {
        let header = format!("{}\r\norigin: http://{address}", self.mode.header(&self.token));
        post(address, "/v1/logout", &header, "{}")
    }

    /// The request of a refresh.
    pub(crate) fn refresh_request(&self, address: SocketAddr) -> Vec<u8> {
        let body = format!("{{\"refresh_token\":\"{}\"}}", self.refresh_token);
        post(address, "/v1/refresh", "accept: */*", &body)
    }
}
