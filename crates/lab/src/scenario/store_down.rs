//! `store-down`: every read and write of the store fails. What is verified from memory or by signature, and what is not done.

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{Stage, places};
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let logins = stage.log_in_all()?;
    for held in &logins {
        // A session that was verified before is in memory.
        stage.ask(held, Place::Client, Place::Issuer)?;
    }
    stage.step("The store fails");
    stage.sandbox.server()?.close_store()?;
    stage.event(None);
    stage.note(None, "every read and every write of the store fails from now on".to_owned());
    stage.step("Ask every place");
    for held in &logins {
        for place in places(held.login.mode) {
            stage.ask(held, Place::Client, *place)?;
        }
    }
    stage.step("Log in, refresh, log out");
    let (issuer, way) = (stage.sandbox.issuer, (Place::Client, Place::Issuer));
    for held in &logins {
        let mode = held.login.mode;
        stage.exchange(mode, way, &mode.login_request(issuer), "logs in again")?;
        if mode == Mode::Hybrid {
            stage.exchange(mode, way, &held.login.refresh_request(issuer), "refreshes")?;
        }
        stage.exchange(mode, way, &held.login.logout_request(issuer), "logs out")?;
    }
    Ok(())
}
