//! A user's own sessions: lists and ends them.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::limits::write_rate::WriteLimit;
use crate::operations::error::OperationError;
use crate::operations::presented_session::PresentedSession;

/// A page of the live sessions of a user, newest first.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    user: UserId,
    page: Page<SessionCursor>,
    now: Time,
) -> Result<Vec<Session>, OperationError> {
    Ok(app.store.sessions_of(user, page, now).await?)
}

/// Ends one session of a user in the user's name. Returns whether it was one of this user. `current`, the session of the
/// request, has no limit: that is a logout.
///
/// # Errors
///
/// A rate limit; if the end is not durable.
pub(crate) async fn end_one(
    app: &App,
    current: PresentedSession,
    session: SessionId,
    client_info: ClientInfo,
    now: Time,
) -> Result<bool, OperationError> {
    let (user, limit) = (current.user, WriteLimit::SingleSessionEndsPerUser);
    if session == current.session {
        return Ok(app.revoker.end_own_session(user, session, &by_user(user, client_info), now).await?);
    }
    app.write_rate_limiter.check_act(limit, (current.session, user), now)?;
    let has_ended = app.revoker.end_own_session(user, session, &by_user(user, client_info), now).await?;
    app.write_rate_limiter.record_act(limit, (current.session, user), has_ended, now);
    Ok(has_ended)
}

/// Ends all sessions of the user of `current`, but for `except`, in the user's name. Returns their number.
///
/// # Errors
///
/// A rate limit; if the end is not durable.
pub(crate) async fn end_all(
    app: &App,
    current: PresentedSession,
    except: Option<SessionId>,
    client_info: ClientInfo,
    now: Time,
) -> Result<usize, OperationError> {
    let (user, limit) = (current.user, WriteLimit::SessionEndsPerUser);
    app.write_rate_limiter.check_act(limit, (current.session, user), now)?;
    let ended = app.revoker.end_user_sessions(user, except, &by_user(user, client_info), now).await?;
    app.write_rate_limiter.record_act(limit, (current.session, user), ended > 0, now);
    Ok(ended)
}

fn by_user(user: UserId, client_info: ClientInfo) -> RevocationContext {
    RevocationContext { actor: Actor::User(user), reason: EndReason::ByUser, client_info }
}
