//! Commands for what the rate limits count.

use std::net::IpAddr;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_verify::UserId;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::operations::admin::rate_limits::{self, RateLimitTarget};
use crate::operations::admin::users;

impl App {
    pub(super) async fn show_rate_limits(&self, username: Option<String>, ip: Option<IpAddr>) -> Answer {
        let target = self.rate_limit_target(username, ip).await?;
        answer(rate_limits::show(self, &target, self.now()).await?)
    }

    pub(super) async fn release_rate_limits(&self, username: Option<String>, ip: Option<IpAddr>) -> Answer {
        let target = self.rate_limit_target(username, ip).await?;
        let counted = rate_limits::show(self, &target, self.now()).await?;
        let client = ClientInfo::default();
        rate_limits::release(self, &target, Actor::Operator, &client, self.now()).await?;
        answer(counted)
    }

    /// The target of a command. The id of a user stands for their name.
    async fn rate_limit_target(
        &self,
        username: Option<String>,
        client_ip: Option<IpAddr>,
    ) -> Result<RateLimitTarget, AdminError> {
        let user = match username.as_deref().and_then(|text| text.parse::<UserId>().ok()) {
            Some(id) => users::find(self, id).await?,
            None => None,
        };
        let username = user.map(|user| user.username.folded().to_owned()).or(username);
        Ok(RateLimitTarget { username, client_ip })
    }
}
