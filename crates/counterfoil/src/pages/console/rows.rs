//! Records as rows of the console.

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::Mode;
use counterfoil_pages::view::console::{CounterRow, EventRow, SessionRow, UserRow};
use counterfoil_pages::view::{self, Tone};
use counterfoil_pages::{Device, Moment};
use counterfoil_verify::SessionId;

use crate::operations::admin::views::AuditEventView;
use crate::operations::admin::views::account_counter::AccountCounterView;
use crate::operations::admin::views::user::AdminUserView;
use crate::operations::views::SessionView;

pub(super) fn user_row(user: &AdminUserView) -> UserRow {
    let AdminUserView { user, disabled_at } = user;
    UserRow {
        id: user.id.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        roles: user.roles.clone(),
        is_disabled: disabled_at.is_some(),
        created: Moment::from_unix_seconds(user.created_at),
    }
}

/// A live session of this user, in a console that is opened in the session `current`.
pub(super) fn session_row(
    session: &SessionView,
    user: &str,
    username: Option<String>,
    current: SessionId,
) -> SessionRow {
    SessionRow {
        id: session.id.clone(),
        user: user.to_owned(),
        username,
        device: Device::new(session.label.as_deref(), session.user_agent.as_deref()),
        mode: match session.mode {
            Mode::Session => view::Mode::Session,
            Mode::Jwt => view::Mode::Jwt,
            Mode::Hybrid => view::Mode::Hybrid,
        },
        client: session.client_id.clone(),
        ip: session.ip.clone(),
        signed_in: Moment::from_unix_seconds(session.created_at),
        seen: Moment::from_unix_seconds(session.seen_at),
        end: Moment::from_unix_seconds(session.expires_at),
        is_current: session.id == current.to_string(),
    }
}

pub(super) fn event_row(event: &AuditEventView) -> EventRow {
    EventRow {
        at: Moment::from_unix_seconds(event.at),
        text: event.text.clone(),
        kind: event.kind.clone(),
        tone: AuditEventKind::from_name(&event.kind).map_or(Tone::Plain, tone),
        user: event.user.clone(),
        username: event.username.clone(),
        session: event.session.clone(),
        actor: match &event.actor_name {
            Some(name) => name.clone(),
            None => event.actor.clone(),
        },
        ip: event.ip.clone(),
        reason: event.reason.clone(),
        detail: event.detail.clone(),
    }
}

fn tone(kind: AuditEventKind) -> Tone {
    match kind {
        AuditEventKind::RefreshReuseDetected
        | AuditEventKind::KeyRevoked
        | AuditEventKind::EveryoneRevoked => Tone::Bad,
        AuditEventKind::LoginFailed
        | AuditEventKind::PasswordChangeFailed
        | AuditEventKind::UserDisabled
        | AuditEventKind::UserDeleted
        | AuditEventKind::UserRevoked
        | AuditEventKind::ClientRevoked
        | AuditEventKind::TokenRevoked
        | AuditEventKind::Restored => Tone::Warn,
        AuditEventKind::LoginSucceeded => Tone::Good,
        // `AuditEventKind` is `non_exhaustive`, and the other kinds are usual.
        _ => Tone::Plain,
    }
}

pub(super) fn counter_row(counter: &AccountCounterView) -> CounterRow {
    let names = [counter.login_name.as_deref(), counter.client_ip.as_deref()];
    let scope = names.into_iter().flatten().collect::<Vec<_>>().join(", from ");
    CounterRow {
        event: counter.event.clone(),
        scope: if scope.is_empty() { "the user".to_owned() } else { scope },
        count: counter.count,
        max: counter.max,
        window: counter.window,
        blocked_until: counter.blocked_until.map(Moment::from_unix_seconds),
    }
}
