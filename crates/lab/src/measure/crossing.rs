//! `crossing`: whether a service on another origin, which has only the public keys of the issuer, can check a credential.

use counterfoil_load::client::exchange::send_once;
use counterfoil_load::rig::follower::{Follower, Revocations};
use counterfoil_load::rig::server::{MeasuredServer, PROTECTED};

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::log_in_once;
use crate::rig::mode::Mode;

/// Presents each credential to another service.
pub(crate) fn measure(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Option<Figure>, LabError> {
    if !context.plan.wants(FigureId::Crossing) {
        return Ok(None);
    }
    context.steps("another service").advance(0, 1)?;
    let service = Follower::start(server.address, Revocations::KeysOnly)?;
    let note = "whether a service on another origin can check the credential by itself";
    let mut figure = Figure::new("crossing", Unit::YesNo, Better::None, note);
    for mode in Mode::ALL {
        let login = log_in_once(server.address, mode)?;
        let response = send_once(service.address, &login.get(service.address, PROTECTED));
        let status = response.map_err(LabError::io("check a credential"))?.status;
        figure = figure.with(mode.column(), Cell::yes_no(status == 200));
    }
    Ok(Some(figure))
}
