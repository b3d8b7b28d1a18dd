//! The command that revokes.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::ServiceError;

use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::operations::admin::requests::RevocationRequest;
use crate::operations::admin::revocations;

impl App {
    pub(super) async fn revoke(&self, request: RevocationRequest) -> Answer {
        let subject = self.resolve_subject(&request.subject).await?;
        let request = RevocationRequest { subject, ..request };
        let revocation =
            request.validate(Actor::Operator, ClientInfo::default()).map_err(ServiceError::from)?;
        answer(revocations::revoke(self, revocation, self.now()).await?)
    }
}
