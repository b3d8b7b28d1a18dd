//! `/admin/audit`: the audit log with filters, and its export.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};

use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_jose::Time;
use counterfoil_pages::TimeBound;
use counterfoil_pages::view::console::{AuditFilter, AuditView, Pager};

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::audit_export;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::viewer::Viewer;
use crate::operations::pagination::Pagination;
use crate::pages::console::filter::{find_user, parse, text, user, with_query};
use crate::pages::console::page::ConsolePage;
use crate::pages::console::rows::event_row;
use crate::pages::query::Query;

/// The headers of an export.
const EXPORT_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
    (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.jsonl\"")),
];

/// How many events a page shows.
const EVENTS: u32 = 100;

/// Lists events: the same operation as `GET /v1/admin/events`.
pub(in crate::pages) async fn list(page: ConsolePage) -> Result<Response, AppError> {
    let query = &page.query;
    let mut view = AuditView {
        filter: AuditFilter {
            // The list of kinds shows the one that is selected by its name.
            kind: kind(query).ok().flatten().map_or_else(|| text(query, "kind"), |kind| kind.as_str().into()),
            user: text(query, "user"),
            session: text(query, "session"),
            from: text(query, "from"),
            to: text(query, "to"),
            actor: text(query, "actor"),
            ip: text(query, "ip"),
        },
        kinds: AuditEventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        events: Vec::new(),
        stopped_at: None,
        pages: Pager::default(),
        export: String::new(),
        error: None,
    };
    view.export = path(&page, "/audit/export", &view.filter, "");
    match fill(&page, &mut view).await {
        Ok(()) => page.show(&view),
        Err(error) => {
            let with_error = |text| AuditView { error: Some(text), ..view };
            Ok(page.answer_error(error, with_error))
        }
    }
}

async fn fill(page: &ConsolePage, view: &mut AuditView) -> Result<(), AppError> {
    let after = page.query.get("after");
    let pagination = Pagination::new(after, EVENTS)?;
    let list = audit_log::list(&page.app, &filter(page).await?, pagination).await?;
    view.events = list.items.iter().map(event_row).collect();
    if list.items.len() < EVENTS as usize {
        view.stopped_at = list.next.clone();
    }
    let page_after = |cursor: &str| path(page, "/audit", &view.filter, cursor);
    let first = after.map(|_| page_after(""));
    view.pages = Pager { first, next: list.next.as_deref().map(page_after), ..Pager::default() };
    Ok(())
}

/// A path below the console with this filter, after this cursor.
fn path(page: &ConsolePage, path: &str, filter: &AuditFilter, after: &str) -> String {
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
    with_query(&page.path(path), &pairs)
}

/// Sends the events as JSON lines, newest first: the same operation as `GET /v1/admin/events`, page after page.
pub(in crate::pages) async fn export(page: ConsolePage, headers: HeaderMap) -> Result<Response, AppError> {
    if let Some(refused) = ConsolePage::refuse_other_site(&headers) {
        return Ok(refused);
    }
    let filter = filter(&page).await?;
    let current = page.administrator.current;
    let viewer = Viewer::user(current.user, current.principal);
    let body = audit_export::open(&page.app, viewer, filter)?;
    Ok((EXPORT_HEADERS, Body::new(body)).into_response())
}

async fn filter(page: &ConsolePage) -> Result<AuditEventFilter, AppError> {
    let (app, query) = (&page.app, &page.query);
    query.allow_only(&["kind", "user", "session", "from", "to", "actor", "ip", "after", "every"])?;
    Ok(AuditEventFilter {
        actor: actor(app, query).await?,
        ip: parse(query, "ip", "an IP address")?,
        user: user(app, query).await?,
        session: parse(query, "session", "a session id")?,
        kinds: kind(query)?.into_iter().collect(),
        from: time(query, "from", TimeBound::From)?,
        until: time(query, "to", TimeBound::To)?,
    })
}

/// The kind, if one is selected.
fn kind(query: &Query) -> Result<Option<AuditEventKind>, AppError> {
    let text = text(query, "kind");
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = || AppError::field("kind", format!("there is no kind of audit event {text:?}"));
    audit_log::parse_kind(&text).map(Some).ok_or_else(unknown)
}

/// Who caused the events: an actor as events have it, or `user:` and a login name.
async fn actor(app: &App, query: &Query) -> Result<Option<Actor>, AppError> {
    let text = text(query, "actor");
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(name) = text.strip_prefix("user:")
        && let Some(id) = find_user(app, name).await?
    {
        return Ok(Some(Actor::User(id)));
    }
    let expected = "must be user: and a name or an id, admin_key: and an id, operator, system or anonymous";
    audit_log::parse_actor(&text).map(Some).ok_or_else(|| AppError::field("actor", expected))
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
