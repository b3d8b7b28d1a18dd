//! `expire`: the clock is advanced past the life of the access tokens, and then past the idle timeout of the sessions.

use std::time::Duration;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{LEEWAY, Stage, lifetimes};
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    stage.event(None);
    stage.step("The access tokens expire");
    let mut longest = Duration::ZERO;
    for lifetime in lifetimes(&logins) {
        stage.advance_to(lifetime + LEEWAY);
        for held in logins.iter().filter(|held| held.lifetime() == lifetime) {
            stage.ask(held, Place::Client, Place::Issuer)?;
        }
        longest = lifetime;
    }
    let mut idle = Duration::ZERO;
    for held in &mut logins {
        let stored = stage.sandbox.server()?.session(held.session)?;
        idle = idle.max(stored.map_or(Duration::ZERO, |session| session.idle));
        stage.step("Ask the session, and refresh the hybrid");
        match held.login.mode {
            Mode::Session => stage.ask(held, Place::Client, Place::Issuer).map(drop)?,
            Mode::Jwt => {}
            Mode::Hybrid => {
                let response = stage.refresh(held, "refreshes the expired access token")?;
                response.expect(200, "POST /v1/refresh")?;
                stage.look_at_store(held, "counts the rotation")?;
                stage.ask(held, Place::Client, Place::Issuer)?;
            }
        }
    }
    stage.step("Leave them unused until the idle timeout");
    stage.advance_to(longest + LEEWAY + idle + LEEWAY);
    for held in &mut logins {
        stage.ask(held, Place::Client, Place::Issuer)?;
        if held.login.mode == Mode::Hybrid {
            let response = stage.refresh(held, "refreshes after the idle timeout")?;
            response.expect(401, "POST /v1/refresh after the idle timeout")?;
        }
    }
    Ok(())
}
