//! `script`: what the script of a page can read of each credential.

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    for held in stage.log_in_all()? {
        let text = match held.login.mode {
            Mode::Session => {
                "the cookie has HttpOnly: no script reads it, but a script on the page can send requests with it"
            }
            Mode::Jwt | Mode::Hybrid => {
                "the token was in the body of the answer: a script that reads it from where it is stored can copy it"
            }
        };
        stage.step("A script looks for the credential");
        stage.note(Some(held.login.mode), text.to_owned());
    }
    Ok(())
}
