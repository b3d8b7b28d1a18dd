//! A user's own sessions: lists and ends them.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
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

/// Ends one session of the current user in the user's name. Returns whether it was one of this user.
///
/// # Errors
///
/// If the end is not durable; a rate limit, if it is another session than the current one.
pub(crate) async fn end_one(
    app: &App,
    PresentedSession { session: current, user }: PresentedSession,
    session: SessionId,
    client_info: ClientInfo,
    now: Time,
) -> Result<bool, OperationError> {
    let context = by_user(user, client_info);
    let ended = if session == current {
        app.revoker.end_own_session(user, session, &context, now).await
    } else {
        app.revoker.end_other_session(user, session, &context, now).await
    };
    app.metrics.session_ends.count(ended.map_err(OperationError::from))
}

/// Ends all sessions of a user, but for `except`, in the user's name. Returns their number.
///
/// # Errors
///
/// If the end is not durable; a rate limit.
pub(crate) async fn end_all(
    app: &App,
    user: UserId,
    except: Option<SessionId>,
    client_info: ClientInfo,
    now: Time,
) -> Result<usize, OperationError> {
    let ended = app.revoker.end_own_sessions(user, except, &by_user(user, client_info), now).await;
    app.metrics.session_ends.count(ended.map_err(OperationError::from))
}

fn by_user(user: UserId, client_info: ClientInfo) -> RevocationContext {
    RevocationContext { actor: Actor::User(user), reason: EndReason::ByUser, client_info }
}
