//! Small routes: the language, the way to another origin, the static files, and a redirect.

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use counterfoil_pages::view::ContinueView;
use counterfoil_pages::{Asset, Language};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::redirect::{account_path, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::pages::page_request::{LANGUAGE_LIFETIME, PageRequest};
use crate::pages::query::Query;
use crate::pages::response::page;

/// The policy of a file of the operator. An SVG picture that is opened by itself is a document of this origin: it may have its own
/// styles, and neither script nor anything from elsewhere.
const FILE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
);

/// Sets the language, and returns to the page.
pub(super) async fn set_language(State(app): State<App>, request: Request) -> Result<Response, AppError> {
    let fields = FormFields::read(request, &app, &["lang", "return_to"]).await?;
    let language = fields.get("lang").and_then(Language::from_code);
    let language = language.filter(|known| app.settings().pages.theme.offered_languages().contains(known));
    let language = language.ok_or_else(|| AppError::field("lang", "must be a language of the pages"))?;
    let back = fields.get("return_to").and_then(|text| ReturnTo::parse(text, app.settings()));
    let back = back.filter(|back| !back.is_other_origin());
    let path = back.map_or_else(|| account_path(app.settings()), |back| back.as_str().to_owned());
    let mut response = redirect_to_path(&path);
    let (cookies, code) = (&app.parts.cookies, language.code());
    PageCookie::Language.set(cookies, response.headers_mut(), code, LANGUAGE_LIFETIME);
    Ok(response)
}

/// Leads to another origin after a form, which itself may not.
pub(super) async fn continue_to(
    State(app): State<App>,
    request: PageRequest,
    query: Query,
) -> Result<Response, AppError> {
    let to = query.get("to").and_then(|text| ReturnTo::parse(text, app.settings()));
    let Some(to) = to.filter(ReturnTo::is_other_origin) else {
        return Ok(redirect_to_path(&account_path(app.settings())));
    };
    let view = ContinueView { destination: to.to_destination() };
    page(&app, &request, &request.frame(&app, None), &view)
}

/// A static file, which browsers may keep for a year: another version has another name.
pub(super) async fn asset(State(app): State<App>, Path(name): Path<String>) -> Result<Response, AppError> {
    if let Some(asset) = Asset::find(&name) {
        return Ok(static_file(asset.content_type, Bytes::from_static(asset.content.as_bytes())));
    }
    let file = app.settings().pages.theme.find(&name).ok_or(AppError::NotFound)?;
    let mut response = static_file(file.content_type(), Bytes::from_owner(file.shared_content()));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, FILE_POLICY);
    Ok(response)
}

fn static_file(content_type: &'static str, content: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, content).into_response()
}

/// The account, from `/account` and from `/`.
pub(super) async fn account(State(app): State<App>) -> Response {
    redirect_to_path(&format!("{}/sessions", account_path(app.settings())))
}

/// The page on which a password is changed, for password managers (W3C, A Well-Known URL for Changing Passwords).
pub(super) async fn change_password(State(app): State<App>) -> Response {
    redirect_to_path(&format!("{}/security", account_path(app.settings())))
}
