//! The acts of the lab, one file for each, and their traces.

use crate::error::LabError;
use crate::sandbox::Sandbox;
use crate::scenario::act::Act;
use crate::scenario::question::Question;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Trace;

pub(crate) mod act;
mod call;
mod cut;
mod expire;
mod issuer_down;
mod login;
mod logout;
mod other_site;
mod password;
pub(crate) mod question;
mod refresh;
mod script;
mod stage;
mod steal;
mod tamper;
pub(crate) mod trace;

/// Plays an act in a sandbox of its own, which is removed at the end. It blocks: call it on a thread where that is allowed.
///
/// # Errors
///
/// If the sandbox cannot be started, or something is answered otherwise than the act expects.
pub fn play(act: Act) -> Result<Trace, LabError> {
    let mut stage = Stage::new(Sandbox::start()?);
    match act {
        Act::Login => login::run(&mut stage),
        Act::Call => call::run(&mut stage),
        Act::Logout => logout::run(&mut stage),
        Act::Expire => expire::run(&mut stage),
        Act::Refresh => refresh::run(&mut stage),
        Act::Steal => steal::run(&mut stage),
        Act::Password => password::run(&mut stage),
        Act::Cut => cut::run(&mut stage),
        Act::IssuerDown => issuer_down::run(&mut stage),
        Act::OtherSite => other_site::run(&mut stage),
        Act::Script => script::run(&mut stage),
        Act::Tamper => tamper::run(&mut stage),
    }?;
    let clock_offset_ms = u64::try_from(stage.sandbox.clock.added().as_millis()).unwrap_or(u64::MAX);
    Ok(Trace {
        schema: "counterfoil/lab-trace/1",
        act: act.as_str(),
        clock_offset_ms,
        frames: stage.into_frames(),
    })
}

/// Plays the acts that answer a question.
///
/// # Errors
///
/// As [`play`].
pub fn answer(question: Question) -> Result<Vec<Trace>, LabError> {
    question.acts().iter().map(|act| play(*act)).collect()
}
