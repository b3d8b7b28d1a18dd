//! A request for a page of the console, and its answers: the pages are in English.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_SECURITY_POLICY, REFRESH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};

use counterfoil_core::services::ServiceError;
use counterfoil_jose::Time;
use counterfoil_pages::view::console::ConfirmView;
use counterfoil_pages::{Frame, Language, LiveFrame, View};
use counterfoil_verify::{CrossSiteRequest, Problem, RequestId};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::redirect_to_path;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::flash::Flash;
use crate::pages::page_request::{FETCH_SITE, PageRequest};
use crate::pages::query::Query;
use crate::pages::response::{error_page, page, with_flash};

/// The policy of a page with live parts: as that of the other pages, and it may load the script of the console and receive
/// updates. What the script makes of them cannot become a script.
const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
                           form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                           require-trusted-types-for 'script'; trusted-types counterfoil";

/// After how many seconds a browser may be asked to load a page again.
const RELOADED_EVERY: RangeInclusive<u64> = 5..=3_600;

/// What a handler of the console gets of its request. Only a request of an administrator has one.
pub(super) struct ConsolePage {
    pub(super) app: App,
    pub(super) administrator: ConsoleAdministrator,
    pub(super) query: Query,
    pub(super) uri: Uri,
    request: PageRequest,
}

impl FromRequestParts<App> for ConsolePage {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let mut request =
            PageRequest::new(app, &parts.uri, &parts.headers, parts.extensions.get::<RequestId>());
        request.language = Language::English;
        Ok(Self {
            app: app.clone(),
            administrator: ConsoleAdministrator::from_request_parts(parts, app).await?,
            query: Query::strict(parts.uri.query().unwrap_or_default()).map_err(AppError::into_response)?,
            uri: parts.uri.clone(),
            request,
        })
    }
}

impl ConsolePage {
    /// The answer to a request that a page of another site has caused: it could open an address again and again in the browser of
    /// an administrator, and take the share of the streams. `None` for a request of these pages.
    pub(super) fn refuse_other_site(headers: &HeaderMap) -> Option<Response> {
        let is_own = |site: &HeaderValue| [&b"same-origin"[..], b"none"].contains(&site.as_bytes());
        let is_other = headers.get(FETCH_SITE).is_some_and(|site| !is_own(site));
        is_other.then(|| Problem::from(CrossSiteRequest::OtherSite).into_response())
    }

    /// The time of the request.
    pub(super) const fn now(&self) -> Time {
        self.administrator.current.now
    }

    /// The path of the console, or of a page below it: `path` begins with a slash or is empty.
    pub(super) fn path(&self, path: &str) -> String {
        console_path(&self.app, path)
    }

    /// What is around the content of the page.
    pub(super) fn frame(&self) -> Frame {
        self.request.frame(&self.app, Some(self.administrator.name.clone()))
    }

    /// The page.
    ///
    /// # Errors
    ///
    /// If a template does not fit its view, which a test excludes.
    pub(super) fn show(&self, view: &impl View) -> Result<Response, AppError> {
        page(&self.app, &self.request, &self.frame(), view)
    }

    /// The page with live parts. Its script receives their updates; with `every` in the query the browser loads it again
    /// instead, after so many seconds.
    ///
    /// # Errors
    ///
    /// As [`show`](Self::show).
    pub(super) fn show_live(&self, view: &impl View) -> Result<Response, AppError> {
        let every = self.query.get("every").and_then(|seconds| seconds.parse().ok());
        let every: Option<u64> = every.filter(|seconds| RELOADED_EVERY.contains(seconds));
        let frame = Frame { live: Some(LiveFrame { every }), ..self.frame() };
        let mut response = page(&self.app, &self.request, &frame, view)?;
        let headers = response.headers_mut();
        match every {
            Some(seconds) => headers.insert(REFRESH, HeaderValue::from(seconds)),
            None => headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LIVE_POLICY)),
        };
        Ok(response)
    }

    /// The page again with the view of this error, if the administrator can correct it; else the page of the error.
    pub(super) fn answer_error<V: View>(&self, error: AppError, view: impl FnOnce(String) -> V) -> Response {
        match correctable(&error) {
            Some(text) => error_page(Language::English, &self.frame(), error, &view(text)),
            None => error.into_response(),
        }
    }

    /// As [`answer_error`](Self::answer_error) with the question before a change.
    pub(super) fn ask_again(&self, error: AppError, question: ConfirmView) -> Response {
        self.answer_error(error, |text| ConfirmView { error: Some(text), ..question })
    }

    /// After a change: the page at `path`, which says that it is made.
    pub(super) fn changed(&self, path: &str) -> Response {
        with_flash(&self.app, redirect_to_path(&self.path(path)), Flash::Administered)
    }
}

/// The path of the console, or of a page below it: `path` begins with a slash or is empty.
pub(super) fn console_path(app: &App, path: &str) -> String {
    format!("{}/admin{path}", app.settings().public_prefix())
}

/// What the page says about an error that the administrator can correct. All others have a page of their own.
fn correctable(error: &AppError) -> Option<String> {
    match error {
        AppError::Service(ServiceError::Client(error)) => Some(error.to_string()),
        AppError::UsersOfApplication => Some(error.to_string()),
        _ => None,
    }
}
