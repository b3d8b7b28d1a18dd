//! The acts of the lab, one file for each, and their traces.

use crate::error::LabError;
use crate::sandbox::Sandbox;
use crate::scenario::act::Act;
use crate::scenario::question::Question;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Trace;

pub(crate) mod act;
mod call;
pub(crate) mod clock_move;
mod cut;
mod expire;
mod issuer_down;
mod login;
mod logout;
mod other_site;
mod password;
pub(crate) mod question;
mod refresh;
mod revoke_key;
mod rotate;
mod script;
pub(crate) mod stage;
mod steal;
mod store_down;
mod stored_session;
mod tamper;
pub(crate) mod trace;

/// Plays an act in a sandbox of its own, which is removed at the end. It blocks: call it on a thread where that is allowed.
///
/// # Errors
///
/// If the sandbox cannot be started, or something is answered otherwise than the act expects.
pub fn play(act: Act) -> Result<Trace, LabError> {
    play_and_keep(act).map(|stage| stage.trace(act))
}

/// As [`play`]. The sandbox is removed when the stage is dropped, so that the requests of the act can be sent again until then.
pub(crate) fn play_and_keep(act: Act) -> Result<Stage, LabError> {
    let mut stage = Stage::new(Sandbox::start()?);
    match act {
        Act::Login => login::run(&mut stage),
        Act::Call => call::run(&mut stage),
        Act::Logout => logout::run(&mut stage),
        Act::Expire => expire::run(&mut stage),
        Act::Refresh => refresh::run(&mut stage),
        Act::Steal => steal::run(&mut stage),
        Act::Password => password::run(&mut stage),
        Act::Rotate => rotate::run(&mut stage),
        Act::RevokeKey => revoke_key::run(&mut stage),
        Act::Cut => cut::run(&mut stage),
        Act::IssuerDown => issuer_down::run(&mut stage),
        Act::StoreDown => store_down::run(&mut stage),
        Act::OtherSite => other_site::run(&mut stage),
        Act::Script => script::run(&mut stage),
        Act::Tamper => tamper::run(&mut stage),
    }?;
    Ok(stage)
}

/// Plays the acts that answer a question.
///
/// # Errors
///
/// As [`play`].
pub fn answer(question: Question) -> Result<Vec<Trace>, LabError> {
    question.acts().iter().map(|act| play(*act)).collect()
}
