//! The status of the running installation, and the acceptance of a clock jump.

use crate::admin::answer::{Answer, answer, operator_context};
use crate::app::App;
use crate::operations::admin::clock;
use crate::operations::admin::responses::StatusResponse;

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

    pub(super) async fn accept_clock(&self) -> Answer {
        answer(clock::accept(self, &operator_context()).await?)
    }
}
