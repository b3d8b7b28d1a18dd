//! `logout`: each client logs out, and every place is asked until the credential is refused.

use std::time::Duration;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{LEEWAY, Stage, lifetimes};
use crate::scenario::trace::Place;

/// A second after the expiry of a token.
const EXPIRED: Duration = Duration::from_secs(1);

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    for held in &mut logins {
        stage.step("Log out");
        let request = held.login.logout_request(stage.sandbox.issuer);
        let way = (Place::Client, Place::Issuer);
        stage.exchange(held.login.mode, way, &request, "logs out")?.expect(204, "POST /v1/logout")?;
        stage.event(Some(held.login.mode));
        stage.step("Ask every place again");
        stage.ask_until(held, Place::Issuer, 401)?;
        if held.login.mode != Mode::Session {
            stage.ask_until(held, Place::A, 401)?;
            stage.ask_until(held, Place::B, 401)?;
            stage.ask(held, Place::Client, Place::KeysOnly)?;
            stage.ask(held, Place::Client, Place::Guide)?;
        }
        stage.step("Log out");
        stage.look_at_store(held, "stores that the session has ended")?;
    }
    stage.step("Ask when the tokens have expired");
    for lifetime in lifetimes(&logins) {
        for (time, place) in [(EXPIRED, Place::Guide), (LEEWAY, Place::KeysOnly)] {
            stage.advance_to(lifetime + time);
            for held in logins.iter().filter(|held| held.lifetime() == lifetime) {
                stage.ask(held, Place::Client, place)?;
            }
        }
    }
    Ok(())
}
