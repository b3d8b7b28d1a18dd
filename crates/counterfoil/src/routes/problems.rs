//! `GET /problems/{name}`: the page to which the `type` of a problem document leads (RFC 9457, section 3.1.1).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::path::path_segment;
use crate::http::problem_types::ProblemType;
use crate::http::response_headers::READABLE_BY_ALL;
use crate::routes::problem_responses::NotFound;
use crate::routes::well_known::CACHE_FIVE_MINUTES;

/// What a type of problem means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemDescription)]
pub(super) struct ProblemDescription {
    /// `<issuer>/problems/<name>`, as in problem documents.
    r#type: String,
    /// The name with `_` for `-`, as in problem documents.
    code: String,
    /// The problem in a few words.
    title: &'static str,
    /// The status with which it is answered.
    status: u16,
    /// What it means.
    description: &'static str,
    /// What the sender of the request can do.
    remedy: &'static str,
}

/// The form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageFormat {
    Html,
    Json,
    Text,
}

/// Explains a type of problem: the page to which the `type` of a problem document leads.
///
/// As HTML for browsers, as JSON for programs that ask for it, otherwise as text.
#[utoipa::path(
    get, path = "/problems/{name}", operation_id = "problem_description", tag = "standards",
    params(("name" = String, Path, description = "The name of the problem, as `invalid-token`")),
    responses(
        (
            status = 200, description = "The explanation",
            content((ProblemDescription = "application/json"), (String = "text/html"), (String = "text/plain"))
        ),
        NotFound,
    )
)]
pub(super) async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, AppError> {
    let problem = ProblemType::find(path_segment(&uri, 1)).ok_or(AppError::NotFound)?;
    let response = match PageFormat::accepted(&headers) {
        PageFormat::Html => with_type("text/html; charset=utf-8", to_html(problem)),
        PageFormat::Text => with_type("text/plain; charset=utf-8", to_text(problem)),
        PageFormat::Json => Json(ProblemDescription {
            r#type: format!("{}/problems/{}", app.settings().api_url(), problem.name),
            code: problem.name.replace('-', "_"),
            title: problem.title,
            status: problem.status,
            description: problem.meaning,
            remedy: problem.remedy,
        })
        .into_response(),
    };
    let vary: (HeaderName, &str) = (VARY, "accept");
    Ok((READABLE_BY_ALL, [CACHE_FIVE_MINUTES, vary], response).into_response())
}

impl PageFormat {
    /// The first of the formats that `Accept` names (RFC 9110, section 12.5.1). Weights are ignored: browsers name HTML first,
    /// and programs name one format.
    fn accepted(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
        let mut types =
            lines.flat_map(|line| line.split(',')).map(|one| one.split(';').next().unwrap_or(one));
        let found = types.find_map(|one| match one.trim().to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/json" | "application/problem+json" => Some(Self::Json),
            "text/plain" => Some(Self::Text),
            _ => None,
        });
        found.unwrap_or(Self::Text)
    }
}

fn with_type(content_type: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// The table has no character that HTML would need escaped.
fn to_html(problem: &ProblemType) -> String {
    let ProblemType { name, status, title, meaning, remedy } = problem;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n\
         <p>Status {status}, problem <code>{name}</code></p>\n<p>{meaning}</p>\n<p>{remedy}</p>\n</html>\n"
    )
}

fn to_text(problem: &ProblemType) -> String {
    let ProblemType { name, status, title, meaning, remedy } = problem;
    format!("{title} ({status}, {name})\n\n{meaning}\n\n{remedy}\n")
}

#[cfg(test)]
mod tests {
    use crate::http::problem_types::ALL;

    use super::*;

    #[test]
    fn no_text_of_the_table_needs_an_escape_in_html() {
        for problem in ALL {
            let texts = [problem.title, problem.meaning, problem.remedy];
            assert!(texts.iter().all(|text| !text.contains(['<', '>', '&'])), "{problem:?}");
        }
    }

    #[test]
    fn the_format_is_the_first_known_one_that_is_accepted() {
        let accepted =
            |value: &str| PageFormat::accepted(&HeaderMap::from_iter([(ACCEPT, value.parse().unwrap())]));
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

        assert_eq!(accepted(browser), PageFormat::Html);
        assert_eq!(accepted("application/problem+json, application/json"), PageFormat::Json);
        assert_eq!(accepted("*/*"), PageFormat::Text);
        assert_eq!(accepted("image/png"), PageFormat::Text);
        assert_eq!(PageFormat::accepted(&HeaderMap::new()), PageFormat::Text);
    }
}
