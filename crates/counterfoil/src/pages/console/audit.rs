//! `/admin/audit`: the audit log with filters.

use std::str::FromStr as _;

use axum::extract::State;
use axum::response::Response;

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_jose::Time;
use counterfoil_pages::view::console::{AuditFilter, AuditView, Pager};

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::filter::{parse, text, with_query};
use crate::pages::console::response::{answer_error, console_path, show};
use crate::pages::console::rows::event_row;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// How many events a page shows.
const EVENTS: u32 = 100;

/// Lists events: the same operation as `GET /v1/admin/events`.
pub(in crate::pages) async fn list(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let mut view = AuditView {
        filter: AuditFilter {
            kind: text(&query, "kind"),
            user: text(&query, "user"),
            session: text(&query, "session"),
            from: text(&query, "from"),
            to: text(&query, "to"),
        },
        kinds: AuditEventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        events: Vec::new(),
        pages: Pager::default(),
        error: None,
    };
    match fill(&app, &query, &mut view).await {
        Ok(()) => show(&app, &request, &administrator, &view),
        Err(error) => {
            let with_error = |text| AuditView { error: Some(text), ..view };
            Ok(answer_error((&app, &request, &administrator), error, with_error))
        }
    }
}

async fn fill(app: &App, query: &Query, view: &mut AuditView) -> Result<(), AppError> {
    let page = Pagination::new(query.get("after"), EVENTS)?;
    let list = audit_log::list(app, &filter(query)?, page).await?;
    view.events = list.items.iter().map(event_row).collect();
    let next = |cursor: String| {
        let AuditFilter { kind, user, session, from, to } = &view.filter;
        let pairs = [
            ("kind", kind),
            ("user", user),
            ("session", session),
            ("from", from),
            ("to", to),
            ("after", &cursor),
        ];
        with_query(&console_path(app, "/audit"), &pairs)
    };
    view.pages.next = list.next.map(next);
    Ok(())
}

fn filter(query: &Query) -> Result<AuditEventFilter, AppError> {
    let kind = text(query, "kind");
    let unknown = || AppError::field("kind", "must be a kind of audit event");
    let kinds = match kind.is_empty() {
        true => Vec::new(),
        false => vec![AuditEventKind::from_name(&kind).ok_or_else(unknown)?],
    };
    Ok(AuditEventFilter {
        user: parse(query, "user", "a user id")?,
        session: parse(query, "session", "a session id")?,
        kinds,
        from: time(query, "from")?,
        until: time(query, "to")?,
    })
}

/// A time in Unix seconds.
fn time(query: &Query, name: &'static str) -> Result<Option<Time>, AppError> {
    let text = text(query, name);
    let invalid = || AppError::field(name, "must be Unix seconds");
    match text.is_empty() {
        true => Ok(None),
        false => {
            u64::from_str(&text).map(|seconds| Some(Time::from_unix_seconds(seconds))).map_err(|_| invalid())
        }
    }
}
