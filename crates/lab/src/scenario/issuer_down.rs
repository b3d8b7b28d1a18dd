//! `issuer-down`: the issuer stops. What services decide at once, and after the lease of the feed.

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{Stage, places};
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let logins = stage.log_in_all()?;
    stage.step("Stop the issuer");
    stage.sandbox.stop_server()?;
    stage.event(None);
    stage.note(None, "the issuer is stopped".to_owned());
    let text = "a session token can be verified at its issuer only, so it cannot be verified now";
    stage.note(Some(Mode::Session), text.to_owned());
    stage.step("Ask at once");
    for held in logins.iter().filter(|held| held.login.mode != Mode::Session) {
        for place in places(held.login.mode).iter().filter(|place| **place != Place::Issuer) {
            stage.ask(held, Place::Client, *place)?;
        }
    }
    stage.step("Ask after the lease");
    for held in logins.iter().filter(|held| held.login.mode != Mode::Session) {
        stage.ask_until(held, Place::A, 503)?;
        stage.ask(held, Place::Client, Place::KeysOnly)?;
    }
    Ok(())
}
