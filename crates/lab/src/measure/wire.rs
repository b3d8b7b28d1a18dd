//! `wire.*`, `client.bytes` and `script`: exact bytes of requests and responses, counted at the client's socket.

use std::net::SocketAddr;

use counterfoil_load::client::exchange::{Exchange, send_once};
use counterfoil_load::client::requests::{get, post};
use counterfoil_load::rig::server::{MeasuredServer, PASSWORD, PROTECTED, USERNAME};

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Column, Figure, Source, Unit};
use crate::rig::credentials::log_in_once;
use crate::rig::express::{ExpressApplication, SecretForm};
use crate::rig::mode::Mode;

/// Counts the bytes of one exchange of each kind.
pub(crate) fn measure(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Vec<Figure>, LabError> {
    if !context.plan.wants_any(&[FigureId::Wire, FigureId::ClientBytes, FigureId::Script]) {
        return Ok(Vec::new());
    }
    context.steps("bytes").advance(0, 1)?;
    let address = server.address;
    let bytes = |id: &str, note: &str| Figure::new(id, Unit::Bytes, Better::Lower, note);
    let mut request = bytes("wire.request", "bytes that the credential adds to each request");
    let mut whole =
        bytes("wire.request.whole", "bytes of a whole request of the handler and of its response");
    let mut login = bytes("wire.login", "bytes of a login and of its response");
    let mut refresh = bytes("wire.refresh", "bytes of a refresh and of its response");
    let mut logout = bytes("wire.logout", "bytes of a logout and of its response");
    let mut client = bytes("client.bytes", "bytes of the credentials that a client stores");
    let note = "whether a script in the page can read the credential: a session is in an HttpOnly cookie, the others in \
                the body of the login unless cookies are requested";
    let mut script = Figure::new("script", Unit::YesNo, Better::None, note).how(Source::Derived);
    let bare = send(address, &get_without_credential(address), 401, "GET without a credential")?;
    for mode in Mode::ALL {
        let column = mode.column();
        let (response, of_browser) = (log_in(address, mode)?, mode == Mode::Session);
        login = login.with(column, Cell::count(response.bytes()));
        script = script.with(column, Cell::yes_no(!(of_browser && is_http_only(&response.head))));
        let credentials = log_in_once(address, mode)?;
        client = client.with(column, Cell::count(credentials.token.len() + credentials.refresh_token.len()));
        let check = send(address, &credentials.get(address, PROTECTED), 200, "GET with a credential")?;
        request = request.with(column, Cell::count(check.sent - bare.sent));
        whole = whole.with(column, Cell::count(check.bytes()));
        let ended = send(address, &credentials.logout_request(address), 204, "POST /v1/logout")?;
        logout = logout.with(column, Cell::count(ended.bytes()));
    }
    if let Some(packages) = &context.plan.express {
        let express = ExpressApplication::start(packages, SecretForm::Text, context.is_pinned)?;
        let check = send(express.address, express.request(), 200, "GET of the Express application")?;
        request = request.with(Column::Guide, Cell::count(express.header_bytes));
        whole = whole.with(Column::Guide, Cell::count(check.bytes()));
    }
    let credentials = log_in_once(address, Mode::Hybrid)?;
    let refreshed = send(address, &credentials.refresh_request(address), 200, "POST /v1/refresh")?;
    refresh = refresh.with(Column::Hybrid, Cell::count(refreshed.bytes()));
    Ok(vec![request, whole, login, refresh, logout, client, script])
}

fn send(address: SocketAddr, request: &[u8], status: u16, name: &str) -> Result<Exchange, LabError> {
    Ok(send_once(address, request).map_err(LabError::io("send a request"))?.expect(status, name)?)
}

/// A login as its usual client makes it: a browser asks for a cookie, others for tokens.
fn log_in(address: SocketAddr, mode: Mode) -> Result<Exchange, LabError> {
    let transport = if mode == Mode::Session { "cookie" } else { "bearer" };
    let mode = mode.as_str();
    let body = format!(
        r#"{{"username":"{USERNAME}","password":"{PASSWORD}","mode":"{mode}","transport":"{transport}"}}"#
    );
    let request = post(address, "/v1/login", &format!("origin: http://{address}"), &body);
    send(address, &request, 200, "POST /v1/login")
}

fn is_http_only(head: &str) -> bool {
    let cookie = |line: &&str| line.to_ascii_lowercase().starts_with("set-cookie: counterfoil-session=");
    head.lines().find(cookie).is_some_and(|line| line.to_ascii_lowercase().contains("httponly"))
}

/// The request of the handler without a credential. [`get`] adds a header line, which is empty here: it ends the head.
fn get_without_credential(address: SocketAddr) -> Vec<u8> {
    let mut request = get(address, PROTECTED, "");
    // The line end of the missing header.
    request.truncate(request.len() - 2);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::mode::Login;

    #[test]
    fn a_request_without_a_credential_is_complete() {
        let request = String::from_utf8(get_without_credential(([127, 0, 0, 1], 80).into())).unwrap();
        assert_eq!(request, "GET /protected HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n");
    }

    #[test]
    fn a_login_adds_its_header_line() {
        let login = Login { mode: Mode::Session, token: "cfs_x".to_owned(), refresh_token: String::new() };
        let address = ([127, 0, 0, 1], 80).into();
        let added = login.get(address, PROTECTED).len() - get_without_credential(address).len();
        assert_eq!(added, "cookie: counterfoil-session=cfs_x\r\n".len());
    }

    #[test]
    fn only_a_session_cookie_that_scripts_cannot_read_is_found() {
        assert!(is_http_only("HTTP/1.1 200 OK\r\nset-cookie: counterfoil-session=x; Path=/; HttpOnly\r\n"));
        assert!(!is_http_only(
            "set-cookie: counterfoil-session=x; Path=/\r\nset-cookie: other=x; HttpOnly\r\n"
        ));
    }
}
