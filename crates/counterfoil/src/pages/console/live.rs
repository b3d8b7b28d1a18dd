//! `/admin/live`: live updates of the parts of pages, as server-sent events.

use async_trait::async_trait;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;

use counterfoil_core::store::AuditEventNumber;
use counterfoil_pages::{Frame, Language, View};

use crate::app::App;
use crate::app::live::topic::{StateTopic, Topic};
use crate::http::error::AppError;
use crate::http::event_stream::{EVENT_STREAM_HEADERS, last_event_id};
use crate::operations::admin::live::{AuditNews, LiveForm, Subscription, open};
use crate::operations::admin::overview;
use crate::operations::admin::viewer::Viewer;
use crate::operations::error::OperationError;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts;
use crate::pages::response::html;

/// Sends the HTML of a part as soon as it changes: the same operation as `GET /v1/admin/live`.
pub(in crate::pages) async fn stream(page: ConsolePage, headers: HeaderMap) -> Result<Response, AppError> {
    if let Some(refused) = ConsolePage::refuse_other_site(&headers) {
        return Ok(refused);
    }
    let topics = Topic::parse_list(page.query.get("topics"));
    let topics = topics.ok_or_else(|| AppError::field("topics", Topic::expected()))?;
    // The page may be older than the stream, so that a new one begins with the newest events.
    let last_event = Some(last_event_id(&headers)?.unwrap_or(0));
    let form = Html(page.frame());
    let viewer = Viewer::user(page.administrator.current.user, page.administrator.current.principal);
    let body = open(&page.app, viewer, Subscription { topics, last_event }, form)?;
    Ok((EVENT_STREAM_HEADERS, Body::new(body)).into_response())
}

/// Updates as the HTML of parts.
struct Html(Frame);

impl Html {
    /// `None` if a template does not fit its view, which a test excludes and the log says.
    fn render(&self, view: &impl View) -> Option<String> {
        html(Language::English, &self.0, view).ok()
    }
}

#[async_trait]
impl LiveForm for Html {
    async fn state(&self, app: &App, topic: StateTopic) -> Result<Option<String>, OperationError> {
        Ok(match topic {
            StateTopic::Health => self.render(&parts::health(overview::recent_health(app).await)),
            StateTopic::Stats => self.render(&parts::stats(app)),
            StateTopic::Verifiers => self.render(&parts::verifiers(app).await?),
            StateTopic::Revocations => self.render(&parts::revocations(app).await?),
            StateTopic::Keys => self.render(&parts::signing_keys(app).await?),
        })
    }

    /// The newest events together, whatever the client has of them.
    async fn audit(&self, app: &App, after: AuditEventNumber) -> Result<AuditNews, OperationError> {
        let (view, newest) = parts::audit(app).await?;
        let html = if newest > after { self.render(&view) } else { None };
        Ok(AuditNews {
            data: html.into_iter().map(|html| (newest, html)).collect(),
            position: newest.max(after),
        })
    }
}
