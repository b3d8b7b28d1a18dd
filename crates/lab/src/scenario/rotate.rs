//! `rotate`: the signing key is rotated. Tokens of the former key and of the new one are accepted everywhere.

use counterfoil::operator::{Command, KeyRotationRequest};
use counterfoil_jose::base64url;
use serde_json::Value;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::{HeldLogin, Stage, places};

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    stage.step("Rotate the signing key");
    let request = KeyRotationRequest { now: true, ..KeyRotationRequest::default() };
    stage.sandbox.server()?.administer(Command::KeyRotate(request))?;
    stage.note(None, "the next key signs from now on; the former one remains published".to_owned());
    stage.step("Log in again");
    for mode in [Mode::Jwt, Mode::Hybrid] {
        logins.push(stage.log_in(mode)?);
    }
    stage.step("Ask every place");
    for held in &logins {
        let mode = held.login.mode;
        if let Some(id) = key_id(held) {
            stage.note(Some(mode), format!("the token is signed with the key {id}"));
        }
        for place in places(mode) {
            // A service that does not know the key fetches the keys again.
            stage.ask_until(held, *place, 200)?;
        }
    }
    Ok(())
}

/// The id of the key that has signed the access token.
fn key_id(held: &HeldLogin) -> Option<String> {
    let header = base64url::decode(held.login.token.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header["kid"].as_str().map(str::to_owned)
}
