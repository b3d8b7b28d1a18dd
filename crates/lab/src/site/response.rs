//! The answers of the lab: pages, redirects and refusals.

use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use counterfoil_pages::view::lab::LabProblemView;
use counterfoil_pages::{Frame, Language, Moment, ThemeFrame, View};

use crate::site::lab::MAX_CLOCK_MOVES;
use crate::site::measurements::MAX_KEPT;
use crate::site::refusal::Refusal;

/// The policy of a page with a script: it may load the script, and follow events, from its own origin.
const SCRIPT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// The policy of a page whose script can connect to nothing.
const OFFLINE_SCRIPT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// A page with status 200.
pub(super) fn page(view: &impl View) -> Response {
    let frame = Frame {
        product: "Counterfoil".to_owned(),
        base: String::new(),
        host: String::new(),
        here: String::new(),
        user: None,
        request_id: String::new(),
        notice: None,
        live: None,
        theme: ThemeFrame::default(),
    };
    match frame.render(Language::English, view) {
        Ok(html) => Html(html).into_response(),
        // No input causes it: a test renders every template.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A page with a script, which the other pages do not allow.
pub(super) fn page_with_script(view: &impl View) -> Response {
    ([(CONTENT_SECURITY_POLICY, SCRIPT_POLICY)], page(view)).into_response()
}

/// A page with a script that may connect to nothing.
pub(super) fn page_with_offline_script(view: &impl View) -> Response {
    ([(CONTENT_SECURITY_POLICY, OFFLINE_SCRIPT_POLICY)], page(view)).into_response()
}

/// A page that says what was refused and what to do.
pub(super) fn problem(status: StatusCode, title: &str, text: &str, link: &str) -> Response {
    let (title, text, link) = (title.to_owned(), text.to_owned(), link.to_owned());
    let mut response = page(&LabProblemView { status: status.as_u16(), title, text, link });
    *response.status_mut() = status;
    response
}

/// A redirect after a form. The path has letters, digits and signs of URLs only.
pub(super) fn see_other(path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What does not exist.
pub(super) fn not_found() -> Response {
    let text = "It may have been removed: a lab is removed when it was not used for half an hour.";
    problem(StatusCode::NOT_FOUND, "There is no such page", text, "/lab")
}

/// A measurement that does not exist, or is not kept any more.
pub(super) fn no_such_measurement() -> Response {
    let text = format!("The last {MAX_KEPT} measurements are kept, until the server stops.");
    problem(StatusCode::NOT_FOUND, "There is no such measurement or report", &text, "/lab/measure")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoSuchLab => not_found(),
            Self::Busy => {
                let text = "Wait a few seconds and try again: one act is played at a time.";
                problem(StatusCode::CONFLICT, "An act is being played", text, "/lab")
            }
            Self::ClockStands => {
                let text = format!(
                    "It can be moved {MAX_CLOCK_MOVES} times after an act. Play an act again: it begins with the time of this machine."
                );
                problem(StatusCode::CONFLICT, "The clock cannot be moved", &text, "/lab")
            }
            Self::TooManyLabs { free_at, retry_after } => {
                let time = Moment::from_unix_seconds(free_at.unix_seconds()).text;
                let text = format!(
                    "Remove one of them, or wait until {time}: then one that is not used is removed."
                );
                let mut response =
                    problem(StatusCode::TOO_MANY_REQUESTS, "There are too many labs", &text, "/lab");
                response.headers_mut().insert(RETRY_AFTER, retry_after.into());
                response
            }
            Self::Failed(error) => {
                let text = format!("The act was not played to its end: {error}.");
                problem(StatusCode::SERVICE_UNAVAILABLE, "The lab has failed", &text, "/lab")
            }
        }
    }
}
