//! The JSON of records for administrators, the same over HTTP and at the command line: one file for each kind, and here that of
//! the audit log.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::audit_event::Actor;

use crate::operations::admin::event_names::EventNames;
use crate::operations::audit_log::NumberedEvent;
use crate::operations::pagination::{ListItem, ListResponse};

pub(crate) mod account_counter;
pub(crate) mod admin_key;
pub(crate) mod client;
pub(crate) mod key;
pub(crate) mod node;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod verifier;
pub(crate) mod verifier_key;

/// An audit event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEvent)]
#[non_exhaustive]
pub struct AuditEventView {
    /// Increases with each event.
    pub number: u64,
    /// Unix seconds.
    pub at: u64,
    /// The kind of the event.
    pub kind: String,
    /// The kind as a sentence.
    pub text: String,
    /// The id of the user, or null.
    pub user: Option<String>,
    /// The present name of the user, or null if the event has no user or the user was deleted.
    pub username: Option<String>,
    /// The session, or null.
    pub session: Option<String>,
    /// The client application, or null.
    pub client_id: Option<String>,
    /// Who caused it: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
    pub actor: String,
    /// The present name of the user or the admin key that caused it, or null.
    pub actor_name: Option<String>,
    /// The end reason, if a session ended.
    pub reason: Option<String>,
    /// The client IP, or null.
    pub ip: Option<String>,
    /// The user agent, or null.
    pub user_agent: Option<String>,
    /// More about it, or null.
    pub detail: Option<String>,
}

impl AuditEventView {
    pub(crate) fn new((number, event): &NumberedEvent, names: &EventNames) -> Self {
        Self {
            number: *number,
            at: event.at.unix_seconds(),
            kind: event.kind.as_str().to_owned(),
            text: event.kind.description().to_owned(),
            user: event.user.map(|id| id.to_string()),
            username: event.user.and_then(|id| names.user(id)),
            session: event.session.map(|id| id.to_string()),
            client_id: event.client.as_ref().map(|id| id.to_string()),
            actor: actor_id(&event.actor),
            actor_name: names.actor(&event.actor),
            reason: event.reason.map(|reason| reason.as_str().to_owned()),
            ip: event.client_info.ip.map(|ip| ip.to_string()),
            user_agent: event.client_info.user_agent.clone(),
            detail: event.detail.as_ref().map(|text| text.to_string()),
        }
    }
}

/// The actor as text: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
pub(crate) fn actor_id(actor: &Actor) -> String {
    match actor {
        Actor::Anonymous => "anonymous".to_owned(),
        Actor::User(id) => format!("user:{id}"),
        Actor::AdminKey(id) => format!("admin_key:{id}"),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
    }
}

/// A page of the audit log.
pub(crate) type EventList = ListResponse<AuditEventView>;

impl ListItem for AuditEventView {
    const MEMBER: &'static str = "events";
    const SCHEMA: &'static str = "EventList";
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
