//! `other-site`: a page of another origin sends a form. The browser adds the cookie, and nothing else.

use counterfoil_load::client::requests::post;

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let issuer = stage.sandbox.issuer;
    for held in stage.log_in_all()? {
        stage.step("A page of another site sends a form");
        let mode = held.login.mode;
        let origin = "origin: https://other-site.example\r\nsec-fetch-site: cross-site";
        let header = match mode {
            Mode::Session => format!("{}\r\n{origin}", mode.header(&held.login.token)),
            Mode::Jwt | Mode::Hybrid => origin.to_owned(),
        };
        let request = post(issuer, "/v1/logout", &header, "{}");
        let text = match mode {
            Mode::Session => "a page of another site posts a logout; the browser adds the cookie",
            Mode::Jwt | Mode::Hybrid => "a page of another site posts a logout; it has no token to send",
        };
        let response = stage.exchange(mode, (Place::Thief, Place::Issuer), &request, text)?;
        response.expect(403, "POST /v1/logout from another site")?;
        stage.ask(&held, Place::Client, Place::Issuer)?;
    }
    Ok(())
}
