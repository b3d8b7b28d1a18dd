//! `logout`: each client logs out, and every place is asked until the credential is refused.

use std::time::{Duration, Instant};

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

/// The leeway of a verifier for clocks that differ, and a second.
const LEEWAY: Duration = Duration::from_secs(61);

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    for held in &mut logins {
        let request = held.login.logout_request(stage.sandbox.issuer);
        let way = (Place::Client, Place::Issuer);
        stage.exchange(held.login.mode, way, &request, "logs out")?.expect(204, "POST /v1/logout")?;
        let ended = Instant::now();
        stage.look_at_store(held, "stores that the session has ended")?;
        stage.ask_until(held, Place::Issuer, 401, ended)?;
        if held.login.mode != Mode::Session {
            stage.ask_until(held, Place::A, 401, ended)?;
            stage.ask_until(held, Place::B, 401, ended)?;
            stage.ask(held, Place::Client, Place::KeysOnly)?;
            stage.ask(held, Place::Client, Place::Guide)?;
        }
    }
    let longest = logins.iter().map(|held| held.expires_in).max().unwrap_or_default();
    stage.advance(Duration::from_secs(longest) + LEEWAY);
    for held in logins.iter().filter(|held| held.login.mode != Mode::Session) {
        stage.ask(held, Place::Client, Place::KeysOnly)?;
        stage.ask(held, Place::Client, Place::Guide)?;
    }
    Ok(())
}
