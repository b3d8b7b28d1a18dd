//! Administration of sessions.

use serde_json::json;

use counterfoil_core::store::Page;
use counterfoil_verify::SessionId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, operator_context};
use crate::admin::pagination::{PageRequest, parse_session_cursor, rows, session_cursor};
use crate::admin::responses::SessionResponse;
use crate::app::App;

impl App {
    pub(super) async fn list_sessions(&self, user: &str, page: PageRequest) -> Answer {
        let after = page.after.as_deref().map(|text| {
            parse_session_cursor(text)
                .ok_or_else(|| AdminError::new("`after` must be the `next` of the previous page"))
        });
        let read = Page { after: after.transpose()?, limit: page.read_limit() };
        let user = self.find_user(user).await?;
        let mut sessions = self.store.sessions_of(user.id, read, self.now()).await?;
        let next = page.cut(&mut sessions, session_cursor);
        Ok(json!({ "sessions": rows(&sessions, |session| SessionResponse::from(session)), "next": next }))
    }

    pub(super) async fn revoke_session(&self, id: &str) -> Answer {
        let id = parse_session_id(id)?;
        if self.store.session(id).await?.is_none() {
            return Err(AdminError::new("there is no such session"));
        }
        let ended = self.revoker.end_session(id, &operator_context(), self.now()).await?;
        Ok(json!({ "revoked": u8::from(ended) }))
    }

    pub(super) async fn revoke_all_sessions(&self, user: &str) -> Answer {
        let user = self.find_user(user).await?;
        let ended = self.revoker.end_user_sessions(user.id, None, &operator_context(), self.now()).await?;
        Ok(json!({ "revoked": ended }))
    }
}

pub(super) fn parse_session_id(text: &str) -> Result<SessionId, AdminError> {
    text.parse().map_err(|_| AdminError::new("this is not a session id"))
}
