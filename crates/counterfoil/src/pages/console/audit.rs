//! `/admin/audit`: the audit log with filters, and its export.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_jose::Time;
use counterfoil_pages::TimeBound;
use counterfoil_pages::view::console::{AuditFilter, AuditView, Pager};
use counterfoil_verify::{CrossSiteRequest, Problem};

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::audit_export;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::viewer::Viewer;
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::filter::{parse, text, with_query};
use crate::pages::console::response::{answer_error, console_path, show};
use crate::pages::console::rows::event_row;
use crate::pages::page_request::FETCH_SITE;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// The headers of an export.
const EXPORT_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
    (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.jsonl\"")),
];

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
            actor: text(&query, "actor"),
            ip: text(&query, "ip"),
        },
        kinds: AuditEventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        events: Vec::new(),
        stopped_at: None,
        pages: Pager::default(),
        export: String::new(),
        error: None,
    };
    view.export = path(&app, "/audit/export", &view.filter, "");
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
    if list.items.len() < EVENTS as usize {
        view.stopped_at = list.next.clone();
    }
    let page_after = |cursor: &str| path(app, "/audit", &view.filter, cursor);
    let first = query.get("after").map(|_| page_after(""));
    view.pages = Pager { first, next: list.next.as_deref().map(page_after), ..Pager::default() };
    Ok(())
}

/// A path below the console with this filter, after this cursor.
fn path(app: &App, path: &str, filter: &AuditFilter, after: &str) -> String {
    let AuditFilter { kind, user, session, from, to, actor, ip } = filter;
    let after = after.to_owned();
    let pairs = [
        ("kind", kind),
        ("user", user),
        ("session", session),
        ("from", from),
        ("to", to),
        ("actor", actor),
        ("ip", ip),
        ("after", &after),
    ];
    with_query(&console_path(app, path), &pairs)
}

/// Sends the events as JSON lines, newest first: the same operation as `GET /v1/admin/events`, page after page.
pub(in crate::pages) async fn export(
    State(app): State<App>,
    administrator: ConsoleAdministrator,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, AppError> {
    // Another site could open this address in the browser of an administrator, again and again.
    if !headers.get(FETCH_SITE).is_none_or(|site| [&b"same-origin"[..], b"none"].contains(&site.as_bytes())) {
        return Ok(Problem::from(CrossSiteRequest::OtherSite).into_response());
    }
    let filter = filter(&query)?;
    let current = administrator.current;
    let viewer = Viewer::user(current.user, current.principal);
    let body = audit_export::open(&app, viewer, filter)?;
    Ok((EXPORT_HEADERS, Body::new(body)).into_response())
}

fn filter(query: &Query) -> Result<AuditEventFilter, AppError> {
    let kind = text(query, "kind");
    let unknown = || AppError::field("kind", "must be a kind of audit event");
    let kinds = match kind.is_empty() {
        true => Vec::new(),
        false => vec![AuditEventKind::from_name(&kind).ok_or_else(unknown)?],
    };
    let expected = "must be user:, admin_key: and an id, operator, system or anonymous";
    let actor = text(query, "actor");
    let actor = Some(actor.as_str())
        .filter(|actor| !actor.is_empty())
        .map(|actor| audit_log::parse_actor(actor).ok_or_else(|| AppError::field("actor", expected)));
    Ok(AuditEventFilter {
        actor: actor.transpose()?,
        ip: parse(query, "ip", "an IP address")?,
        user: parse(query, "user", "a user id")?,
        session: parse(query, "session", "a session id")?,
        kinds,
        from: time(query, "from", TimeBound::From)?,
        until: time(query, "to", TimeBound::To)?,
    })
}

/// A time: a date, a date and a time in UTC, or Unix seconds as in the API.
fn time(query: &Query, name: &'static str, bound: TimeBound) -> Result<Option<Time>, AppError> {
    let text = text(query, name);
    if text.is_empty() {
        return Ok(None);
    }
    let seconds =
        text.parse().ok().or_else(|| bound.parse(&text).and_then(|seconds| u64::try_from(seconds).ok()));
    let expected =
        "must be a date as 2026-11-29, a date and a time in UTC as 2026-11-29 14:00, or Unix seconds";
    let seconds = seconds.ok_or_else(|| AppError::field(name, expected))?;
    Ok(Some(Time::from_unix_seconds(seconds)))
}
