//! The command that revokes.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::ServiceError;
use counterfoil_verify::RevocationSubject;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::operations::admin::requests::RevocationRequest;
use crate::operations::admin::{revocation_preview, revocations};

impl App {
    pub(super) async fn revoke(&self, request: RevocationRequest) -> Answer {
        let subject = self.resolve_subject(&request.subject).await?;
        let request = RevocationRequest { subject, ..request };
        let revocation =
            request.validate(Actor::Operator, ClientInfo::default()).map_err(ServiceError::from)?;
        answer(revocations::revoke(self, revocation, self.now()).await?)
    }

    /// Counts what would end.
    pub(super) async fn preview_revocation(&self, subject: &str) -> Answer {
        let now = self.now();
        if let Some(user) = subject.strip_prefix("user:") {
            let user = self.find_user(user).await?.id;
            return answer(revocation_preview::of_user(self, user, now).await?);
        }
        match subject.parse() {
            Ok(RevocationSubject::Client(id)) => {
                answer(revocation_preview::of_client(self, Some(id), now).await?)
            }
            Ok(RevocationSubject::Everyone) => answer(revocation_preview::of_client(self, None, now).await?),
            Ok(_) | Err(_) => Err(AdminError::new("the subject must be user:, client: or everyone")),
        }
    }
}
