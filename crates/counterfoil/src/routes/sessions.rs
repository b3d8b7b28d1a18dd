//! `/v1/sessions`: lists and ends the current user's own sessions.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use counterfoil_core::model::session::{ClientInfo, Session};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::current_user::{AccountOwner, CurrentUser};
use crate::http::error::AppError;
use crate::http::json_body::PatchBody;
use crate::http::path::path_id;
use crate::http::set_cookie::SetCookies;
use crate::operations;
use crate::operations::label::validate_label;
use crate::operations::pagination::{PageSize, session_cursor};
use crate::operations::presented_session::PresentedSession;
use crate::operations::views::{RevokedResponse, SessionList, SessionView};
use crate::routes::problem_responses::{
    AccountForbidden, BadRequest, InvalidFields, NotFound, RequestTimeout, TooLarge, TooManyRequests,
    Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// Lists the live sessions of the current user in all modes, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", operation_id = "list_sessions",
    tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100 rows; by default 50"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Live sessions", body = SessionList),
        BadRequest, Unauthorized, InvalidFields, Unavailable,
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    current_user: CurrentUser,
    query: QueryParameters,
) -> Result<Json<SessionList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    let page = query.page(PageSize::USER)?;
    let CurrentUser { user, session: current, now, .. } = current_user;
    let mut sessions = operations::sessions::list(&app, user, page.to_page(), now).await?;
    let next = page.finish(&mut sessions, session_cursor);
    let mut list = SessionList::new(&sessions, next);
    for (view, session) in list.items.iter_mut().zip(&sessions) {
        view.current = Some(session.id == current);
    }
    Ok(Json(list))
}

/// Returns one live session of the current user.
///
/// A session of another user is answered as one that does not exist.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", operation_id = "session", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a session of the current user")),
    responses(
        (status = 200, description = "The session", body = SessionView),
        BadRequest, Unauthorized, NotFound, Unavailable,
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    current_user: CurrentUser,
    uri: Uri,
) -> Result<Json<SessionView>, AppError> {
    let CurrentUser { user, session: current, now, .. } = current_user;
    let session = operations::sessions::find_one(&app, user, path_id(&uri, 2)?, now).await?;
    Ok(Json(view_of(&session.ok_or(AppError::NotFound)?, current)))
}

/// The changes of a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionChangeRequest {
    /// The user's name for the device: at most 64 characters; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, required)]
    label: Option<Option<String>>,
}

/// Names the device of one live session of the current user.
///
/// A session of another user is answered as one that does not exist.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", operation_id = "rename_session", tag = "protected",
    request_body = SessionChangeRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a session of the current user")),
    responses(
        (status = 200, description = "The session", body = SessionView),
        BadRequest, Unauthorized, AccountForbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType,
        InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn rename(
    State(app): State<App>,
    current_user: CurrentUser,
    uri: Uri,
    PatchBody(request): PatchBody<SessionChangeRequest>,
) -> Result<Json<SessionView>, AppError> {
    current_user.check_account_access()?;
    let id: SessionId = path_id(&uri, 2)?;
    let label = request.label.ok_or_else(|| AppError::field("label", "must be a name, or null"))?;
    let label = label.as_deref().map(validate_label).transpose()?.flatten();
    let CurrentUser { user, session: current, now, .. } = current_user;
    let session = operations::sessions::rename(&app, user, id, label, now).await?;
    Ok(Json(view_of(&session.ok_or(AppError::NotFound)?, current)))
}

/// A member that is present, with null as a value of its own.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn view_of(session: &Session, current: SessionId) -> SessionView {
    let mut view = SessionView::from(session);
    view.current = Some(session.id == current);
    view
}

/// Ends one session of the current user.
///
/// All its tokens are refused from now on. A session of another user is answered as one that does not exist.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", operation_id = "end_session", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a session of the current user")),
    responses(
        (status = 204, description = "The session is ended"),
        BadRequest, Unauthorized, AccountForbidden, NotFound, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn end_one(
    State(app): State<App>,
    AccountOwner(current_user): AccountOwner,
    client: ClientInfo,
    uri: Uri,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AppError> {
    current_user.check_account_access()?;
    let id: SessionId = path_id(&uri, 2)?;
    let CurrentUser { user, session, now, .. } = current_user;
    if !operations::sessions::end_one(&app, PresentedSession { session, user }, id, client, now).await? {
        return Err(AppError::NotFound);
    }
    let cookies = SetCookies::new(&app.parts.cookies);
    let is_current = id == session;
    let cookies = if is_current { cookies.clear_presented(&headers) } else { cookies };
    Ok((StatusCode::NO_CONTENT, cookies, ()))
}

/// Ends all sessions of the current user, by default except the one of this request.
#[utoipa::path(
    delete, path = "/v1/sessions", operation_id = "end_sessions",
    tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("except" = Option<String>, Query, description = "Which session stays: `current` (the default) is that of the request, `none` ends it too")),
    responses(
        (status = 200, description = "The sessions are ended", body = RevokedResponse),
        BadRequest, Unauthorized, AccountForbidden, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn end_all(
    State(app): State<App>,
    AccountOwner(current_user): AccountOwner,
    client: ClientInfo,
    query: QueryParameters,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AppError> {
    current_user.check_account_access()?;
    query.allow_only(&["except"])?;
    let except = match query.get("except")? {
        None | Some("current") => Some(current_user.session),
        Some("none") => None,
        Some(_) => return Err(AppError::field("except", "must be `current` or `none`")),
    };
    let CurrentUser { user, session, now, .. } = current_user;
    let current = PresentedSession { session, user };
    let revoked = operations::sessions::end_all(&app, current, except, client, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies);
    let cookies = if except.is_none() { cookies.clear_presented(&headers) } else { cookies };
    Ok((cookies, Json(RevokedResponse::new(revoked))))
}
