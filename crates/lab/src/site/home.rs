//! `/lab`: what is here, and a new lab.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use counterfoil_pages::Moment;
use counterfoil_pages::view::lab::{LabRow, LabsView};

use crate::site::lab::{IDLE_TIME, Shown};
use crate::site::labs::{Labs, MAX_LABS};
use crate::site::refusal::Refusal;
use crate::site::response::{page, see_other};

/// Shows what a lab is, and those of this process.
pub(super) async fn show(State(labs): State<Arc<Labs>>) -> Response {
    let row = |id: String, shown: Shown| LabRow {
        id,
        act: shown.act.label().to_owned(),
        removed: Moment::from_unix_seconds(shown.removed_at.unix_seconds()),
    };
    let labs = labs.all();
    let labs = labs.iter().map(|lab| row(lab.id.clone(), lab.shown())).collect();
    page(&LabsView { labs, most: MAX_LABS, idle_minutes: IDLE_TIME.as_secs() / 60 })
}

/// Makes a lab, in which the login was played.
pub(super) async fn make(State(labs): State<Arc<Labs>>) -> Result<Response, Refusal> {
    let id = labs.make().await?;
    Ok(see_other(&format!("/lab/{id}")))
}
