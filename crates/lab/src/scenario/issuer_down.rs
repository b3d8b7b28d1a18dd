//! `issuer-down`: the issuer stops. What services decide at once, and after the lease of the feed.

use std::time::Instant;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{Stage, places};
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let logins = stage.log_in_all()?;
    stage.sandbox.stop_server()?;
    let stopped = Instant::now();
    stage.note(None, "the issuer is stopped".to_owned());
    let text = "a session token can be verified at its issuer only, so it cannot be verified now";
    stage.note(Some(Mode::Session), text.to_owned());
    for held in logins.iter().filter(|held| held.login.mode != Mode::Session) {
        for place in places(held.login.mode).iter().filter(|place| **place != Place::Issuer) {
            stage.ask(held, Place::Client, *place)?;
        }
    }
    for held in logins.iter().filter(|held| held.login.mode != Mode::Session) {
        stage.ask_until(held, Place::A, 503, stopped)?;
        stage.ask(held, Place::Client, Place::KeysOnly)?;
    }
    Ok(())
}
