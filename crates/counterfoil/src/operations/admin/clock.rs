//! The acceptance of a clock jump.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::Change;

use crate::app::App;
use crate::clock::checkpoint;
use crate::operations::admin::responses::AcceptedClockResponse;
use crate::operations::error::OperationError;

/// Accepts the time of the system clock and stores that, so that it also holds after a restart.
///
/// # Errors
///
/// If the store fails. The clock of this process is accepted then, too.
pub(crate) async fn accept(
    app: &App,
    context: &RevocationContext,
) -> Result<AcceptedClockResponse, OperationError> {
    let (keys, clock) = (&app.parts.state_keys, &app.parts.clock);
    let accepted = clock.accept();
    let RevocationContext { actor, client_info, .. } = context;
    let event = AuditEvent::by_actor(AuditEventKind::ClockAccepted, actor.clone(), client_info, accepted.now);
    checkpoint::accept(&*app.parts.store, keys, (clock, accepted), Change::record_event(event)).await?;
    Ok(AcceptedClockResponse {
        now: accepted.now.unix_seconds(),
        wall: accepted.wall.unix_seconds(),
        restart_required: accepted.needs_restart(),
    })
}
