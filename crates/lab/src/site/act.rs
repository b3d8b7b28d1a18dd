//! `/lab/{id}`: an act in the three modes, step by step.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Json, Response};
use serde::Deserialize;

use crate::scenario::act::Act;
use crate::scenario::clock_move::ClockMove;
use crate::site::labs::Labs;
use crate::site::refusal::Refusal;
use crate::site::response::{page, problem, see_other};
use crate::site::trace_view::lab_view;

/// The form of an act.
#[derive(Debug, Deserialize)]
pub(super) struct ActForm {
    act: String,
    /// The step that is shown afterwards; the last one without it.
    step: Option<usize>,
}

/// The form of the clock.
#[derive(Debug, Deserialize)]
pub(super) struct ClockForm {
    by: String,
}

/// Shows a step of the act that was played last: the one in the query, or the last one.
pub(super) async fn show(
    State(labs): State<Arc<Labs>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let shown = labs.find(&id)?.shown();
    let step = query.as_deref().and_then(|query| query.strip_prefix("step=")?.parse().ok());
    Ok(page(&lab_view(&id, &shown, step)))
}

/// Plays an act, and shows it.
pub(super) async fn play(
    State(labs): State<Arc<Labs>>,
    Path(id): Path<String>,
    form: Result<Form<ActForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let form = form.map(|Form(form)| form).ok();
    let Some((act, step)) = form.and_then(|form| Some((form.act.parse::<Act>().ok()?, form.step))) else {
        let text = format!("The form must have the field act. The acts are {}.", Act::names());
        return Ok(problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "There is no such act",
            &text,
            &format!("/lab/{id}"),
        ));
    };
    labs.find(&id)?.play(act).await?;
    let query = step.map(|step| format!("?step={step}")).unwrap_or_default();
    Ok(see_other(&format!("/lab/{id}{query}")))
}

/// Moves the clock of the lab, and shows what every place decides then.
pub(super) async fn move_clock(
    State(labs): State<Arc<Labs>>,
    Path(id): Path<String>,
    form: Result<Form<ClockForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let by = form.ok().and_then(|Form(form)| form.by.parse::<ClockMove>().ok());
    let Some(by) = by else {
        let text = format!("The form must have the field by. Its values are {}.", ClockMove::names());
        return Ok(problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "There is no such move of the clock",
            &text,
            &format!("/lab/{id}"),
        ));
    };
    labs.find(&id)?.move_clock(by).await?;
    Ok(see_other(&format!("/lab/{id}")))
}

/// Removes the lab.
pub(super) async fn end(State(labs): State<Arc<Labs>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    labs.remove(id).await?;
    Ok(see_other("/lab"))
}

/// The trace as JSON.
pub(super) async fn trace(
    State(labs): State<Arc<Labs>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let shown = labs.find(&id)?.shown();
    Ok(Json(&*shown.trace).into_response())
}
