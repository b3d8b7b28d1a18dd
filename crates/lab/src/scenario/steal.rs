//! `steal`: a copy of each credential works for a thief until its owner logs out.

use crate::error::LabError;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    for mut held in stage.log_in_all()? {
        stage.step("Copy the credential");
        stage.note(Some(held.login.mode), "a thief has copied the credential".to_owned());
        stage.ask(&held, Place::Thief, Place::Issuer)?;
        stage.step("Log out");
        let request = held.login.logout_request(stage.sandbox.issuer);
        let way = (Place::Client, Place::Issuer);
        stage.exchange(held.login.mode, way, &request, "logs out")?.expect(204, "POST /v1/logout")?;
        stage.event(Some(held.login.mode));
        stage.look_at_store(&mut held, "stores that the session has ended")?;
        stage.step("Ask again");
        stage.ask_until(&held, Place::Issuer, 401)?;
        stage.ask(&held, Place::Thief, Place::Issuer)?;
    }
    Ok(())
}
