//! A user's own sessions: lists and ends them.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::services::session_label;
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::limits::write_rate::WriteLimit;
use crate::operations::error::OperationError;
use crate::operations::presented_session::PresentedSession;
use crate::runtime::task::run_detached;

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
    Ok(app.parts.store.sessions_of(user, page, now).await?)
}

/// A live session of a user; `None` if it is not live, or is one of another user.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find_one(
    app: &App,
    user: UserId,
    session: SessionId,
    now: Time,
) -> Result<Option<Session>, OperationError> {
    let found = app.parts.store.session(session).await?;
    Ok(found.filter(|session| session.user == user && session.check_active(now).is_ok()))
}

/// Names the device of a live session of a user, or removes its name. `None` as [`find_one`].
///
/// # Errors
///
/// If the store fails.
pub(crate) async fn rename(
    app: &App,
    user: UserId,
    session: SessionId,
    label: Option<String>,
    now: Time,
) -> Result<Option<Session>, OperationError> {
    Ok(session_label::set(&*app.parts.store, user, session, label, now).await?)
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
    let detached = app.clone();
    let end = async move {
        let context = by_user(current.user, client_info);
        let has_ended = detached.parts.revoker.end_own_session(current.user, session, &context, now).await?;
        Ok(usize::from(has_ended))
    };
    if session == current.session {
        return Ok(end.await.map(|ended| ended > 0)?);
    }
    let ended = end_within(app, WriteLimit::SingleSessionEndsPerUser, current, now, end).await?;
    Ok(ended > 0)
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
    let detached = app.clone();
    let end = async move {
        let context = by_user(current.user, client_info);
        detached.parts.revoker.end_user_sessions(current.user, except, &context, now).await
    };
    end_within(app, WriteLimit::SessionEndsPerUser, current, now, end).await
}

/// Ends sessions within a limit. It completes even if the client disconnects: a client that does so could otherwise end
/// sessions uncounted.
async fn end_within(
    app: &App,
    limit: WriteLimit,
    PresentedSession { session, user }: PresentedSession,
    now: Time,
    end: impl Future<Output = Result<usize, ServiceError>> + Send + 'static,
) -> Result<usize, OperationError> {
    app.parts.write_rate_limiter.count_act(limit, (session, user), now)?;
    let app = app.clone();
    let ended = run_detached(async move {
        let ended = end.await;
        match &ended {
            Ok(0) => app.parts.write_rate_limiter.take_back_act(limit, user),
            Ok(_) => {}
            Err(_) => app.parts.write_rate_limiter.take_back_failed_act(limit, (session, user)),
        }
        ended
    });
    Ok(ended.await?)
}

fn by_user(user: UserId, client_info: ClientInfo) -> RevocationContext {
    RevocationContext { actor: Actor::User(user), reason: EndReason::ByUser, client_info }
}
