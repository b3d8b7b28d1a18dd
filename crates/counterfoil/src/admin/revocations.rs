//! The command that revokes.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::ServiceError;
use counterfoil_verify::RevocationSubject;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::operations::admin::requests::RevocationRequest;
use crate::operations::admin::responses::RevocationPreviewResponse;
use crate::operations::admin::{revocation_preview, revocations};

impl App {
    pub(super) async fn revoke(&self, request: RevocationRequest) -> Answer {
        let subject = self.resolve_subject(&request.subject).await?;
        let request = RevocationRequest { subject, ..request };
        let revocation =
            request.validate(Actor::Operator, ClientInfo::default()).map_err(ServiceError::from)?;
        answer(revocations::revoke(self, revocation, self.now()).await?)
    }

    /// Counts what would end. Fails if there is no such user, client or key, so that an operator is not asked for nothing.
    pub(super) async fn preview_revocation(&self, subject: &str) -> Answer {
        let (now, subject) = (self.now(), self.resolve_subject(subject).await?);
        let parsed = subject
            .parse()
            .map_err(|_| AdminError::new("the subject must be user:, client:, key: or everyone"));
        answer(match parsed? {
            RevocationSubject::User(id) => revocation_preview::of_user(self, id, now).await?,
            RevocationSubject::Client(id) => revocation_preview::of_client(self, Some(id), now).await?,
            RevocationSubject::Everyone => revocation_preview::of_client(self, None, now).await?,
            // One session at most, or tokens, which are not counted.
            RevocationSubject::Key(_) | RevocationSubject::Session(_) | RevocationSubject::Token(_) => {
                RevocationPreviewResponse { sessions: 0, admin_keys: 0 }
            }
        })
    }
}
