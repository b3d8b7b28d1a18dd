//! `stolen.*`: what becomes of a copy of a credential.

use std::net::SocketAddr;

use counterfoil_load::client::exchange::{Exchange, send_once};
use counterfoil_load::client::requests::post;
use counterfoil_load::rig::server::{MeasuredServer, PASSWORD, PROTECTED};

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Column, Figure, Source, Unit};
use crate::rig::mode::{Login, Mode};

/// The password after the change.
const NEW_PASSWORD: &str = "eleven lanterns near the harbour wall";

/// Copies a credential of each mode, and does what its owner may do.
pub(crate) fn measure(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Vec<Figure>, LabError> {
    if !context.plan.wants(FigureId::Stolen) {
        return Ok(Vec::new());
    }
    context.steps("stolen credentials").advance(0, 1)?;
    let address = server.address;
    let status = |id: &str, note: &str| Figure::new(id, Unit::Status, Better::None, note);
    let mut logout = status("stolen.logout", "what the issuer answers to a copy after the owner's logout");
    let mut password = status("stolen.password_change", "the same after the owner's change of the password");
    let note = "how long a copy of what each request carries is good if the owner does nothing, at most";
    let mut unnoticed = Figure::new("stolen.unnoticed", Unit::S, Better::Lower, note).how(Source::Derived);
    for mode in Mode::ALL {
        let column = mode.column();
        let user = register(address, mode)?;
        let (login, response) = log_in(address, mode, &user)?;
        unnoticed =
            unnoticed.with(column, Cell::number(response.number("expires_in").unwrap_or_default() as f64));
        send(address, &login.logout_request(address), 204, "POST /v1/logout")?;
        logout = logout.with(column, check(address, &login)?);

        let (login, _) = log_in(address, mode, &user)?;
        change_password(address, &user)?;
        password = password.with(column, check(address, &login)?);
    }
    Ok(vec![logout, password, detect_reuse(address)?, unnoticed])
}

/// A thief and the owner use the same refresh token, one after the other. There is no grace period here.
fn detect_reuse(address: SocketAddr) -> Result<Figure, LabError> {
    let note = "what the issuer answers to the thief's access token after thief and owner have used the same refresh token";
    let user = register(address, Mode::Hybrid)?;
    let (login, _) = log_in(address, Mode::Hybrid, &user)?;
    let stolen = send(address, &login.refresh_request(address), 200, "POST /v1/refresh")?;
    let thief = Login::from_response(Mode::Hybrid, &stolen);
    send(address, &login.refresh_request(address), 401, "POST /v1/refresh with a used token")?;
    let figure = Figure::new("stolen.both", Unit::Status, Better::None, note);
    Ok(figure.with(Column::Hybrid, check(address, &thief)?))
}

fn register(address: SocketAddr, mode: Mode) -> Result<String, LabError> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let username = format!("{}{}", mode.as_str(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let body = format!(r#"{{"username":"{username}","password":"{PASSWORD}"}}"#);
    send(address, &post(address, "/v1/register", "accept: */*", &body), 201, "POST /v1/register")?;
    Ok(username)
}

fn log_in(address: SocketAddr, mode: Mode, username: &str) -> Result<(Login, Exchange), LabError> {
    let request = mode.login_request_of(address, username, PASSWORD);
    let response = send(address, &request, 200, "POST /v1/login")?;
    Ok((Login::from_response(mode, &response), response))
}

fn change_password(address: SocketAddr, username: &str) -> Result<(), LabError> {
    let body = format!(
        r#"{{"username":"{username}","current_password":"{PASSWORD}","new_password":"{NEW_PASSWORD}"}}"#
    );
    send(address, &post(address, "/v1/password", "accept: */*", &body), 204, "POST /v1/password").map(drop)
}

/// The status of a check.
fn check(address: SocketAddr, login: &Login) -> Result<Cell, LabError> {
    let response = send_once(address, &login.get(address, PROTECTED));
    Ok(Cell::count(usize::from(response.map_err(LabError::io("check a credential"))?.status)))
}

fn send(address: SocketAddr, request: &[u8], status: u16, name: &str) -> Result<Exchange, LabError> {
    Ok(send_once(address, request).map_err(LabError::io("send a request"))?.expect(status, name)?)
}
