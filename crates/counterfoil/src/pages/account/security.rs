//! `/account/security`: changes the password.

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::Message;
use counterfoil_pages::view::{FormErrors, SecurityView};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::redirect::redirect_to_path;
use crate::http::return_to::ReturnTo;
use crate::http::set_cookie::SetCookies;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::password::{self, ChangingSession, PasswordChange};
use crate::operations::presented_session::PresentedSession;
use crate::pages::flash::Flash;
use crate::pages::form_errors::{Form, form_errors};
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::register::min_length;
use crate::pages::response::{continue_path, error_page, page, security_path, with_flash};
use crate::pages::user::PageUser;

/// The fields of the form.
const FIELDS: [&str; 4] = ["username", "current_password", "new_password", "return_to"];

/// Shows the form.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
    query: Query,
) -> Result<Response, AppError> {
    let view = view(&app, &user, query.return_to(&app).as_ref(), FormErrors::default());
    page(&app, &request, &request.frame(&app, Some(user.name())), &view)
}

/// Changes the password and ends all other sessions: the same operation as `POST /v1/password`.
pub(in crate::pages) async fn submit(
    State(app): State<App>,
    page: PageRequest,
    user: PageUser,
    client: ClientInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    check_hash_capacity(&app, client.ip, &app.parts.metrics.password_changes)?;
    let fields = FormFields::read(request, &app, &FIELDS).await?;
    let return_to = fields.get("return_to").and_then(|text| ReturnTo::parse(text, app.settings()));
    match change(&app, &user, &fields, client, &headers).await {
        Ok(parts) => {
            let path = security_path(&app, return_to.as_ref());
            Ok((parts, with_flash(&app, redirect_to_path(&path), Flash::PasswordChanged)).into_response())
        }
        Err(error) => {
            let errors = missing(&fields).or_else(|| form_errors(&error, Form::Account, user.current.now));
            let Some(errors) = errors else { return Err(error) };
            let view = view(&app, &user, return_to.as_ref(), errors);
            Ok(error_page(page.language, &page.frame(&app, Some(user.name())), error, &view))
        }
    }
}

/// Changes the password; the browser gets the new credentials of its session.
async fn change(
    app: &App,
    user: &PageUser,
    fields: &FormFields,
    client: ClientInfo,
    headers: &HeaderMap,
) -> Result<(Extension<PresentedSession>, SetCookies), AppError> {
    if missing(fields).is_some() {
        return Err(AppError::field("current_password", "and `new_password` must not be empty"));
    }
    let now = app.now_to_issue()?;
    let principal = user.current.principal.clone();
    let session = ChangingSession { presented: user.current.presented(), principal, in_cookies: true };
    let (current, new) = (fields.secret("current_password"), fields.secret("new_password"));
    let issued =
        password::change_password(app, session, PasswordChange { current, new }, client, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies).like_presented(headers);
    let cookies = cookies.set_all(&issued.credential, now)?;
    Ok((Extension(PresentedSession::from_session(&issued.session)), cookies))
}

fn missing(fields: &FormFields) -> Option<FormErrors> {
    let field = |name, id| Some(FormErrors::field(name, Message::new(id)));
    match (fields.get("current_password"), fields.get("new_password")) {
        (None, _) => field("current_password", "enter-current-password"),
        (Some(_), None) => field("new_password", "enter-new-password"),
        (Some(_), Some(_)) => None,
    }
}

fn view(app: &App, user: &PageUser, return_to: Option<&ReturnTo>, errors: FormErrors) -> SecurityView {
    SecurityView {
        username: user.name(),
        min_length: min_length(app.settings()),
        is_elsewhere: app.parts.application_users.is_some(),
        password_change_required: user.user.password_change_required,
        return_to: return_to.map(|target| target.as_str().to_owned()),
        continue_url: return_to.map(|target| continue_path(app, target)),
        errors,
    }
}
