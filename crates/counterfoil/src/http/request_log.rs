//! The request log: one line for each request, with what was requested, the result, the user and the
//! duration.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::{HeaderName, Method};
use tracing::field::display;

use counterfoil_jose::{base64url, random};
use counterfoil_verify::{CredentialSource, FailureReason, RequestId};

use crate::app::App;
use crate::counters::{Route, method_label};
use crate::http::client_ip::{client_ip, forwarding, is_trusted};
use crate::limits::untrusted_proxies::Forwarding;
use crate::operations::presented_session::PresentedSession;

/// The end of the path that verifiers poll.
const POLLED: &str = "/v1/feed";

/// The header with the id of the request.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The allowed lengths of a request id that a proxy sets.
const REQUEST_ID_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// Where a handler records the session of the request and where its credential was presented, for the request log and for the
/// challenge of a 401.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestLogContext(Arc<OnceLock<(PresentedSession, CredentialSource)>>);

impl RequestLogContext {
    /// Records the session. Only the first call has an effect.
    pub(crate) fn set(&self, session: PresentedSession, source: CredentialSource) {
        let _ = self.0.set((session, source));
    }

    fn session(&self) -> Option<&PresentedSession> {
        self.0.get().map(|(session, _)| session)
    }

    /// Whether the request was authenticated by a bearer token.
    pub(crate) fn has_bearer(&self) -> bool {
        matches!(self.0.get(), Some((_, CredentialSource::Bearer)))
    }
}

/// What the request log needs of a request. It has neither path nor query, because they may contain secrets.
#[derive(Debug)]
pub(crate) struct RequestStarted {
    at: Instant,
    pub(crate) id: RequestId,
    pub(crate) method: &'static str,
    pub(crate) context: RequestLogContext,
    client_ip: Option<IpAddr>,
    /// The other end of a `POST`, unless it is a trusted proxy.
    untrusted_peer: Option<(IpAddr, Forwarding)>,
}

impl RequestStarted {
    /// Records a request when it is received.
    pub(crate) fn new(app: &App, request: &Request) -> Self {
        // Only a `POST` logs a user in; other requests need not look for the headers.
        let peer = peer(request);
        let untrusted_peer = peer
            .filter(|_| request.method() == Method::POST)
            .and_then(|peer| Some((peer, forwarding(peer, request.headers(), app.settings())?)));
        let proxy_id = if is_from_trusted_proxy(app, request) { proxy_request_id(request) } else { None };
        Self {
            at: Instant::now(),
            id: proxy_id.map_or_else(random_request_id, |id| RequestId(id.into())),
            method: method_label(request.method()),
            context: RequestLogContext::default(),
            untrusted_peer,
            client_ip: peer.map(|peer| client_ip(peer, request.headers(), &app.settings().trusted_proxies)),
        }
    }

    /// Writes the log line and counts the request.
    pub(crate) fn finish(&self, app: &App, route: &Route, response: &Response) {
        let duration = self.at.elapsed();
        route.record(self.method, response.status(), duration);
        if let (Some((peer, forwarding)), Some(opened)) = (self.untrusted_peer, opened_session(response)) {
            app.parts.untrusted_proxies.record(peer, opened.user, forwarding, self.at);
        }
        if response.status().is_server_error() {
            self.log::<true>(route, response, duration);
        } else {
            self.log::<false>(route, response, duration);
        }
    }

    /// A 5xx is logged as an error, everything else as info, but for the polls of verifiers: each sends one a second.
    fn log<const IS_SERVER_ERROR: bool>(&self, route: &Route, response: &Response, duration: Duration) {
        let (id, method, route) = (&*self.id.0, self.method, route.path.as_str());
        let status = response.status().as_u16();
        let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
        let client = self.client_ip.map(display);
        let session = self.context.session().or_else(|| response.extensions().get());
        let (subject, session) = (session.map(|it| display(it.user)), session.map(|it| display(it.session)));
        let reason = response.extensions().get::<FailureReason>();
        let (code, message) = (reason.map(FailureReason::code), reason.map(FailureReason::message));
        // Without a parent: the line has all fields of the request's span.
        macro_rules! write_line {
            ($level:ident, $message:literal) => {
                tracing::event!(
                    target: "counterfoil::requests", parent: None, tracing::Level::$level,
                    request_id = id, method, route, status, duration_ms, client, subject, session,
                    error.code = code, error.message = message, $message
                )
            };
        }
        if IS_SERVER_ERROR {
            write_line!(ERROR, "failed");
        } else if status == 200 && route.ends_with(POLLED) {
            write_line!(DEBUG, "answered");
        } else {
            write_line!(INFO, "answered");
        }
    }
}

/// The session that a login or a refresh has answered with.
fn opened_session(response: &Response) -> Option<&PresentedSession> {
    response.extensions().get().filter(|_| response.status().is_success())
}

/// The IP of the other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Whether the request comes from a trusted proxy.
pub(crate) fn is_from_trusted_proxy(app: &App, request: &Request) -> bool {
    peer(request).is_some_and(|peer| is_trusted(peer, &app.settings().trusted_proxies))
}

/// The value of a header that occurs exactly once.
pub(crate) fn single_header<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    let mut values = request.headers().get_all(name).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok()
}

/// The request id that a proxy has set, if it is valid.
fn proxy_request_id(request: &Request) -> Option<&str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    single_header(request, &REQUEST_ID)
        .filter(|id| REQUEST_ID_LENGTHS.contains(&id.len()) && id.bytes().all(is_allowed))
}

thread_local! {
    /// Random bytes for the next ids of this thread: to get them for each request would take longer than all other work on it.
    static RANDOM: RefCell<(usize, [u8; RANDOM_IDS * ID_BYTES])> =
        const { RefCell::new((RANDOM_IDS, [0; RANDOM_IDS * ID_BYTES])) };
}

/// The random bytes of an id. It must be unique, and is no secret.
const ID_BYTES: usize = 12;

/// The characters of an id.
const ID_CHARACTERS: usize = 16;

/// For how many ids a thread gets random bytes at once.
const RANDOM_IDS: usize = 64;

/// A random id, or `unnamed` if the operating system has no randomness: nothing can be issued then.
fn random_request_id() -> RequestId {
    let bytes = RANDOM.with_borrow_mut(|(used, bytes)| {
        if *used == RANDOM_IDS {
            *bytes = random::bytes().ok()?;
            *used = 0;
        }
        *used += 1;
        bytes.as_chunks::<ID_BYTES>().0.get(*used - 1).copied()
    });
    let text: Option<[u8; ID_CHARACTERS]> = bytes.map(|bytes| base64url::encode_id(&bytes));
    RequestId(text.as_ref().and_then(|text| str::from_utf8(text).ok()).unwrap_or("unnamed").into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::body::Body;

    use super::*;

    fn accepted(ids: &[&str]) -> Option<String> {
        let mut request = Request::new(Body::empty());
        for id in ids {
            request.headers_mut().append(REQUEST_ID.clone(), id.parse().unwrap());
        }
        proxy_request_id(&request).map(str::to_owned)
    }

    #[test]
    fn request_ids_are_random() {
        let ids: HashSet<_> = (0..3 * RANDOM_IDS).map(|_| random_request_id().0).collect();

        assert_eq!(ids.len(), 3 * RANDOM_IDS);
        assert!(ids.iter().all(|id| id.len() == 16));
    }

    #[test]
    fn only_valid_request_ids_of_a_proxy_are_accepted() {
        assert_eq!(accepted(&["0af7651916cd43dd8448eb211c80319c"]).unwrap().len(), 32);
        assert_eq!(accepted(&["a-b_c.d1"]).as_deref(), Some("a-b_c.d1"));
        for bad in ["", "short", "with space", "{\"json\":1}", "a\u{7f}bcdefgh", &"a".repeat(65)] {
            let Ok(value) = http::HeaderValue::from_str(bad) else { continue };
            let mut request = Request::new(Body::empty());
            request.headers_mut().insert(REQUEST_ID.clone(), value);
            assert_eq!(proxy_request_id(&request), None, "{bad:?}");
        }
        assert_eq!(accepted(&["abcdefgh", "ijklmnop"]), None, "two ids are ambiguous");
    }
}
