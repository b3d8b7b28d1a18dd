//! What the server sees of a request, for the doctor.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::header::{FORWARDED, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName};

use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_jose::{Time, base64url, random};
use counterfoil_verify::cookie_values;

use crate::app::App;
use crate::http::client_ip::{client_ip, headers_disagree, is_trusted};
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::operations::doctor::server_view::ServerView;

/// The header that shows how long a header may be.
pub(crate) const PADDING: HeaderName = HeaderName::from_static("x-doctor-padding");

/// The most values of the cookie that are shown.
const MAX_COOKIES: usize = 8;

/// What the server sees of this request. The view has a new value for the cookie if the request has none.
///
/// # Errors
///
/// If the operating system provides no randomness.
pub(crate) fn view(app: &App, parts: &Parts, now: Time) -> Result<ServerView, ServiceError> {
    let (settings, headers) = (app.settings(), &parts.headers);
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let trusted = &settings.trusted_proxies;
    let cookie_name = PageCookie::Doctor.name(app.parts.cookies.names());
    let cookies: Vec<String> =
        cookie_values(headers, &cookie_name).take(MAX_COOKIES).map(str::to_owned).collect();
    let cookie_set = if cookies.is_empty() { Some(new_cookie()?) } else { None };
    let authority = parts.uri.authority().map(Authority::as_str).map(str::to_owned);
    Ok(ServerView {
        issuer: settings.issuer.as_str().to_owned(),
        now_ms: now.unix_ms(),
        host: authority.or_else(|| text(headers, &HOST)),
        has_tls: settings.tls.is_some(),
        forwarded_proto: text(headers, &HeaderName::from_static("x-forwarded-proto")),
        peer: peer.map(to_text),
        is_trusted_peer: peer.is_some_and(|peer| is_trusted(peer, trusted)),
        x_forwarded_for: text(headers, &HeaderName::from_static("x-forwarded-for")),
        forwarded: text(headers, &FORWARDED),
        client_ip: peer.map(|peer| to_text(client_ip(peer, headers, trusted))),
        headers_disagree: peer.is_some_and(|peer| headers_disagree(peer, headers, trusted)),
        sec_fetch_site: text(headers, &HeaderName::from_static("sec-fetch-site")),
        origin: text(headers, &ORIGIN),
        cookie_name,
        cookie_set,
        cookies,
        padding: headers.get(&PADDING).map_or(0, |value| value.len() as u64),
    })
}

/// A random value for the cookie.
///
/// # Errors
///
/// If the operating system provides no randomness.
pub(crate) fn new_cookie() -> Result<String, ServiceError> {
    let bytes =
        random::bytes::<16>().map_err(|error| ServiceError::from(InternalError::Randomness(error)))?;
    Ok(base64url::encode(bytes))
}

fn to_text(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// All lines of a header; `None` without one.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> =
        headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
