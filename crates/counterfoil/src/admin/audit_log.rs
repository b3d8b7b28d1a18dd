//! The commands that list and follow the audit log.

use serde::{Deserialize, Serialize};

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::services::ServiceError;
use counterfoil_jose::Time;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::admin::pagination::PageRequest;
use crate::admin::sessions::parse_session_id;
use crate::app::App;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::pagination::PageSize;

/// Which audit events to list. Every condition that is present must be met.
///
/// ```
/// use counterfoil::operator::AuditFilterRequest;
///
/// let request: AuditFilterRequest = serde_json::from_str(r#"{"user":"ada","kinds":["login_failed"]}"#)?;
/// assert_eq!(request.user.as_deref(), Some("ada"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFilterRequest {
    /// Only events of this user, by id or username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only events of this session, and events that ended all sessions while it was active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Only events of these kinds. Empty: of all kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only events at this time or later, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Only events before this time, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

impl App {
    /// The events of a session are in chronological order; `next` leads to older events in both orders.
    pub(super) async fn list_audit_events(&self, filter: AuditFilterRequest, page: PageRequest) -> Answer {
        let filter = self.resolve_filter(filter).await?;
        let mut list = audit_log::list(self, &filter, page.validate()?).await?;
        if filter.session.is_some() {
            list.items.reverse();
        }
        answer(list)
    }

    pub(super) async fn follow_audit_events(
        &self,
        filter: AuditFilterRequest,
        position: Option<u64>,
        limit: Option<u32>,
    ) -> Answer {
        let limit = PageSize::ADMIN.check_limit(limit).map_err(ServiceError::from)?;
        let filter = self.resolve_filter(filter).await?;
        answer(audit_log::follow(self, &filter, position, limit).await?)
    }

    async fn resolve_filter(&self, request: AuditFilterRequest) -> Result<AuditEventFilter, AdminError> {
        let AuditFilterRequest { user, session, kinds, from, to } = request;
        let user = match user {
            Some(text) => Some(self.find_user_in_audit_log(&text).await?),
            None => None,
        };
        let session = session.as_deref().map(parse_session_id).transpose()?;
        let kinds = kinds.iter().map(|name| parse_kind(name)).collect::<Result<_, _>>()?;
        let [from, until] = [from, to].map(|time| time.map(Time::from_unix_seconds));
        Ok(AuditEventFilter { user, session, kinds, from, until, ..AuditEventFilter::default() })
    }
}

fn parse_kind(name: &str) -> Result<AuditEventKind, AdminError> {
    audit_log::parse_kind(name).ok_or_else(|| AdminError::new(format!("there is no event kind {name:?}")))
}
