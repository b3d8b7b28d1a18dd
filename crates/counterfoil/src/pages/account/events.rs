//! The audit events of a user, as sentences.

use std::collections::BTreeMap;

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::store::AuditEventNumber;
use counterfoil_pages::view::{ActivityItem, Tone};
use counterfoil_pages::{Device, Moment};
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::activity::{self, ActivityEventView};
use crate::operations::pagination::Pagination;

/// A page of events and the cursor of the next one, all or those of one session: the same operation as `GET /v1/activity`.
///
/// # Errors
///
/// If the store cannot be read.
pub(super) async fn load(
    app: &App,
    user: UserId,
    session: Option<SessionId>,
    page: &Pagination<AuditEventNumber>,
) -> Result<(Vec<ActivityItem>, Option<String>), AppError> {
    let (events, next) = activity::events(app, user, session, page).await?;
    let labels = labels(app, &events).await?;
    let items = events.iter().map(|(number, event)| {
        // What identifies an administrator is not in the view.
        let view = ActivityEventView::new(*number, event, user);
        let label = event.session.and_then(|id| labels.get(&id)).map(String::as_str);
        let (sentence, tone) = sentence(event);
        ActivityItem {
            sentence,
            tone,
            device: Device::new(label, view.user_agent.as_deref()),
            place: view.ip,
            count: 1,
            at: Moment::from_unix_seconds(view.at),
            session: view.session,
        }
    });
    Ok((items.collect(), next))
}

/// The names of the devices of these events, as far as their sessions are still stored.
async fn labels(
    app: &App,
    events: &[(AuditEventNumber, AuditEvent)],
) -> Result<BTreeMap<SessionId, String>, AppError> {
    let mut labels = BTreeMap::new();
    for id in events.iter().filter_map(|(_, event)| event.session) {
        if labels.contains_key(&id) {
            continue;
        }
        if let Some(label) = app.parts.store.session(id).await?.and_then(|session| session.label) {
            labels.insert(id, label);
        }
    }
    Ok(labels)
}

fn sentence(event: &AuditEvent) -> (&'static str, Tone) {
    match event.kind {
        AuditEventKind::UserRegistered => ("event-registered", Tone::Plain),
        AuditEventKind::LoginSucceeded => ("event-login", Tone::Good),
        AuditEventKind::LoginFailed => ("event-login-failed", Tone::Warn),
        AuditEventKind::RefreshRetried => ("event-refresh-retried", Tone::Plain),
        AuditEventKind::RefreshReuseDetected => ("event-reuse", Tone::Bad),
        AuditEventKind::SessionEnded | AuditEventKind::SessionsEnded | AuditEventKind::SessionExpired => {
            event.reason.map_or(("event-revoked", Tone::Warn), ended)
        }
        AuditEventKind::TokenExchanged => ("event-token-exchanged", Tone::Plain),
        AuditEventKind::PasswordChanged => ("event-password-changed", Tone::Warn),
        AuditEventKind::PasswordChangeFailed => ("event-password-failed", Tone::Warn),
        AuditEventKind::RolesChanged => ("event-roles-changed", Tone::Warn),
        AuditEventKind::UserDisabled | AuditEventKind::UserDeleted => ("event-disabled", Tone::Warn),
        AuditEventKind::UserEnabled => ("event-enabled", Tone::Plain),
        AuditEventKind::EmailChanged | AuditEventKind::ExternalIdChanged => {
            ("event-user-changed", Tone::Warn)
        }
        AuditEventKind::UserRevoked
        | AuditEventKind::TokenRevoked
        | AuditEventKind::ClientRevoked
        | AuditEventKind::EveryoneRevoked
        | AuditEventKind::Restored
        | AuditEventKind::KeyRevoked => ("event-revoked", Tone::Warn),
        // `AuditEventKind` is `non_exhaustive`, and the other kinds are not about one user.
        _ => ("event-other", Tone::Plain),
    }
}

const fn ended(reason: EndReason) -> (&'static str, Tone) {
    match reason {
        EndReason::Logout => ("event-logout", Tone::Good),
        EndReason::ByUser => ("event-ended-by-user", Tone::Good),
        EndReason::ByAdmin => ("event-ended-by-admin", Tone::Warn),
        EndReason::RefreshReuseDetected => ("event-ended-reuse", Tone::Bad),
        EndReason::Replaced => ("event-ended-replaced", Tone::Plain),
        EndReason::SessionLimit => ("event-ended-limit", Tone::Plain),
        EndReason::PasswordChanged => ("event-ended-password", Tone::Warn),
        EndReason::UserDisabled => ("event-ended-disabled", Tone::Warn),
        EndReason::UserChanged => ("event-ended-user-changed", Tone::Warn),
        EndReason::RolesChanged => ("event-ended-roles", Tone::Warn),
        EndReason::KeyCompromised => ("event-ended-key", Tone::Warn),
        EndReason::Restored => ("event-ended-restored", Tone::Warn),
        EndReason::Idle => ("event-expired-idle", Tone::Plain),
        EndReason::Absolute => ("event-expired-absolute", Tone::Plain),
        // `EndReason` is `non_exhaustive`.
        _ => ("event-revoked", Tone::Warn),
    }
}
