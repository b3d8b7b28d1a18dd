//! The request of the client, as the proxy describes it.
//!
//! Each value comes from one header, which the proxy sets itself and which must occur exactly once: if a proxy passes on what a
//! client has sent, the client decides who it is. Nothing else is read: no `Forwarded`, no `X-Original-*`, no
//! `X-Forwarded-Prefix`, no name with `_` or `.`.

use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::settings::guarded_origins::{ForwardedScheme, GuardedOrigin, GuardedOrigins};

use super::error::ForwardAuthError;
use super::proxy::Proxy;

/// The longest target, in bytes.
const MAX_TARGET: usize = 8 * 1024;

/// The longest method.
const MAX_METHOD: usize = 16;

/// What is asked about: a request to a guarded application.
#[derive(Debug)]
pub(super) struct ForwardedRequest<'a> {
    pub(super) method: Method,
    pub(super) guarded: &'a GuardedOrigin,
    /// The path and the query, not evaluated.
    pub(super) target: &'a str,
}

impl<'a> ForwardedRequest<'a> {
    /// Reads the request of a client from that of `proxy`. `request_line` is the method of the latter, and what follows the
    /// options in its URI.
    ///
    /// # Errors
    ///
    /// [`ForwardAuthError::Headers`] if a value is missing, repeated or malformed; [`ForwardAuthError::HostNotGuarded`].
    pub(super) fn read(
        proxy: Proxy,
        request_line: (&Method, Option<&'a str>),
        uri: &'a Uri,
        headers: &'a HeaderMap,
        guarded: &'a GuardedOrigins,
    ) -> Result<Self, ForwardAuthError> {
        let invalid = |header| ForwardAuthError::Headers { proxy, header };
        let said = ForwardedHeaders::read(headers);
        let single = |line: Line<'a>, header| line.single().ok_or_else(|| invalid(header));

        let (method, host, target) = if proxy.forwards_request_line() {
            let host = match uri.authority() {
                Some(authority) => authority.as_str(),
                None => single(said.own_host, "Host")?,
            };
            (request_line.0.as_str(), host, request_line.1.ok_or_else(|| invalid("the path"))?)
        } else {
            (
                single(said.method, "X-Forwarded-Method")?,
                single(said.host, "X-Forwarded-Host")?,
                single(said.uri, "X-Forwarded-Uri")?,
            )
        };
        let method = parse_method(method).ok_or_else(|| invalid("X-Forwarded-Method"))?;
        let scheme = said.scheme(guarded).map_err(invalid)?;
        if !is_host(host) {
            return Err(invalid(if proxy.forwards_request_line() { "Host" } else { "X-Forwarded-Host" }));
        }
        if !is_target(target) {
            return Err(invalid("X-Forwarded-Uri"));
        }
        let guarded = guarded.find(scheme, host).ok_or(ForwardAuthError::HostNotGuarded)?;
        Ok(Self { method, guarded, target })
    }
}

/// The scheme of the client's request, as the proxy names it. The error is the name of the header.
pub(super) fn read_scheme(
    headers: &HeaderMap,
    guarded: &GuardedOrigins,
) -> Result<ForwardedScheme, &'static str> {
    ForwardedHeaders::read(headers).scheme(guarded)
}

/// The host of the client's request, as the proxy names it. The error is the name of the header.
pub(super) fn read_host(headers: &HeaderMap) -> Result<&str, &'static str> {
    ForwardedHeaders::read(headers).host.single().filter(|host| is_host(host)).ok_or("X-Forwarded-Host")
}

/// What all headers say that are read here.
#[derive(Default)]
struct ForwardedHeaders<'a> {
    method: Line<'a>,
    proto: Line<'a>,
    host: Line<'a>,
    uri: Line<'a>,
    /// `Host`, of a proxy that passes on that of the client.
    own_host: Line<'a>,
}

impl<'a> ForwardedHeaders<'a> {
    /// Reads each line once: a request has few, and to look up one name takes as long.
    fn read(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            let line = match name.as_str() {
                "x-forwarded-method" => &mut said.method,
                "x-forwarded-proto" => &mut said.proto,
                "x-forwarded-host" => &mut said.host,
                "x-forwarded-uri" => &mut said.uri,
                "host" => &mut said.own_host,
                _ => continue,
            };
            line.add(value);
        }
        said
    }

    /// The scheme. The error is the name of the header.
    fn scheme(&self, guarded: &GuardedOrigins) -> Result<ForwardedScheme, &'static str> {
        let scheme = self.proto.single().and_then(parse_scheme);
        scheme.filter(|scheme| guarded.accepts(*scheme)).ok_or("X-Forwarded-Proto")
    }
}

/// How often a header occurs, and its value.
#[derive(Clone, Copy, Default)]
enum Line<'a> {
    #[default]
    Missing,
    Once(&'a HeaderValue),
    Repeated,
}

impl<'a> Line<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// The value of a header that occurs exactly once.
    fn single(self) -> Option<&'a str> {
        match self {
            Self::Once(value) => value.to_str().ok(),
            Self::Missing | Self::Repeated => None,
        }
    }
}

fn parse_method(text: &str) -> Option<Method> {
    let is_one = (1..=MAX_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_one { Method::from_bytes(text.as_bytes()).ok() } else { None }
}

fn parse_scheme(text: &str) -> Option<ForwardedScheme> {
    match text {
        "https" | "wss" => Some(ForwardedScheme::Https),
        "http" | "ws" => Some(ForwardedScheme::Http),
        _ => None,
    }
}

/// Whether the text can only be a host, with or without a port. What it is, the list of the guarded hosts decides.
pub(super) fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(is_plain)
}

/// Whether the text is a path with or without a query: visible ASCII that no parser takes for something else.
pub(super) fn is_target(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
    text.starts_with('/') && text.len() <= MAX_TARGET && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::OriginPolicy;

    use crate::settings::Settings;

    use super::*;

    fn guarded() -> GuardedOrigins {
        let settings = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        let settings =
            settings.with(|settings| settings.forward_auth.hosts = vec!["app.example".parse().unwrap()]);
        let policy = OriginPolicy::new(settings.issuer.origin().clone());
        let cookies = settings.cookies.for_issuer(&settings.issuer).unwrap();
        GuardedOrigins::for_settings(&settings, &policy, &cookies)
    }

    const VALID: [(&str, &str); 4] = [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("x-forwarded-uri", "/a?b=c"),
    ];

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    /// Method, origin and target, or the name of the error.
    fn read(proxy: Proxy, lines: &[(&str, &str)], tail: Option<&str>) -> String {
        let (guarded, headers, uri) = (guarded(), headers(lines), Uri::from_static("/v1/verify/nginx"));
        match ForwardedRequest::read(proxy, (&Method::PUT, tail), &uri, &headers, &guarded) {
            Ok(found) => format!("{} {}{}", found.method, found.guarded.origin(), found.target),
            Err(ForwardAuthError::Headers { header, .. }) => header.to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn the_headers_describe_the_request_of_the_client() {
        assert_eq!(read(Proxy::Nginx, &VALID, None), "POST https://app.example/a?b=c");
        let envoy = [("host", "app.example"), ("x-forwarded-proto", "https")];
        assert_eq!(read(Proxy::Envoy, &envoy, Some("/a?b=c")), "PUT https://app.example/a?b=c");
        assert_eq!(read(Proxy::Envoy, &envoy, None), "the path");
    }

    #[test]
    fn envoy_reads_no_header_that_a_client_can_send() {
        let lines = [
            ("host", "app.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "other.example"),
            ("x-forwarded-uri", "/other"),
            ("x-forwarded-method", "GET"),
        ];

        assert_eq!(read(Proxy::Envoy, &lines, Some("/a")), "PUT https://app.example/a");
    }

    #[test]
    fn each_header_occurs_exactly_once() {
        for (place, (name, value)) in VALID.iter().enumerate() {
            let without: Vec<_> = VALID.into_iter().filter(|(other, _)| other != name).collect();
            let twice = [&VALID[..], &[VALID[place]]].concat();
            for lines in [&without, &twice] {
                let refused = read(Proxy::Nginx, lines, None);
                assert_eq!(refused.to_ascii_lowercase(), *name, "{lines:?}");
            }
            let joined = format!("{value}, {value}");
            let mut lines = VALID;
            lines[place].1 = &joined;
            assert_eq!(read(Proxy::Nginx, &lines, None).to_ascii_lowercase(), *name, "{joined}");
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for (place, values) in [
            (0, &["get", "", "G ET", "GET\t", "ABCDEFGHIJKLMNOPQ", "GET1", "M-SEARCH"][..]),
            (1, &["", "http", "HTTPS", "https,http", "https ", "h2", "file"]),
            (
                2,
                &[
                    "",
                    " ",
                    "app.example/",
                    "a@app.example",
                    "app.example#",
                    "app .example",
                    "app.example,app.example",
                    "é",
                ],
            ),
            (3, &["", "a", "http://app.example/", "/a#b", "/a\\b", "/a b", "/\u{e9}", "*", " /a", "/a\t"]),
        ] {
            for value in values {
                let mut lines = VALID;
                lines[place].1 = value;
                let refused = read(Proxy::Nginx, &lines, None);
                assert_eq!(refused.to_ascii_lowercase(), VALID[place].0, "{value:?}");
            }
        }
        let (longest, longer) =
            (format!("/{}", "a".repeat(MAX_TARGET - 1)), format!("/{}", "a".repeat(MAX_TARGET)));
        for (target, is_valid) in [(longest, true), (longer, false)] {
            let mut lines = VALID;
            lines[3].1 = &target;
            assert_eq!(read(Proxy::Nginx, &lines, None).starts_with("POST"), is_valid);
        }
    }

    #[test]
    fn another_host_is_not_guarded() {
        for host in ["other.example", "app.example:8443", "app.example.other.example", "127.0.0.1", "[::1]"] {
            let mut lines = VALID;
            lines[2].1 = host;
            assert_eq!(read(Proxy::Nginx, &lines, None), "host_not_guarded", "{host}");
        }
    }

    #[test]
    fn names_that_only_look_alike_are_not_read() {
        for name in ["x_forwarded_uri", "x.forwarded.uri", "x-original-uri", "x-forwarded-path", "forwarded"]
        {
            let mut lines = VALID;
            lines[3].0 = name;
            assert_eq!(read(Proxy::Nginx, &lines, None), "X-Forwarded-Uri", "{name}");
        }
    }
}
