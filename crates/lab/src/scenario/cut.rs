//! `cut`: a service loses its network. It accepts credentials until its lease ends, then answers 503, and catches up later.

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut held = stage.log_in(Mode::Jwt)?;
    stage.step("Ask both services");
    stage.ask(&held, Place::Client, Place::A)?;
    stage.ask(&held, Place::Client, Place::B)?;
    stage.sandbox.proxy.cut();
    stage.step("Cut the network of service B");
    stage.note(None, "the network between the issuer and service B is cut".to_owned());
    stage.step("Log out");
    let request = held.login.logout_request(stage.sandbox.issuer);
    let way = (Place::Client, Place::Issuer);
    stage.exchange(Mode::Jwt, way, &request, "logs out")?.expect(204, "POST /v1/logout")?;
    stage.event(None);
    stage.look_at_store(&mut held, "stores that the session has ended")?;
    stage.step("Ask both services again");
    stage.ask_until(&held, Place::A, 401)?;
    stage.ask(&held, Place::Client, Place::B)?;
    stage.ask_until(&held, Place::B, 503)?;
    stage.step("Mend the network");
    stage.sandbox.proxy.heal();
    stage.note(None, "the network of service B works again".to_owned());
    stage.ask_until(&held, Place::B, 401)
}
