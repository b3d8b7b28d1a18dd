//! Revocations by an operator.

use serde_json::json;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::ServiceError;

use crate::admin::RevocationRequest;
use crate::admin::answer::Answer;
use crate::admin::responses::RevocationResponse;
use crate::app::App;
use crate::runtime::task::run_on_blocking_thread;

impl App {
    pub(super) async fn revoke(&self, request: RevocationRequest) -> Answer {
        let revocation =
            request.validate(Actor::Operator, ClientInfo::default()).map_err(ServiceError::from)?;
        let started = self.now();
        let app = self.clone();
        // The revocation of a signing key generates another one, which may take seconds.
        let revoked = run_on_blocking_thread(async move {
            let note = revocation.note.as_deref();
            app.administration.revoke(&revocation.subject, note, &revocation.context, started).await
        });
        Ok(json!(RevocationResponse::new(revoked.await?, started, self.now())))
    }
}
