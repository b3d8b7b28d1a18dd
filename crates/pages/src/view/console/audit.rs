//! The audit log.

use serde::Serialize;

use crate::moment::Moment;
use crate::view::console::Pager;
use crate::view::{Tone, View};

/// An audit event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// When it happened.
    pub at: Moment,
    /// The kind as a sentence.
    pub text: String,
    /// The kind.
    pub kind: String,
    /// How grave it is.
    pub tone: Tone,
    /// The id of the user.
    pub user: Option<String>,
    /// The name of the user.
    pub username: Option<String>,
    /// The id of the session.
    pub session: Option<String>,
    /// Who caused it.
    pub actor: String,
    /// The address.
    pub ip: Option<String>,
    /// Why a session ended.
    pub reason: Option<String>,
    /// More about it.
    pub detail: Option<String>,
}

/// The newest audit events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditPart {
    /// The events, newest first.
    pub events: Vec<EventRow>,
}

impl View for AuditPart {
    const TEMPLATE: &'static str = "console/live/audit.html";
}

/// Which events are shown, as it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditFilter {
    /// A kind.
    pub kind: String,
    /// The id of a user.
    pub user: String,
    /// The id of a session.
    pub session: String,
    /// The first time.
    pub from: String,
    /// The time after the last one.
    pub to: String,
    /// Who caused it, as `user:ID`.
    pub actor: String,
    /// An address.
    pub ip: String,
}

/// A page of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditView {
    /// Which events are shown.
    pub filter: AuditFilter,
    /// Every kind.
    pub kinds: Vec<&'static str>,
    /// The events, newest first.
    pub events: Vec<EventRow>,
    /// The number of the event at which the search has stopped, if it has before the page was full.
    pub stopped_at: Option<String>,
    /// The neighbouring pages.
    pub pages: Pager,
    /// The path of the same events as a file.
    pub export: String,
    /// What is wrong with the filter.
    pub error: Option<String>,
}

impl View for AuditView {
    const TEMPLATE: &'static str = "console/audit.html";
}
