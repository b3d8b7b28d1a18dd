//! The status of the running installation, and the acceptance of a clock jump.

use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::Change;
use counterfoil_jose::Time;

use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::clock::checkpoint;
use crate::operations::admin::responses::{AcceptedClockResponse, StatusResponse};

impl App {
    pub(super) async fn status(&self) -> Answer {
        answer(StatusResponse {
            node: self.parts.node_id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            issuer: self.settings().issuer.as_str().to_owned(),
            store: self.settings().store.resolved().to_string(),
            started_at: self.parts.started_at.unix_seconds(),
            now: self.now().unix_seconds(),
            may_issue: self.parts.clock.may_issue(),
            failed: self.readiness().await.into_iter().map(str::to_owned).collect(),
            cached_sessions: self.parts.session_cache.len(),
            active_revocations: self.parts.session_cache.revocations().len(),
        })
    }

    /// Accepts the time of the system clock and stores that, so that it also holds after a restart.
    pub(super) async fn accept_clock(&self) -> Answer {
        let accepted = self.parts.clock.accept();
        let event = Change::record_event(operator_event(AuditEventKind::ClockAccepted, accepted.now));
        let (keys, clock) = (&self.parts.state_keys, &self.parts.clock);
        checkpoint::accept(&*self.parts.store, keys, (clock, accepted), event).await?;
        answer(AcceptedClockResponse {
            now: accepted.now.unix_seconds(),
            wall: accepted.wall.unix_seconds(),
            restart_required: accepted.needs_restart(),
        })
    }
}

/// An audit event of an operator that concerns no user.
fn operator_event(kind: AuditEventKind, at: Time) -> AuditEvent {
    AuditEvent {
        at,
        kind,
        user: None,
        session: None,
        client: None,
        actor: Actor::Operator,
        reason: None,
        client_info: ClientInfo::default(),
        detail: None,
    }
}
