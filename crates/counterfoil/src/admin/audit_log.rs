//! The command that lists the audit log.

use counterfoil_verify::UserId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::admin::pagination::PageRequest;
use crate::admin::sessions::parse_session_id;
use crate::app::App;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::users;

impl App {
    /// The events of a session are in chronological order; `next` leads to older events in both orders.
    pub(super) async fn list_audit_events(
        &self,
        user: Option<String>,
        session: Option<String>,
        page: PageRequest,
    ) -> Answer {
        let user = match user {
            Some(text) => Some(self.user_in_audit_log(&text).await?),
            None => None,
        };
        let session = session.as_deref().map(parse_session_id).transpose()?;
        let mut list = audit_log::list(self, AuditEventFilter { user, session }, page.validate()?).await?;
        if session.is_some() {
            list.items.reverse();
        }
        answer(list)
    }

    /// A deleted user has no username, but the audit log still contains their id.
    async fn user_in_audit_log(&self, text: &str) -> Result<UserId, AdminError> {
        match text.parse() {
            Ok(id) if users::find(self, id).await?.is_none() => Ok(id),
            Ok(_) | Err(_) => Ok(self.find_user(text).await?.id),
        }
    }
}
