//! `revoke-key`: the signing key has leaked and is revoked. All its tokens end at once, and session tokens remain.

use counterfoil::operator::{Command, RevocationRequest, Wait};

use crate::error::LabError;
use crate::rig::mode::Mode;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let mut logins = stage.log_in_all()?;
    stage.step("Revoke the signing key");
    let request = RevocationRequest {
        subject: "key:current".to_owned(),
        reason: Some("key_compromised".to_owned()),
        wait: Wait::None,
    };
    stage.sandbox.server()?.administer(Command::Revoke(request))?;
    stage.event(None);
    stage.note(None, "the key is revoked, with every token that it has signed".to_owned());
    for held in &mut logins {
        stage.step("Ask every place");
        match held.login.mode {
            Mode::Session => stage.ask(held, Place::Client, Place::Issuer).map(drop)?,
            Mode::Jwt | Mode::Hybrid => {
                for place in [Place::Issuer, Place::A, Place::B] {
                    stage.ask_until(held, place, 401)?;
                }
                // It learns it when it fetches the keys again.
                stage.ask(held, Place::Client, Place::KeysOnly)?;
                stage.ask(held, Place::Client, Place::Guide)?;
            }
        }
        stage.step("Revoke the signing key");
        stage.look_at_store(held, "keeps the session")?;
    }
    stage.step("Refresh the hybrid");
    for held in logins.iter_mut().filter(|held| held.login.mode == Mode::Hybrid) {
        stage.refresh(held, "refreshes: the next key signs")?;
    }
    Ok(())
}
