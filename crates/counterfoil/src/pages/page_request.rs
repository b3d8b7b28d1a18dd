//! What every page needs of a request: the language, the path, and what has just happened.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::header::ACCEPT_LANGUAGE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};

use counterfoil_pages::{Frame, Language, Message};
use counterfoil_verify::RequestId;

use crate::app::App;
use crate::http::redirect::account_path;
use crate::http::return_to::ReturnTo;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::pages::flash::Flash;
use crate::settings::Settings;

/// Which site the request comes from.
pub(super) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How long a browser keeps the language that the user has chosen.
pub(super) const LANGUAGE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A request for a page.
#[derive(Debug, Clone)]
pub(super) struct PageRequest {
    /// The language of the page.
    pub(super) language: Language,
    /// What has just happened, as the former page has said.
    pub(super) flash: Option<Flash>,
    /// The path with its query, as the browser sees it.
    pub(super) here: String,
    request_id: String,
}

impl FromRequestParts<App> for PageRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::new(app, &parts.uri, &parts.headers, parts.extensions.get::<RequestId>()))
    }
}

impl PageRequest {
    /// Reads a request to a path below the prefix of all routes.
    pub(super) fn new(app: &App, uri: &Uri, headers: &HeaderMap, id: Option<&RequestId>) -> Self {
        let names = app.parts.cookies.names();
        let offered = app.settings().pages.theme.offered_languages();
        let chosen = PageCookie::Language.value(names, headers).and_then(Language::from_code);
        let chosen = chosen.filter(|language| offered.contains(language));
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Self {
            language: chosen.unwrap_or_else(|| Language::accepted(accepted().unwrap_or_default(), offered)),
            flash: PageCookie::Flash.value(names, headers).and_then(Flash::parse),
            here: format!("{}{path}", app.settings().public_prefix()),
            request_id: id.map(|id| id.0.to_string()).unwrap_or_default(),
        }
    }

    /// What is around the content of a page of this request. `user` is the name of the signed-in user.
    pub(super) fn frame(&self, app: &App, user: Option<String>) -> Frame {
        let settings = app.settings();
        Frame {
            product: settings.pages.name.clone(),
            base: settings.public_prefix(),
            host: settings.issuer.host().to_owned(),
            here: self.return_path(settings),
            user,
            request_id: self.request_id.clone(),
            notice: self.flash.map(Message::from),
            live: None,
            theme: settings.pages.theme.to_frame(),
        }
    }

    /// This page as a `return_to`; the account, if its path is not one.
    pub(super) fn return_path(&self, settings: &Settings) -> String {
        let path = ReturnTo::parse(&self.here, settings);
        path.map_or_else(|| account_path(settings), |path| path.as_str().to_owned())
    }
}
