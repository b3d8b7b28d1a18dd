//! The credentials of many logins.

use std::net::SocketAddr;
use std::time::Duration;

use counterfoil_load::client::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_load::client::exchange::{BlockingConnection, send_once};
use counterfoil_load::client::requests::RequestSource;
use counterfoil_load::client::response::Response;

use crate::error::LabError;
use crate::progress::Steps;
use crate::rig::mode::{Login, Mode};

/// How many logins are made between two reports of the progress.
const PORTION: usize = 500;

/// Logs in `count` times. Concurrent logins share a commit.
pub(crate) fn log_in(
    address: SocketAddr,
    mode: Mode,
    count: usize,
    steps: &Steps<'_>,
) -> Result<Vec<Login>, LabError> {
    let mut logins = Logins { mode, request: mode.login_request(address), remaining: 0, logins: Vec::new() };
    while logins.logins.len() < count {
        steps.advance(logins.logins.len(), count)?;
        logins.remaining = PORTION.min(count - logins.logins.len());
        send_requests(address, CONNECTIONS.min(logins.remaining), Duration::MAX, &mut logins)?;
    }
    Ok(logins.logins)
}

/// Logs in once.
pub(crate) fn log_in_once(address: SocketAddr, mode: Mode) -> Result<Login, LabError> {
    let response = send_once(address, &mode.login_request(address)).map_err(LabError::io("log in"))?;
    Ok(Login::from_response(mode, &response.expect(200, "POST /v1/login")?))
}

/// Opens a connection for single requests.
pub(crate) fn connect(address: SocketAddr) -> Result<BlockingConnection, LabError> {
    BlockingConnection::open(address).map_err(LabError::io("connect to the measured server"))
}

struct Logins {
    mode: Mode,
    request: Vec<u8>,
    remaining: usize,
    logins: Vec<Login>,
}

impl RequestSource for Logins {
    fn next(&mut self, _connection: usize) -> Option<&[u8]> {
        self.remaining = self.remaining.checked_sub(1)?;
        Some(&self.request)
    }

    fn is_expected(&mut self, _connection: usize, response: &Response<'_>) -> bool {
        let token = match self.mode {
            Mode::Session => response.json_string("session_token"),
            Mode::Jwt | Mode::Hybrid => response.json_string("access_token"),
        };
        let refresh_token = response.json_string("refresh_token").unwrap_or_default().to_owned();
        self.logins.extend(token.map(|token| Login {
            mode: self.mode,
            token: token.to_owned(),
            refresh_token,
        }));
        token.is_some()
    }
}
