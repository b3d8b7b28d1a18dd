//! CORS (Fetch standard, section 3.3): pages of a trusted origin may read the responses, and no other page.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use counterfoil_verify::OriginPolicy;

/// The request headers that a page may set.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, if-match");
/// The response headers that a page may read, beyond those that every page may.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("ETag, Retry-After, X-Request-Id, WWW-Authenticate");
/// How long a browser may keep the response to a preflight request, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What a request asks of CORS.
#[derive(Debug)]
pub(crate) struct CorsRequest {
    /// The trusted origin of the page that sends the request. `None` for requests of other pages and of programs.
    origin: Option<HeaderValue>,
    is_preflight: bool,
    /// Whether the response differs by origin.
    varies: bool,
}

impl CorsRequest {
    /// Reads the headers of a request. An origin is trusted only if it is the one in the list, byte for byte: a reflected
    /// origin would let every page read the user's data.
    pub(crate) fn new(request: &Request, origins: &OriginPolicy) -> Self {
        let mut values = request.headers().get_all(ORIGIN).iter();
        let origin =
            values.next().filter(|value| origins.trusts(value.as_bytes()) && values.next().is_none());
        let asks_for_method = || request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self {
            is_preflight: request.method() == Method::OPTIONS && asks_for_method(),
            varies: origins.trusts_others(),
            origin: origin.cloned(),
        }
    }

    /// The response to a preflight request of a trusted origin to a route with these methods, in place of the route's
    /// response to the method `OPTIONS`. Other responses are unchanged.
    pub(crate) fn answer_preflight(&self, response: Response, methods: &'static str) -> Response {
        if !self.is_preflight || self.origin.is_none() || response.status() != StatusCode::METHOD_NOT_ALLOWED
        {
            return response;
        }
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        answer
    }

    /// Adds the headers that let the page read the response. A document that every page may read has its own.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        if !self.varies || headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}
