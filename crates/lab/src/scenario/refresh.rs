//! `refresh`: a rotation, a lost answer, many refreshes at once, and the reuse of an old token.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use counterfoil_load::client::exchange::send_once;

use crate::error::LabError;
use crate::rig::mode::{Login, Mode};
use crate::sandbox::REUSE_GRACE;
use crate::scenario::stage::Stage;
use crate::scenario::trace::Place;

/// How many refreshes are sent at once.
const AT_ONCE: usize = 32;

pub(super) fn run(stage: &mut Stage) -> Result<(), LabError> {
    let way = (Place::Client, Place::Issuer);
    let mut held = stage.log_in(Mode::Hybrid)?;
    let first = held.login.refresh_request(stage.sandbox.issuer);
    stage.step("Refresh");
    let rotated = stage.exchange(Mode::Hybrid, way, &first, "refreshes")?.expect(200, "POST /v1/refresh")?;
    stage.look_at_store(&mut held, "counts the rotation")?;
    stage.step("Refresh again: the answer was lost");
    let text = "refreshes again with the same token, because the answer was lost";
    let repeated = stage.exchange(Mode::Hybrid, way, &first, text)?.expect(200, "POST /v1/refresh")?;
    stage.look_at_store(&mut held, "counts no further rotation")?;
    let is_same = repeated.text("refresh_token") == rotated.text("refresh_token");
    let text = if is_same { "both answers have the same refresh token" } else { "the refresh tokens differ" };
    stage.note(Some(Mode::Hybrid), text.to_owned());

    held.login = Login::from_response(Mode::Hybrid, &rotated);
    stage.step("Refresh 32 times at once");
    // Within the grace period the newest token is not rotated again.
    stage.advance(REUSE_GRACE + Duration::from_secs(1));
    let tokens = refresh_at_once(stage, &held.login)?;
    let text = format!("{AT_ONCE} refreshes at once give {} refresh token(s)", tokens.len());
    stage.note(Some(Mode::Hybrid), text);
    stage.look_at_store(&mut held, "counts one rotation for all of them")?;

    stage.step("Reuse the first token");
    stage.advance(REUSE_GRACE + Duration::from_secs(1));
    let way = (Place::Thief, Place::Issuer);
    let reused =
        stage.exchange(Mode::Hybrid, way, &first, "refreshes with the first token after the grace")?;
    stage.event(None);
    reused.expect(401, "POST /v1/refresh with a used token")?;
    stage.look_at_store(&mut held, "ends the session, because a used token was presented")?;
    stage.ask(&held, Place::Client, Place::Issuer).map(drop)
}

/// Sends the same refresh many times at once, and returns the different refresh tokens of the answers.
fn refresh_at_once(stage: &Stage, login: &Login) -> Result<BTreeSet<String>, LabError> {
    let (issuer, request) = (stage.sandbox.issuer, login.refresh_request(stage.sandbox.issuer));
    let answers: Vec<_> = thread::scope(|scope| {
        let send = || send_once(issuer, &request);
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let panicked = || LabError::timeout("a refresh");
    let token = |answer: thread::Result<std::io::Result<_>>| {
        let answer: counterfoil_load::client::exchange::Exchange =
            answer.map_err(|_| panicked())?.map_err(LabError::io("send a request"))?;
        Ok(answer.expect(200, "POST /v1/refresh")?.text("refresh_token").to_owned())
    };
    answers.into_iter().map(token).collect()
}
