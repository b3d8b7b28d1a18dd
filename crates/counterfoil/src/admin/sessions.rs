//! Commands for sessions.

use std::net::IpAddr;

use counterfoil_core::model::session::Mode;
use counterfoil_core::store::SessionQuery;
use counterfoil_verify::SessionId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer, operator_context};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::sessions;

impl App {
    pub(super) async fn list_sessions(
        &self,
        user: Option<String>,
        ip: Option<IpAddr>,
        mode: Option<Mode>,
        page: PageRequest,
    ) -> Answer {
        let page = page.validate()?;
        let user = match user {
            Some(text) => Some(self.find_user(&text).await?.id),
            None => None,
        };
        answer(sessions::list_all(self, SessionQuery { user, ip, mode }, page, self.now()).await?)
    }

    pub(super) async fn revoke_session(&self, id: &str) -> Answer {
        let ended = sessions::end_one(self, parse_session_id(id)?, &operator_context(), self.now()).await?;
        answer(ended.ok_or_else(|| AdminError::new("there is no such session"))?)
    }

    pub(super) async fn revoke_all_sessions(&self, user: &str) -> Answer {
        let user = self.find_user(user).await?;
        answer(sessions::end_all(self, user.id, &operator_context(), self.now()).await?)
    }
}

pub(super) fn parse_session_id(text: &str) -> Result<SessionId, AdminError> {
    text.parse().map_err(|_| {
        AdminError::new("this is not a session id").hint(
            "`counterfoil session list` lists the ids; `counterfoil session revoke --user NAME` ends all sessions of a user",
        )
    })
}
