//! The responses of pages: a page, a form with errors, a redirect.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use counterfoil_pages::{Frame, Language, View};
use counterfoil_verify::Problem;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::{account_path, encode, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::pages::flash::Flash;
use crate::pages::page_request::PageRequest;

/// How long a browser keeps a flash, if it does not open the next page.
const FLASH_LIFETIME: Duration = Duration::from_secs(30);

/// The media type of a page.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A page with status 200. If it has shown a flash, it clears the cookie.
///
/// # Errors
///
/// If a template does not fit its view, which a test excludes.
pub(super) fn page(
    app: &App,
    request: &PageRequest,
    frame: &Frame,
    view: &impl View,
) -> Result<Response, AppError> {
    let html = html(request.language, frame, view)?;
    let mut response = ([(CONTENT_TYPE, HTML)], html).into_response();
    if request.flash.is_some() {
        PageCookie::Flash.set(&app.parts.cookies, response.headers_mut(), "", Duration::ZERO);
    }
    Ok(response)
}

/// A page in place of the problem document of `error`, with the same status and headers. The log has the reason.
pub(super) fn error_page(language: Language, frame: &Frame, error: AppError, view: &impl View) -> Response {
    match html(language, frame, view) {
        Ok(html) => replace_body(error.into_response(), html),
        Err(error) => error.into_response(),
    }
}

/// The same response with a page as its body.
pub(super) fn replace_body(mut response: Response, html: String) -> Response {
    response.extensions_mut().remove::<Problem>();
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    *response.body_mut() = Body::from(html);
    response
}

pub(super) fn html(language: Language, frame: &Frame, view: &impl View) -> Result<String, AppError> {
    frame.render(language, view).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page cannot be rendered");
        AppError::Panic
    })
}

/// A redirect after a form, or to another page. One to another origin leads over `/continue`: the content security policy
/// of the form allows its own origin only, and Chromium applies it to redirects too.
pub(super) fn redirect(app: &App, to: &ReturnTo) -> Response {
    redirect_to_path(&continue_path(app, to))
}

/// The path of this origin that leads to `to`: a link to another origin leads over `/continue`, too.
pub(super) fn continue_path(app: &App, to: &ReturnTo) -> String {
    match to.is_other_origin() {
        true => format!("{}/continue?to={}", app.settings().public_prefix(), encode(to.as_str())),
        false => to.as_str().to_owned(),
    }
}

/// The path of the page that changes the password. It has a link to `return_to`, for a user who was on the way there.
pub(super) fn security_path(app: &App, return_to: Option<&ReturnTo>) -> String {
    let query = return_to.map(|target| format!("?return_to={}", encode(target.as_str())));
    format!("{}/security{}", account_path(app.settings()), query.unwrap_or_default())
}

/// The same response with a flash for the next page.
pub(super) fn with_flash(app: &App, mut response: Response, flash: Flash) -> Response {
    let (cookies, value) = (&app.parts.cookies, flash.to_string());
    PageCookie::Flash.set(cookies, response.headers_mut(), &value, FLASH_LIFETIME);
    response
}
