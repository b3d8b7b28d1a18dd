//! Administration of sessions.

use counterfoil_core::model::session::Session;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{SessionCursor, SessionQuery};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::operations::admin::event_names::usernames;
use crate::operations::admin::views::session::AdminSessionView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{Cursor as _, ListResponse, Pagination, session_cursor};
use crate::operations::sessions;
use crate::operations::views::{RevokedResponse, SessionView};

/// Lists the live sessions of a user, newest first.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    user: UserId,
    page: Pagination<SessionCursor>,
    now: Time,
) -> Result<ListResponse<SessionView>, OperationError> {
    let mut sessions = sessions::list(app, user, page.to_page(), now).await?;
    let next = page.finish(&mut sessions, session_cursor);
    Ok(ListResponse::new(&sessions, next))
}

/// Lists the live sessions of all users that match `filter`, newest first.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list_all(
    app: &App,
    filter: SessionQuery,
    page: Pagination<SessionCursor>,
    now: Time,
) -> Result<ListResponse<AdminSessionView>, OperationError> {
    let (mut sessions, stopped_at) = page.read(|page| app.parts.store.sessions(&filter, page, now)).await?;
    let next = page.finish(&mut sessions, session_cursor);
    let next = next.or_else(|| stopped_at.map(|cursor| cursor.to_text()));
    let names = usernames(app, sessions.iter().map(|session| session.user).collect()).await?;
    let view = |session: &Session| AdminSessionView::new(session, names.get(&session.user).cloned());
    Ok(ListResponse { items: sessions.iter().map(view).collect(), next })
}

/// Ends a session. `None` if there is no such session; 0 if it had ended before.
///
/// # Errors
///
/// If the end is not durable.
pub(crate) async fn end_one(
    app: &App,
    id: SessionId,
    context: &RevocationContext,
    now: Time,
) -> Result<Option<RevokedResponse>, OperationError> {
    if app.parts.store.session(id).await?.is_none() {
        return Ok(None);
    }
    let ended = app.parts.revoker.end_session(id, context, now).await?;
    Ok(Some(RevokedResponse::new(usize::from(ended))))
}

/// Ends all sessions of a user.
///
/// # Errors
///
/// If the end is not durable.
pub(crate) async fn end_all(
    app: &App,
    user: UserId,
    context: &RevocationContext,
    now: Time,
) -> Result<RevokedResponse, OperationError> {
    Ok(RevokedResponse::new(app.parts.revoker.end_user_sessions(user, None, context, now).await?))
}
