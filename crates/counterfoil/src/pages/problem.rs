//! Errors as pages, for a browser that shows what it gets: the layer around every page.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ACCEPT;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
};
use http::{Method, StatusCode};

use counterfoil_pages::Message;
use counterfoil_pages::view::ProblemView;
use counterfoil_verify::{CrossSiteRequest, FailureReason, Problem, RequestId};

use crate::app::App;
use crate::http::redirect::account_path;
use crate::pages::form_errors::retry;
use crate::pages::page_request::PageRequest;
use crate::pages::response::{html, replace_body};

/// Unless a page sets its own policy, it may load its style and its pictures from its own origin, and send its forms there. It
/// has no script, and no page may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The headers of every page. With `no-referrer` a browser would send `Origin: null` with a form, and one without
/// `Sec-Fetch-Site` would then be refused as another site.
const PAGE_HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// What kind of resource the browser wants.
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The layer of every page: it adds the headers, and turns a problem document into a page.
pub(crate) async fn show_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    let page =
        PageRequest::new(&app, request.uri(), request.headers(), request.extensions().get::<RequestId>());
    // A page is no picture, script or frame of another page: such a request could only probe it.
    let is_embedded =
        request.headers().get(FETCH_DEST).is_some_and(|to| !matches!(to.as_bytes(), b"document" | b"empty"));
    let response = match is_embedded {
        true => IntoResponse::into_response(Problem::from(CrossSiteRequest::OtherSite)),
        false => next.run(request).await,
    };
    let mut response = to_page(&app, &page, response);
    for (name, value) in PAGE_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The layer of paths that do not exist: a browser that opens one gets a page, a program a problem document.
pub(crate) async fn show_unmatched(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_navigation =
        [Method::GET, Method::HEAD].contains(request.method()) && accepts_html(request.headers());
    match is_navigation {
        true => show_errors(State(app), request, next).await,
        false => next.run(request).await,
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/html"))
    })
}

/// The response with a page in place of its problem document, if it has one.
fn to_page(app: &App, request: &PageRequest, response: Response) -> Response {
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    if !is_problem {
        return response;
    }
    let name = response.extensions().get::<Problem>().map(|problem| problem.name().to_owned());
    let code = response.extensions().get::<FailureReason>().map(|reason| reason.code().replace('_', "-"));
    let view = view(app, response.status(), name.or(code).unwrap_or_default().as_str(), response.headers());
    match html(request.language, &request.frame(app, None), &view) {
        Ok(html) => replace_body(response, html),
        Err(_) => response,
    }
}

/// What the page says about a problem with this status and this name.
fn view(app: &App, status: StatusCode, name: &str, headers: &HeaderMap) -> ProblemView {
    let (title, text) = match (status.as_u16(), name) {
        (_, "not-found") => ("not-found-title", "not-found-text"),
        (_, "ambiguous-credential") => ("ambiguous-title", "ambiguous-text"),
        (_, "registration-closed") => ("registration-closed-title", "registration-closed-text"),
        (_, "users-of-application") => ("users-elsewhere-title", "users-elsewhere-text"),
        (_, "insufficient-scope" | "not-granted" | "client-not-allowed") => {
            ("forbidden-title", "forbidden-text")
        }
        // The check of the origin has codes of its own.
        (403, _) => ("cross-site-title", "cross-site-text"),
        (429, _) => ("too-many-title", "too-many-requests"),
        (503, _) => ("unavailable-title", "unavailable"),
        (500.., _) => ("internal-title", "internal-text"),
        _ => ("other-title", "other-text"),
    };
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let link = (account_path(app.settings()), Message::new("start-again"));
    ProblemView {
        status: status.as_u16(),
        title: Message::new(title),
        text: Message::new(text),
        retry: seconds.map(|seconds| retry(Duration::from_secs(seconds), app.now())),
        link: (!matches!(name, "registration-closed" | "users-of-application")).then_some(link),
    }
}
