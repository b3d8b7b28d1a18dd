//! `expire`: the clock is advanced past the life of the access tokens, and then past the idle timeout of the sessions.

use std::time::Duration;

use crate::error::LabError;
use crate::rig::mode::{Login, Mode};
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

/// The leeway of a verifier for clocks that differ, and a second.
const LEEWAY: Duration = Duration::from_secs(61);

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    let longest = logins.iter().map(|held| held.expires_in).max().unwrap_or_default();
    stage.advance(Duration::from_secs(longest) + LEEWAY);
    for held in &logins {
        stage.ask(held, Place::Client, Place::Issuer)?;
    }
    let way = (Place::Client, Place::Issuer);
    let mut idle = Duration::ZERO;
    for held in &mut logins {
        let stored = stage.sandbox.server()?.session(held.session)?;
        idle = idle.max(stored.map_or(Duration::ZERO, |session| session.idle));
        if held.login.mode == Mode::Hybrid {
            let request = held.login.refresh_request(stage.sandbox.issuer);
            let response =
                stage.exchange(Mode::Hybrid, way, &request, "refreshes the expired access token")?;
            held.login = Login::from_response(Mode::Hybrid, &response.expect(200, "POST /v1/refresh")?);
            stage.look_at_store(held, "counts the rotation")?;
            stage.ask(held, Place::Client, Place::Issuer)?;
        }
    }
    stage.advance(idle + LEEWAY);
    for held in &logins {
        stage.ask(held, Place::Client, Place::Issuer)?;
        if held.login.mode == Mode::Hybrid {
            let request = held.login.refresh_request(stage.sandbox.issuer);
            let response = stage.exchange(Mode::Hybrid, way, &request, "refreshes after the idle timeout")?;
            response.expect(401, "POST /v1/refresh after the idle timeout")?;
        }
    }
    Ok(())
}
