//! `/logout`: asks, and signs out.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_pages::view::{FormErrors, LogoutView};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::logout_request::{clear_site_data, find_presented_sessions};
use crate::http::redirect::{encode, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::http::set_cookie::SetCookies;
use crate::operations::logout;
use crate::pages::flash::Flash;
use crate::pages::form_errors::{Form, form_errors};
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::{error_page, page, with_flash};

/// Asks. A link must not sign out: another site could send the user to it.
pub(super) async fn show(
    State(app): State<App>,
    request: PageRequest,
    query: Query,
) -> Result<Response, AppError> {
    let return_to = query.return_to(&app).map(|return_to| return_to.as_str().to_owned());
    let view = LogoutView { return_to, errors: FormErrors::default() };
    page(&app, &request, &request.frame(&app, None), &view)
}

/// Signs out: the same operation as `POST /v1/logout`.
pub(super) async fn submit(
    State(app): State<App>,
    page: PageRequest,
    client: ClientInfo,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, AppError> {
    let fields = FormFields::read(request, &app, &["return_to"]).await?;
    let return_to = fields.get("return_to").and_then(|text| ReturnTo::parse(text, app.settings()));
    match sign_out(&app, &headers, &client).await {
        Ok(parts) => {
            let response = redirect_to_path(&login_path(&app, return_to.as_ref()));
            Ok((parts, with_flash(&app, response, Flash::SignedOut)).into_response())
        }
        Err(error) => {
            let Some(errors) = form_errors(&error, Form::Logout, app.now()) else { return Err(error) };
            let return_to = return_to.map(|return_to| return_to.as_str().to_owned());
            let view = LogoutView { return_to, errors };
            Ok(error_page(page.language, &page.frame(&app, None), error, &view))
        }
    }
}

/// Ends the sessions of the request. On an error the cookies stay: the user must not believe to be signed out.
async fn sign_out(
    app: &App,
    headers: &HeaderMap,
    client: &ClientInfo,
) -> Result<(SetCookies, HeaderMap), AppError> {
    let now = app.now();
    let sessions = find_presented_sessions(app, headers, None, now).await?;
    logout::log_out(app, sessions, client, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies).clear_presented(headers).clear_mark(headers);
    Ok((cookies, clear_site_data(app.parts.settings.clear_site_data_on_logout)))
}

/// The sign-in page, with the destination after the next sign-in.
fn login_path(app: &App, return_to: Option<&ReturnTo>) -> String {
    let query = return_to.map_or_else(String::new, |to| format!("?return_to={}", encode(to.as_str())));
    format!("{}/login{query}", app.settings().public_prefix())
}
