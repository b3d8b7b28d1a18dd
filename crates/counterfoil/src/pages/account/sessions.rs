//! `/account/sessions`: where the user is signed in; ends one, the others, or all.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};

use counterfoil_core::model::session::{ClientInfo, Session};
use counterfoil_pages::view::{EndAllView, SessionsView};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_id;
use crate::http::redirect::{account_path, redirect_to_path};
use crate::http::set_cookie::SetCookies;
use crate::operations;
use crate::operations::pagination::{Pagination, session_cursor};
use crate::pages::account::events;
use crate::pages::account::session_items::session_item;
use crate::pages::flash::Flash;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::{page, with_flash};
use crate::pages::user::PageUser;

/// How many devices a page shows.
const DEVICES: u32 = 50;

/// How many of the latest events are beside the devices.
const EVENTS: u32 = 6;

/// Lists the devices: the same operation as `GET /v1/sessions`.
pub(in crate::pages) async fn list(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
    query: Query,
) -> Result<Response, AppError> {
    let (id, now) = (user.current.user, user.current.now);
    // A link with a cursor of another version shows the first page.
    let pagination =
        Pagination::new(query.get("after"), DEVICES).or_else(|_| Pagination::new(None, DEVICES))?;
    let mut sessions = operations::sessions::list(&app, id, pagination.to_page(), now).await?;
    let next = pagination.finish(&mut sessions, session_cursor);
    let current = user.current.session;
    let first = match query.get("after") {
        None => operations::sessions::find_one(&app, id, current, now).await?,
        Some(_) => None,
    };
    let others = sessions.iter().filter(|session| session.id != current);
    let items =
        first.iter().chain(others).map(|session: &Session| session_item(session, current, now)).collect();
    let (activity, _) = events::load(&app, id, None, &Pagination::new(None, EVENTS)?).await?;
    let password_change_required = user.user.password_change_required;
    let view = SessionsView { sessions: items, next, activity, password_change_required };
    page(&app, &request, &request.frame(&app, Some(user.name())), &view)
}

/// Ends one session: the same operation as `DELETE /v1/sessions/{id}`.
pub(in crate::pages) async fn end_one(
    State(app): State<App>,
    user: PageUser,
    client: ClientInfo,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    FormFields::read(request, &app, &[]).await?;
    let id: SessionId = path_id(&uri, 2)?;
    let (current, now) = (user.current.presented(), user.current.now);
    if !operations::sessions::end_one(&app, current, id, client, now).await? {
        return Err(AppError::NotFound);
    }
    let response = with_flash(&app, to_list(&app), Flash::EndedOne);
    let cookies = SetCookies::new(&app.parts.cookies);
    let is_current = id == current.session;
    let cookies = if is_current { cookies.clear_presented(&headers).clear_mark(&headers) } else { cookies };
    Ok((cookies, response).into_response())
}

/// Ends all sessions but this one: the same operation as `DELETE /v1/sessions`.
pub(in crate::pages) async fn end_others(
    State(app): State<App>,
    user: PageUser,
    client: ClientInfo,
    request: Request,
) -> Result<Response, AppError> {
    FormFields::read(request, &app, &[]).await?;
    let (current, now) = (user.current.presented(), user.current.now);
    let ended = operations::sessions::end_all(&app, current, Some(current.session), client, now).await?;
    Ok(with_flash(&app, to_list(&app), Flash::EndedOthers(ended as u64)))
}

/// Asks before all sessions are ended.
pub(in crate::pages) async fn ask_end_all(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
) -> Result<Response, AppError> {
    page(&app, &request, &request.frame(&app, Some(user.name())), &EndAllView {})
}

/// Ends all sessions: the same operation as `DELETE /v1/sessions?except=none`.
pub(in crate::pages) async fn end_all(
    State(app): State<App>,
    user: PageUser,
    client: ClientInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    FormFields::read(request, &app, &[]).await?;
    let (current, now) = (user.current.presented(), user.current.now);
    operations::sessions::end_all(&app, current, None, client, now).await?;
    let login = redirect_to_path(&format!("{}/login", app.settings().public_prefix()));
    let cookies = SetCookies::new(&app.parts.cookies).clear_presented(&headers).clear_mark(&headers);
    Ok((cookies, with_flash(&app, login, Flash::EndedAll)).into_response())
}

fn to_list(app: &App) -> Response {
    redirect_to_path(&format!("{}/sessions", account_path(app.settings())))
}
