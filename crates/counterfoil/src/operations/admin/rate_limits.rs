//! What the rate limits count for an account, for a client IP, or for both; and its reset.

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::User;
use counterfoil_core::services::login_lookup::resolve_login_name;
use counterfoil_core::services::login_rate_limiter::{CounterScope, client_ip_key};
use counterfoil_core::store::{AuditEventQuery, Page};
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::operations::admin::responses::RateLimitsResponse;
use crate::operations::admin::views::account_counter::AccountCounterView;
use crate::operations::error::OperationError;

/// How many events of a user are searched for the client IPs of failures, and how many of these IPs are used.
const MAX_EVENTS: u32 = 200;
const MAX_CLIENT_IPS: usize = 20;

/// How long failures are counted: the window of the longest limit by default.
const FAILURE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The most sessions of a user whose refreshes are released.
const MAX_SESSIONS: u32 = 1000;

/// Whose counters are shown or released.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateLimitTarget {
    /// A login name, whether or not such a user exists.
    pub(crate) username: Option<String>,
    /// A client IP.
    pub(crate) client_ip: Option<IpAddr>,
}

/// The counters of a target.
struct Counters {
    scope: CounterScope,
    user: Option<User>,
}

/// What is counted for the target. For an account alone, this includes what is counted for it from the client IPs of its
/// recent failures in the audit log: other IPs cannot be found, since the names of counters are keyed hashes.
///
/// # Errors
///
/// If neither a name nor an IP is given, or the store cannot be read.
pub(crate) async fn show(
    app: &App,
    target: &RateLimitTarget,
    now: Time,
) -> Result<RateLimitsResponse, OperationError> {
    let Counters { scope, user } = find(app, target, now).await?;
    let logins = app.parts.accounts.counters_in(&scope, now).await?;
    let writes =
        app.parts.write_rate_limiter.counters_of(user.as_ref().map(|user| user.id), target.client_ip, now);
    let writes = writes.iter().map(AccountCounterView::from_write_counter);
    let rate_limits = logins.iter().map(AccountCounterView::from_login_counter).chain(writes).collect();
    Ok(RateLimitsResponse { rate_limits })
}

/// Forgets what [`show`] shows, and records it in the audit log.
///
/// # Errors
///
/// As [`show`], or if the change is not durable.
pub(crate) async fn release(
    app: &App,
    target: &RateLimitTarget,
    actor: Actor,
    client: &ClientInfo,
    now: Time,
) -> Result<(), OperationError> {
    let Counters { scope, user } = find(app, target, now).await?;
    app.parts.accounts.release_counters(&scope, actor, client, now).await?;
    let sessions = match &user {
        Some(user) => active_sessions(app, user, now).await?,
        None => Vec::new(),
    };
    let user = user.map(|user| user.id);
    app.parts.write_rate_limiter.forget(user, &sessions, target.client_ip);
    Ok(())
}

async fn find(app: &App, target: &RateLimitTarget, now: Time) -> Result<Counters, OperationError> {
    let whole_client_ip = target.client_ip;
    let Some(name) = &target.username else {
        if whole_client_ip.is_none() {
            let detail = "must have `username`, `ip`, or both".to_owned();
            return Err(ClientError::Field { field: "query", detail }.into());
        }
        return Ok(Counters {
            scope: CounterScope { whole_client_ip, ..CounterScope::default() },
            user: None,
        });
    };
    let too_long = || ClientError::Field { field: "username", detail: "is longer than any name".to_owned() };
    let login = resolve_login_name(&*app.parts.store, name).await?.ok_or_else(too_long)?;
    let user = app.parts.store.user_by_login(&login).await?;
    let mut scope = user.as_ref().map(CounterScope::of_user).unwrap_or_default();
    if !scope.login_names.iter().any(|name| name == login.as_str()) {
        scope.login_names.push(login.as_str().to_owned());
    }
    scope.whole_client_ip = whole_client_ip;
    scope.client_ips = match (whole_client_ip, &user) {
        (Some(ip), _) => vec![ip],
        (None, Some(user)) => recent_client_ips(app, user, now).await?,
        (None, None) => Vec::new(),
    };
    Ok(Counters { scope, user })
}

/// The client IPs of recent failures of the user, each network once, the newest first.
async fn recent_client_ips(app: &App, user: &User, now: Time) -> Result<Vec<IpAddr>, OperationError> {
    let query = AuditEventQuery { user: Some(user.id), limit: MAX_EVENTS, ..AuditEventQuery::default() };
    let events = app.parts.store.audit_events(&query).await?;
    let failures = events.rows.into_iter().map(|(_, event)| event).filter(|event| {
        matches!(event.kind, AuditEventKind::LoginFailed | AuditEventKind::PasswordChangeFailed)
            && event.at + FAILURE_WINDOW > now
    });
    let prefix = app.settings().rate_limits.ipv6_prefix;
    let mut ips: Vec<IpAddr> = Vec::new();
    for ip in failures.filter_map(|event| event.client_info.ip) {
        let is_known = ips.iter().any(|known| client_ip_key(*known, prefix) == client_ip_key(ip, prefix));
        if !is_known && ips.len() < MAX_CLIENT_IPS {
            ips.push(ip);
        }
    }
    Ok(ips)
}

async fn active_sessions(app: &App, user: &User, now: Time) -> Result<Vec<SessionId>, OperationError> {
    let page = Page { after: None, limit: MAX_SESSIONS };
    let sessions = app.parts.store.sessions_of(user.id, page, now).await?;
    Ok(sessions.into_iter().map(|session| session.id).collect())
}
