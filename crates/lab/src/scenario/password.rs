//! `password`: a change of the password ends the sessions of all devices.

use counterfoil_load::client::requests::post;
use counterfoil_load::rig::server::{PASSWORD, USERNAME};
use serde_json::json;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

/// The password after the change.
const NEW_PASSWORD: &str = "eleven lanterns near the harbour wall";

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    stage.step("Change the password");
    let body = json!({ "username": USERNAME, "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let request = post(stage.sandbox.issuer, "/v1/password", "accept: */*", &body.to_string());
    let way = (Place::Client, Place::Issuer);
    let response = stage.exchange(Mode::Session, way, &request, "changes the password of the user")?;
    response.expect(204, "POST /v1/password")?;
    stage.event(None);
    for held in &mut logins {
        stage.step("Change the password");
        stage.look_at_store(held, "stores what the change ended")?;
        stage.step("Ask again");
        stage.ask(held, Place::Client, Place::Issuer)?;
    }
    Ok(())
}
