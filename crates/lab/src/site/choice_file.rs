//! `/lab/choose.toml` and `/lab/choose.json`: the configuration file that follows from the answers, and the answers for
//! `counterfoil init`.

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use counterfoil::operator::advice::Answers;
use serde_json::json;

use crate::site::advice_view::with_example_origin;
use crate::site::choose::{parse, unknown_answer};
use crate::site::response::problem;

/// Writes the configuration file that follows from answers, as `counterfoil init` does.
pub type ConfigurationText = fn(&Answers) -> String;

/// The headers of a file that is saved.
type FileHeaders = [(HeaderName, &'static str); 2];

const CONFIGURATION: FileHeaders =
    [(CONTENT_TYPE, "application/toml"), (CONTENT_DISPOSITION, "attachment; filename=\"counterfoil.toml\"")];

const ANSWERS: FileHeaders =
    [(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, "attachment; filename=\"answers.json\"")];

/// The commented configuration file.
pub(super) fn configuration(query: &RawQuery, text: ConfigurationText) -> Response {
    file(query, CONFIGURATION, text)
}

/// The answers.
pub(super) async fn answers(query: RawQuery) -> Response {
    file(&query, ANSWERS, |answers| format!("{:#}\n", json!(answers)))
}

fn file(
    RawQuery(query): &RawQuery,
    headers: FileHeaders,
    content: impl FnOnce(&Answers) -> String,
) -> Response {
    let Some(answers) = parse(query.as_deref().unwrap_or_default()) else { return unknown_answer() };
    if answers.clients.is_empty() {
        let text = "The file depends on what logs in. Choose at least one kind of client.";
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "Nothing logs in", text, "/lab/choose");
    }
    (headers, content(&with_example_origin(&answers))).into_response()
}
