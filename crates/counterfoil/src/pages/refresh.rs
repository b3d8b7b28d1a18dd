//! Keeps a browser login with a refresh token alive: when its access token has expired, the page gets the next pair.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Method};

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_verify::is_safe_method;

use crate::app::App;
use crate::http::presented_sessions::{credentials_in_cookies, find_live_by_cookies};
use crate::http::set_cookie::SetCookies;
use crate::operations::credential::IssuedCredential;
use crate::operations::refresh as operation;
use crate::pages::page_request::FETCH_SITE;
use crate::settings::cookie_options::{CookieKind, SameSite};

/// The layer of pages with a user, inside the check of the origin: exchanges the refresh token of the request if the access
/// token is gone, and gives the page and the browser the new pair.
///
/// An error changes nothing: the page then treats the user as not signed in.
pub(crate) async fn keep_signed_in(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(client) = ClientInfo::from_request_parts(&mut parts, &app).await;
    let request = Request::from_parts(parts, body);
    match exchange(&app, request.method(), request.headers(), &client).await {
        Some((credentials, cookies)) => {
            let request = with_credentials(&app, request, &credentials);
            let mut response = next.run(request).await;
            cookies.add_missing(response.headers_mut());
            response
        }
        None => next.run(request).await,
    }
}

async fn exchange(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    client: &ClientInfo,
) -> Option<(Vec<IssuedCredential>, SetCookies)> {
    let refresh = credentials_in_cookies(app, headers, &[CookieKind::Refresh]);
    let [(_, text)] = refresh.as_slice() else { return None };
    let token: RefreshToken = text.expose().parse().ok()?;
    if !may_exchange(method, headers, CookieKind::Refresh.same_site(app.parts.cookies.same_site)) {
        return None;
    }
    let now = app.now_to_issue().ok()?;
    let other = [CookieKind::Session, CookieKind::Access];
    if !find_live_by_cookies(app, headers, &other, now).await.ok()?.is_empty() {
        return None;
    }
    let issued = operation::refresh(app, &token, None, true, client, now).await.ok()?;
    let cookies = SetCookies::new(&app.parts.cookies).like_presented(headers);
    let cookies = cookies.set_all(&issued.credential, now).ok()?;
    Some((issued.credential, cookies))
}

/// Whether the request may exchange the token. A form has passed the check of its origin. A link changes something here too,
/// so the browser must say that it is not from another site; one that says nothing must have been told to send the cookie
/// with requests of this site only.
fn may_exchange(method: &Method, headers: &HeaderMap, same_site: SameSite) -> bool {
    match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
        _ if !is_safe_method(method) => true,
        Some(b"same-origin" | b"none") => method == Method::GET,
        Some(_) => false,
        None => method == Method::GET && same_site == SameSite::Strict,
    }
}

/// The request with these credentials in its cookies, in place of those that it has.
fn with_credentials(app: &App, mut request: Request, credentials: &[IssuedCredential]) -> Request {
    let names = app.parts.cookies.names();
    let is_credential = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().trim();
        CookieKind::ALL.into_iter().any(|kind| kind.name(names) == name)
    };
    let lines = request.headers().get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let others = lines.flat_map(|line| line.split(';')).map(str::trim).filter(|pair| !is_credential(pair));
    let new =
        credentials.iter().map(|credential| format!("{}={}", credential.kind.name(names), credential.text));
    let line = others.map(str::to_owned).chain(new).collect::<Vec<_>>().join("; ");
    if let Ok(mut value) = HeaderValue::try_from(line) {
        value.set_sensitive(true);
        request.headers_mut().insert(COOKIE, value);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_of_another_site_exchanges_no_token() {
        let may = |method: Method, site: Option<&'static str>, same_site| {
            let headers = site.map(|site| (FETCH_SITE, HeaderValue::from_static(site)));
            may_exchange(&method, &headers.into_iter().collect(), same_site)
        };

        for site in ["same-origin", "none"] {
            assert!(may(Method::GET, Some(site), SameSite::None));
        }
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
            assert!(!may(Method::GET, Some(site), SameSite::Strict), "{site}");
        }
        assert!(may(Method::GET, None, SameSite::Strict));
        assert!(!may(Method::GET, None, SameSite::None));
        assert!(!may(Method::HEAD, Some("same-origin"), SameSite::Strict));
        // The check of the origin comes before.
        assert!(may(Method::POST, None, SameSite::None));
    }
}
