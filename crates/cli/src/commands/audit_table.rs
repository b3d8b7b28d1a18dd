//! The table of audit events: names in place of ids, and kinds and reasons in words.

use counterfoil::operator::AuditEventView;

use crate::table::{Column, cell, rfc3339};

/// The columns of the table of events. The session is in `--json`, if there is no room for it.
pub(crate) fn columns() -> [Column; 8] {
    [
        "time".into(),
        "event".into(),
        "reason".into(),
        Column::cut("user"),
        Column::cut("actor").optional(2),
        "ip".into(),
        Column::from("session").optional(1),
        Column::cut("detail"),
    ]
}

/// The row of an event.
pub(crate) fn row(event: &AuditEventView) -> [String; 8] {
    [
        rfc3339(event.at),
        words(&event.kind),
        words(&cell(event.reason.as_ref())),
        cell(event.username.as_ref().or(event.user.as_ref())),
        actor(event),
        cell(event.ip.as_ref()),
        cell(event.session.as_ref()),
        cell(event.detail.as_ref()),
    ]
}

/// The words of a name: `login failed` for `login_failed`.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Who caused an event: a username, an admin key by its name, or `operator`, `system` and `anonymous`.
fn actor(event: &AuditEventView) -> String {
    let (kind, id) = event.actor.split_once(':').unwrap_or((&event.actor, ""));
    let name = event.actor_name.as_deref().unwrap_or(id);
    match kind {
        "user" => name.to_owned(),
        "admin_key" => format!("key {name}"),
        other => other.to_owned(),
    }
}
