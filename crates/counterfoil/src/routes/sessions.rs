//! `/v1/sessions`: lists and ends the current user's own sessions.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::{ClientInfo, Mode, Session};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::set_cookie::SetCookies;
use crate::operations;
use crate::routes::pagination::{PageRequest, PageSize, parse_session_cursor, session_cursor};
use crate::routes::path_id::path_id;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, Unauthorized, Unavailable,
};
use crate::routes::query_parameters::QueryParameters;
use crate::routes::responses::ModeSchema;

/// A session in a user's own list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionRow {
    id: String,
    #[schema(value_type = ModeSchema)]
    mode: Mode,
    client_id: String,
    /// The user's name for the device, or null.
    label: Option<String>,
    /// The client IP that was last seen, or null.
    ip: Option<String>,
    user_agent: Option<String>,
    /// Unix seconds.
    created_at: u64,
    /// Unix seconds, to the minute.
    seen_at: u64,
    /// Unix seconds: the expiry if the session is not used.
    idle_expires_at: u64,
    /// Unix seconds: the absolute expiry.
    expires_at: u64,
    /// Whether it is the session of this request.
    current: bool,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionRow>,
    /// The value of `after` for the next page, or null at the end.
    next: Option<String>,
}

/// The result of ending sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevokedCount {
    /// How many sessions were ended.
    revoked: usize,
}

/// Lists the live sessions of the current user, newest first.
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
    let page = PageRequest::new(&query, PageSize::USER, parse_session_cursor)?;
    let CurrentUser { user, session: current, now, .. } = current_user;
    let mut sessions = operations::sessions::list(&app, user, page.to_page(), now).await?;
    let next = page.finish(&mut sessions, session_cursor);
    let sessions = sessions.into_iter().map(|session| SessionRow::new(session, current)).collect();
    Ok(Json(SessionList { sessions, next }))
}

/// Ends one session of the current user.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", operation_id = "end_session", tag = "protected",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a session of the current user")),
    responses(
        (status = 204, description = "Ended"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(super) async fn end_one(
    State(app): State<App>,
    current_user: CurrentUser,
    client: ClientInfo,
    uri: Uri,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AppError> {
    current_user.check_account_access()?;
    let id: SessionId = path_id(&uri, 2)?;
    let CurrentUser { user, now, .. } = current_user;
    if !operations::sessions::end_one(&app, user, id, client, now).await? {
        return Err(AppError::NotFound);
    }
    let cookies = SetCookies::new(&app.cookies);
    let is_current = id == current_user.session;
    let cookies = if is_current { cookies.clear_presented(&headers) } else { cookies };
    Ok((StatusCode::NO_CONTENT, cookies, ()))
}

/// Ends all sessions of the current user, by default except the one of this request.
#[utoipa::path(
    delete, path = "/v1/sessions", operation_id = "end_sessions",
    tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("except" = Option<String>, Query, description = "`current` (default) or `none`")),
    responses(
        (status = 200, description = "Ended", body = RevokedCount),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(super) async fn end_all(
    State(app): State<App>,
    current_user: CurrentUser,
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
    let CurrentUser { user, now, .. } = current_user;
    let revoked = operations::sessions::end_all(&app, user, except, client, now).await?;
    let cookies = SetCookies::new(&app.cookies);
    let cookies = if except.is_none() { cookies.clear_presented(&headers) } else { cookies };
    Ok((cookies, Json(RevokedCount { revoked })))
}

impl SessionRow {
    fn new(session: Session, current: SessionId) -> Self {
        let idle_expires_at = session.ends_at().unix_seconds();
        Self {
            id: session.id.to_string(),
            mode: session.mode(),
            client_id: session.client.to_string(),
            ip: session.client_info.ip.map(|ip| ip.to_string()),
            user_agent: session.client_info.user_agent,
            label: session.label,
            created_at: session.authenticated_at.unix_seconds(),
            seen_at: session.seen_at.unix_seconds(),
            idle_expires_at,
            expires_at: session.expires_at.unix_seconds(),
            current: session.id == current,
        }
    }
}
