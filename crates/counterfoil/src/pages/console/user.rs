//! `/admin/users/{id}`: one user, with all that has happened.

use axum::response::Response;
use http::Uri;

use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::user::User;
use counterfoil_jose::Time;
use counterfoil_pages::Moment;
use counterfoil_pages::view::console::UserPageView;
use counterfoil_verify::UserId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::path::path_id;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::{revocation_preview, sessions, users};
use crate::operations::pagination::Pagination;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::rows::{counter_row, event_row, session_row, user_row};

/// How many events and sessions it shows.
const EVENTS: u32 = 50;
const SESSIONS: u32 = 20;

/// Shows a user: the same operations as `GET /v1/admin/users/{id}`, `…/sessions` and `GET /v1/admin/events?user=`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let user = find(&page.app, &page.uri).await?;
    let now = page.now();
    let details = users::details(&page.app, &user, None, now).await?;
    let live = sessions::list(&page.app, user.id, Pagination::new(None, SESSIONS)?, now).await?;
    let filter = AuditEventFilter { user: Some(user.id), ..AuditEventFilter::default() };
    let events = audit_log::list(&page.app, &filter, Pagination::new(None, EVENTS)?).await?;
    let (id, current) = (user.id.to_string(), page.administrator.current.session);
    let view = UserPageView {
        user: user_row(&details.user),
        external_id: user.external_id.as_ref().map(|id| ExternalId::to_json(id).to_string()),
        disabled: user.disabled_at.map(|at: Time| Moment::from_unix_seconds(at.unix_seconds())),
        password_change_required: user.password_change_required,
        epoch: user.epoch,
        cutoff: user.cutoff.number(),
        sessions: live.items.iter().map(|session| session_row(session, &id, None, current)).collect(),
        events: events.items.iter().map(event_row).collect(),
        counters: details.rate_limits.iter().map(counter_row).collect(),
        admin_keys: revocation_preview::admin_key_names_of(&page.app, user.id).await?,
    };
    page.show(&view)
}

/// The user in the path.
pub(super) async fn find(app: &App, uri: &Uri) -> Result<User, AppError> {
    let id: UserId = path_id(uri, 2)?;
    users::find(app, id).await?.ok_or(AppError::NotFound)
}
