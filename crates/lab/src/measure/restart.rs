//! `restart`: the server program is killed and started again.

use counterfoil_load::client::exchange::send_once;
use counterfoil_load::client::requests::{get, post};
use counterfoil_load::rig::server::{PASSWORD, USERNAME};
use counterfoil_load::statistics::interval::Interval;

use crate::error::LabError;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::mode::{Login, Mode};
use crate::rig::program::ServerProgram;

/// Kills the program and starts it again, and looks whether the credentials are still good.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Vec<Figure>, LabError> {
    let Some(program) = &context.plan.program else { return Ok(Vec::new()) };
    let dir = context.directory()?;
    let server = ServerProgram::new(program, &dir.path().join("data"))?;
    let address = server.address;
    let send = |request: &[u8]| send_once(address, request).map_err(LabError::io("send a request"));
    let (mut process, _) = server.start()?;
    let body = format!(r#"{{"username":"{USERNAME}","password":"{PASSWORD}"}}"#);
    send(&post(address, "/v1/register", "accept: */*", &body))?.expect(201, "POST /v1/register")?;
    let mut logins = Vec::new();
    for mode in Mode::ALL {
        let response = send(&mode.login_request(address))?.expect(200, "POST /v1/login")?;
        logins.push(Login::from_response(mode, &response));
    }
    let (mut times, mut good) = (Vec::new(), [true; 3]);
    for _ in 0..context.plan.repetitions {
        drop(process);
        let (started, time) = server.start()?;
        process = started;
        times.push(time.as_secs_f64() * 1e3);
        for (is_good, login) in good.iter_mut().zip(&logins) {
            let me = get(address, "/v1/me", &login.mode.header(&login.token));
            *is_good &= send(&me)?.status == 200;
        }
    }
    drop(process);
    let time = Interval::by_bootstrap(&times, context.plan.resamples, context.plan.seed);
    let cell = time.as_ref().map(Cell::interval).unwrap_or_default();
    let mut ready =
        Figure::new("restart", Unit::Ms, Better::Lower, "start after a kill, until the server is ready");
    let note = "whether the credential is good after each kill";
    let mut kept = Figure::new("restart.still_good", Unit::YesNo, Better::None, note);
    for (mode, is_good) in Mode::ALL.into_iter().zip(good) {
        ready = ready.with(mode.column(), cell.clone());
        kept = kept.with(mode.column(), Cell::yes_no(is_good));
    }
    Ok(vec![ready, kept])
}
