//! `/admin/sessions`: live sessions of all users; ends one.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri};

use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::store::SessionQuery;
use counterfoil_pages::view::console::{Pager, SessionFilter, SessionsPageView};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::path::path_id;
use crate::http::set_cookie::SetCookies;
use crate::operations::admin::sessions;
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::filter::{parse, text, user, with_query};
use crate::pages::console::response::{answer_error, changed, console_path, show};
use crate::pages::console::rows::session_row;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// How many sessions a page shows.
const SESSIONS: u32 = 50;

/// Lists sessions: the same operation as `GET /v1/admin/sessions`.
pub(in crate::pages) async fn list(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let mut view = SessionsPageView {
        filter: SessionFilter {
            user: text(&query, "user"),
            ip: text(&query, "ip"),
            mode: text(&query, "mode"),
        },
        sessions: Vec::new(),
        pages: Pager::default(),
        error: None,
    };
    match fill(&app, &query, &administrator, &mut view).await {
        Ok(()) => show(&app, &request, &administrator, &view),
        Err(error) => {
            let with_error = |text| SessionsPageView { error: Some(text), ..view };
            Ok(answer_error((&app, &request, &administrator), error, with_error))
        }
    }
}

async fn fill(
    app: &App,
    query: &Query,
    administrator: &ConsoleAdministrator,
    view: &mut SessionsPageView,
) -> Result<(), AppError> {
    let user = user(app, query).await?;
    let ip: Option<IpAddr> = parse(query, "ip", "an IP address")?;
    let unknown_mode = || AppError::field("mode", "must be `session`, `jwt` or `hybrid`");
    let mode = query.get("mode").map(|name| Mode::from_name(name).ok_or_else(unknown_mode)).transpose()?;
    let page = Pagination::new(query.get("after"), SESSIONS)?;
    let filter = SessionQuery { user, ip, mode };
    let list = sessions::list_all(app, filter, page, administrator.current.now).await?;
    let current = administrator.current.session;
    let row = |item: &crate::operations::admin::views::session::AdminSessionView| {
        session_row(&item.session, &item.user, item.username.clone(), current)
    };
    view.sessions = list.items.iter().map(row).collect();
    let page_after = |cursor: String| {
        let filter = &view.filter;
        let pairs = [("user", &filter.user), ("ip", &filter.ip), ("mode", &filter.mode), ("after", &cursor)];
        with_query(&console_path(app, "/sessions"), &pairs)
    };
    let first = query.get("after").map(|_| page_after(String::new()));
    view.pages = Pager { first, next: list.next.map(page_after), ..Pager::default() };
    Ok(())
}

/// Ends a session: the same operation as a revocation of `session:<id>`. The administrator's own one is ended too.
pub(in crate::pages) async fn end_one(
    State(app): State<App>,
    administrator: ConsoleAdministrator,
    client: ClientInfo,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let id: SessionId = path_id(&uri, 2)?;
    let session = app.parts.store.session(id).await?.ok_or(AppError::NotFound)?;
    let context = administrator.context(client);
    sessions::end_one(&app, id, &context, administrator.current.now).await?.ok_or(AppError::NotFound)?;
    let response = changed(&app, &format!("/users/{}", session.user));
    if id != administrator.current.session {
        return Ok(response);
    }
    let cookies = SetCookies::new(&app.parts.cookies).clear_presented(&headers).clear_mark(&headers);
    Ok((cookies, response).into_response())
}
