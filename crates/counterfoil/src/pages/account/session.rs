//! `/account/sessions/{id}`: one device, its name, and what has happened to it.

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;

use counterfoil_core::model::session::Session;
use counterfoil_pages::view::{FormErrors, SessionView};
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::path::path_id;
use crate::http::redirect::{account_path, redirect_to_path};
use crate::operations::label::validate_label;
use crate::operations::pagination::Pagination;
use crate::operations::sessions;
use crate::pages::account::events;
use crate::pages::account::session_items::session_item;
use crate::pages::flash::Flash;
use crate::pages::form_errors::{Form, form_errors};
use crate::pages::page_request::PageRequest;
use crate::pages::response::{error_page, page, with_flash};
use crate::pages::user::PageUser;

/// How many events are beside the device.
const EVENTS: u32 = 20;

/// Shows the device: the same operation as `GET /v1/sessions/{id}`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
    uri: Uri,
) -> Result<Response, AppError> {
    let session = find(&app, &user, path_id(&uri, 2)?).await?;
    let view = view(&app, &user, &session, FormErrors::default()).await?;
    page(&app, &request, &request.frame(&app, Some(user.name())), &view)
}

/// Names the device: the same operation as `PATCH /v1/sessions/{id}`.
pub(in crate::pages) async fn rename(
    State(app): State<App>,
    page: PageRequest,
    user: PageUser,
    uri: Uri,
    request: Request,
) -> Result<Response, AppError> {
    let id: SessionId = path_id(&uri, 2)?;
    let fields = FormFields::read(request, &app, &["label"]).await?;
    let (owner, now) = (user.current.user, user.current.now);
    match validate_label(fields.get("label").unwrap_or_default()) {
        Ok(label) => {
            user.current.count_write(&app)?;
            sessions::rename(&app, owner, id, label, now).await?.ok_or(AppError::NotFound)?;
            let path = format!("{}/sessions/{id}", account_path(app.settings()));
            Ok(with_flash(&app, redirect_to_path(&path), Flash::Renamed))
        }
        Err(error) => {
            let error = AppError::from(error);
            let errors = form_errors(&error, Form::Account, now).unwrap_or_default();
            let session = find(&app, &user, id).await?;
            let view = view(&app, &user, &session, errors).await?;
            Ok(error_page(page.language, &page.frame(&app, Some(user.name())), error, &view))
        }
    }
}

async fn find(app: &App, user: &PageUser, id: SessionId) -> Result<Session, AppError> {
    let session = sessions::find_one(app, user.current.user, id, user.current.now).await?;
    session.ok_or(AppError::NotFound)
}

async fn view(
    app: &App,
    user: &PageUser,
    session: &Session,
    errors: FormErrors,
) -> Result<SessionView, AppError> {
    let page = Pagination::new(None, EVENTS)?;
    let (activity, _) = events::load(app, user.current.user, Some(session.id), &page).await?;
    let session = session_item(session, user.current.session, user.current.now);
    Ok(SessionView { session, activity, errors })
}
