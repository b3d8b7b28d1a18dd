//! The answers of the console: its pages are in English.

use axum::response::{IntoResponse, Response};

use counterfoil_core::services::ServiceError;
use counterfoil_pages::{Frame, Language, View};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::redirect_to_path;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::flash::Flash;
use crate::pages::page_request::PageRequest;
use crate::pages::response::{error_page, html, page, with_flash};

/// The path of the console, or of a page below it: `path` begins with a slash or is empty.
pub(super) fn console_path(app: &App, path: &str) -> String {
    format!("{}/admin{path}", app.settings().public_prefix())
}

/// A page of the console.
///
/// # Errors
///
/// If a template does not fit its view, which a test excludes.
pub(super) fn show(
    app: &App,
    request: &PageRequest,
    administrator: &ConsoleAdministrator,
    view: &impl View,
) -> Result<Response, AppError> {
    let mut request = request.clone();
    request.language = Language::English;
    page(app, &request, &frame(app, &request, administrator), view)
}

/// A part of a page alone, as a live update has it.
///
/// # Errors
///
/// If a template does not fit its view, which a test excludes.
pub(super) fn part(frame: &Frame, view: &impl View) -> Result<String, AppError> {
    html(Language::English, frame, view)
}

/// The page again, with the status of the error.
pub(super) fn show_error(
    app: &App,
    request: &PageRequest,
    administrator: &ConsoleAdministrator,
    error: AppError,
    view: &impl View,
) -> Response {
    error_page(Language::English, &frame(app, request, administrator), error, view)
}

/// After a change: the page at `path`, which says that it is made.
pub(super) fn changed(app: &App, path: &str) -> Response {
    with_flash(app, redirect_to_path(&console_path(app, path)), Flash::Administered)
}

/// What the page says about an error that the administrator can correct. All others have a page of their own.
pub(super) fn correctable(error: &AppError) -> Option<String> {
    match error {
        AppError::Service(ServiceError::Client(error)) => Some(error.to_string()),
        AppError::UsersOfApplication => Some(error.to_string()),
        _ => None,
    }
}

/// As [`show_error`] with the view of this error, if the administrator can correct it.
pub(super) fn answer_error<V: View>(
    (app, request, administrator): (&App, &PageRequest, &ConsoleAdministrator),
    error: AppError,
    view: impl FnOnce(String) -> V,
) -> Response {
    match correctable(&error) {
        Some(text) => show_error(app, request, administrator, error, &view(text)),
        None => error.into_response(),
    }
}

/// What is around the content of a page of the console.
pub(super) fn frame(app: &App, request: &PageRequest, administrator: &ConsoleAdministrator) -> Frame {
    request.frame(app, Some(administrator.name.clone()))
}
