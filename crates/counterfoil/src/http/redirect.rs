//! Redirects to paths of this server.

use axum::response::{IntoResponse as _, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::settings::Settings;

/// A redirect to a path of this origin.
pub(crate) fn redirect_to_path(path: &str) -> Response {
    let location = HeaderValue::try_from(path).expect("the paths of this server are printable ASCII");
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// A redirect that browsers may keep: the page has one path, and this is not it.
#[cfg(feature = "admin")]
pub(crate) fn permanent_redirect_to_path(path: &str) -> Response {
    let mut response = redirect_to_path(path);
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response
}

/// The text as a value in a query: every byte but letters and digits is escaped.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

/// The path of the account.
pub(crate) fn account_path(settings: &Settings) -> String {
    format!("{}/account", settings.public_prefix())
}
