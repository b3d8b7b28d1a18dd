//! One line of the log for each request: what was asked, how it was answered, by whom and how long it took.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::HeaderName;
use tracing::field::display;

use counterfoil_jose::{base64url, random};
use counterfoil_verify::{AuthError, RequestId};

use crate::app::App;
use crate::counters::{Route, method_label};
use crate::http::client_ip::{client_address, is_trusted};
use crate::http::error::Why;
use crate::http::presented_sessions::Login;

/// By what an answer and the log name a request.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The lengths that the id of a proxy may have.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// Where a handler writes down whose request it was, for the line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark(Arc<OnceLock<Login>>);

impl Mark {
    /// It was theirs, in this login. What was said first holds.
    pub(crate) fn set(&self, login: Login) {
        let _ = self.0.set(login);
    }
}

/// A request, as far as its line tells of it. Neither path nor query is among that: they may hold anything.
#[derive(Debug)]
pub(crate) struct Arrived {
    since: Instant,
    pub(crate) id: RequestId,
    pub(crate) method: &'static str,
    pub(crate) mark: Mark,
    client: Option<IpAddr>,
}

impl Arrived {
    /// Takes down a request that has just come.
    pub(crate) fn of(app: &App, request: &Request) -> Self {
        let named = if is_through_proxy(app, request) { given_id(request) } else { None };
        Self {
            since: Instant::now(),
            id: RequestId(named.map_or_else(draw_id, str::to_owned).into()),
            method: method_label(request.method()),
            mark: Mark::default(),
            client: peer(request)
                .map(|peer| client_address(peer, request.headers(), &app.settings().trusted_proxies)),
        }
    }

    /// Writes the line, and counts the request.
    pub(crate) fn answered(&self, route: &Route, answer: &Response) {
        let took = self.since.elapsed();
        route.record(self.method, answer.status(), took);
        let why = answer.extensions().get::<Why>().map(|why| why.0.as_str());
        let denied = answer.extensions().get::<AuthError>().map(AuthError::code);
        if answer.status().is_server_error() {
            self.line::<true>(route, answer, took, why, denied);
        } else {
            self.line::<false>(route, answer, took, why, denied);
        }
    }

    /// A failure of ours is an error; all else is what servers do.
    fn line<const IS_FAILURE: bool>(
        &self,
        route: &Route,
        answer: &Response,
        took: Duration,
        why: Option<&str>,
        denied: Option<&str>,
    ) {
        let (id, method, route, status) = (&*self.id.0, self.method, route.path, answer.status().as_u16());
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let client = self.client.map(display);
        let who = self.mark.0.get().or_else(|| answer.extensions().get());
        let (subject, session) = (who.map(|who| display(who.user)), who.map(|who| display(who.session)));
        // Without a parent: the line says all of it itself.
        macro_rules! write {
            ($level:ident, $message:literal) => {
                tracing::event!(
                    target: "counterfoil::requests", parent: None, tracing::Level::$level,
                    request_id = id, method, route, status, duration_ms, client, subject, session, why, denied,
                    $message
                )
            };
        }
        if IS_FAILURE {
            write!(ERROR, "failed");
        } else {
            write!(INFO, "answered");
        }
    }
}

/// The other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Whether the request comes from a proxy whose word is believed.
pub(crate) fn is_through_proxy(app: &App, request: &Request) -> bool {
    peer(request).is_some_and(|peer| is_trusted(peer, &app.settings().trusted_proxies))
}

/// The header of this name, if there is one and no second.
pub(crate) fn sole<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    let mut shown = request.headers().get_all(name).into_iter();
    let (Some(value), None) = (shown.next(), shown.next()) else { return None };
    value.to_str().ok()
}

/// The id that a proxy has given the request, if it is one.
fn given_id(request: &Request) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    sole(request, &REQUEST_ID).filter(|id| ID_LENGTHS.contains(&id.len()) && id.bytes().all(is_plain))
}

/// Twelve random bytes. Without randomness nothing is issued anyway, and a request needs some name.
fn draw_id() -> String {
    random::bytes::<12>().map_or_else(|_| "unnamed".to_owned(), base64url::encode)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn named(ids: &[&str]) -> Option<String> {
        let mut request = Request::new(Body::empty());
        for id in ids {
            request.headers_mut().append(REQUEST_ID.clone(), id.parse().unwrap());
        }
        given_id(&request).map(str::to_owned)
    }

    #[test]
    fn ids_of_requests_are_drawn_anew() {
        assert_ne!(draw_id(), draw_id());
        assert_eq!(draw_id().len(), 16);
    }

    #[test]
    fn only_what_reads_as_an_id_is_one() {
        assert_eq!(named(&["0af7651916cd43dd8448eb211c80319c"]).unwrap().len(), 32);
        assert_eq!(named(&["a-b_c.d1"]).as_deref(), Some("a-b_c.d1"));
        for bad in ["", "short", "with space", "{\"json\":1}", "a\u{7f}bcdefgh", &"a".repeat(65)] {
            let Ok(value) = http::HeaderValue::from_str(bad) else { continue };
            let mut request = Request::new(Body::empty());
            request.headers_mut().insert(REQUEST_ID.clone(), value);
            assert_eq!(given_id(&request), None, "{bad:?}");
        }
        assert_eq!(named(&["abcdefgh", "ijklmnop"]), None, "two ids are none");
    }
}
