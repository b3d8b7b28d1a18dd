//! `/admin/sessions`: live sessions of all users; ends one.

use std::net::IpAddr;

use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;

use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::store::SessionQuery;
use counterfoil_pages::view::console::{Pager, SessionFilter, SessionsPageView};
use counterfoil_verify::SessionId;

use crate::http::error::AppError;
use crate::http::path::path_id;
use crate::http::set_cookie::SetCookies;
use crate::operations::admin::sessions;
use crate::operations::pagination::Pagination;
use crate::pages::console::filter::{parse, text, user, with_query};
use crate::pages::console::page::ConsolePage;
use crate::pages::console::rows::session_row;

/// How many sessions a page shows.
const SESSIONS: u32 = 50;

/// Lists sessions: the same operation as `GET /v1/admin/sessions`.
pub(in crate::pages) async fn list(page: ConsolePage) -> Result<Response, AppError> {
    let mut view = SessionsPageView {
        filter: SessionFilter {
            user: text(&page.query, "user"),
            ip: text(&page.query, "ip"),
            mode: text(&page.query, "mode"),
        },
        sessions: Vec::new(),
        pages: Pager::default(),
        error: None,
    };
    match fill(&page, &mut view).await {
        Ok(()) => page.show(&view),
        Err(error) => {
            let with_error = |text| SessionsPageView { error: Some(text), ..view };
            Ok(page.answer_error(error, with_error))
        }
    }
}

async fn fill(page: &ConsolePage, view: &mut SessionsPageView) -> Result<(), AppError> {
    let query = &page.query;
    let user = user(&page.app, query).await?;
    let ip: Option<IpAddr> = parse(query, "ip", "an IP address")?;
    let unknown_mode = || AppError::field("mode", "must be `session`, `jwt` or `hybrid`");
    let mode = query.get("mode").map(|name| Mode::from_name(name).ok_or_else(unknown_mode)).transpose()?;
    let pagination = Pagination::new(query.get("after"), SESSIONS)?;
    let filter = SessionQuery { user, ip, mode };
    let list = sessions::list_all(&page.app, filter, pagination, page.now()).await?;
    let current = page.administrator.current.session;
    let row = |item: &crate::operations::admin::views::session::AdminSessionView| {
        session_row(&item.session, &item.user, item.username.clone(), current)
    };
    view.sessions = list.items.iter().map(row).collect();
    let page_after = |cursor: String| {
        let filter = &view.filter;
        let pairs = [("user", &filter.user), ("ip", &filter.ip), ("mode", &filter.mode), ("after", &cursor)];
        with_query(&page.path("/sessions"), &pairs)
    };
    let first = query.get("after").map(|_| page_after(String::new()));
    view.pages = Pager { first, next: list.next.map(page_after), ..Pager::default() };
    Ok(())
}

/// Ends a session: the same operation as a revocation of `session:<id>`. The administrator's own one is ended too.
pub(in crate::pages) async fn end_one(
    page: ConsolePage,
    client: ClientInfo,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let id: SessionId = path_id(&page.uri, 2)?;
    let session = page.app.parts.store.session(id).await?.ok_or(AppError::NotFound)?;
    let context = page.administrator.context(client);
    sessions::end_one(&page.app, id, &context, page.now()).await?.ok_or(AppError::NotFound)?;
    let response = page.changed(&format!("/users/{}", session.user));
    if id != page.administrator.current.session {
        return Ok(response);
    }
    let cookies = SetCookies::new(&page.app.parts.cookies).clear_presented(&headers).clear_mark(&headers);
    Ok((cookies, response).into_response())
}
