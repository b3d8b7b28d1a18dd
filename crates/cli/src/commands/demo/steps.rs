//! The steps of the demo, in their order.

use crate::commands::demo::step::Step;
use crate::commands::demo::walk::Walk;
use crate::commands::demo::{hybrid_steps, jwt_steps, session_steps};
use crate::error::CliError;

/// Runs the step with this index; `None` after the last one.
///
/// # Errors
///
/// If the step does not give what it says.
pub(super) async fn run(index: usize, walk: &mut Walk) -> Result<Option<Step>, CliError> {
    let step = match index {
        0 => session_steps::wrong_password(walk).await?,
        1 => session_steps::log_in(walk).await?,
        2 => session_steps::present_cookie(walk).await?,
        3 => session_steps::cross_site_request(walk).await?,
        4 => jwt_steps::log_in(walk).await?,
        5 => jwt_steps::take_apart(walk)?,
        6 => jwt_steps::verify_with_public_keys(walk).await?,
        7 => hybrid_steps::log_in(walk).await?,
        8 => session_steps::list(walk).await?,
        9 => jwt_steps::end_session(walk).await?,
        10 => hybrid_steps::refresh(walk).await?,
        11 => hybrid_steps::repeat_lost_answer(walk).await?,
        12 => hybrid_steps::detect_reuse(walk).await?,
        13 => session_steps::log_out(walk).await?,
        _ => return Ok(None),
    };
    Ok(Some(Step { requests: walk.take_exchanges(), ..step }))
}
