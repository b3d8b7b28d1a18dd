//! Checks to which host a request is addressed (RFC 9110, section 7.2; RFC 9112, section 3.2).

use std::net::Ipv6Addr;

use axum::extract::Request;
use http::Version;
use http::header::HOST;
use http::uri::Authority;

use crate::settings::loopback::{is_localhost_name, is_loopback_host};

/// Which hosts a route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostPolicy {
    /// Whether a request must name its host. A proxy and a server that read a request without a host, or with two, can
    /// take it for requests to different hosts. An application that embeds the routes has its own server.
    pub(crate) is_required: bool,
    /// Whether only `localhost`, loopback addresses and the host of the issuer are accepted. The issuer is a program on the
    /// user's machine then. A page of an attacker whose name resolves to that machine could otherwise read every response,
    /// because the browser takes both for one origin (DNS rebinding).
    pub(crate) is_loopback_only: bool,
}

/// Why the host of a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    /// There is no `Host`, more than one, or one that is no host.
    #[error("the request must have one `Host`, which is a host name or an address, with or without a port")]
    Invalid,
    /// Another host than this machine, on an issuer that is for this machine only.
    #[error(
        "the issuer is on loopback, so `Host` must be `localhost`, a loopback address or the host of the issuer"
    )]
    NotLoopback,
}

/// Checks the `Host` header, and the authority of the request target if there is one (HTTP/2, or an absolute URL).
/// `issuer_host` is the host of the issuer.
pub(crate) fn check_host(request: &Request, policy: HostPolicy, issuer_host: &str) -> Result<(), HostError> {
    let mut lines = request.headers().get_all(HOST).into_iter();
    let header =
        lines.next().map(|line| parse_host(line.as_bytes()).ok_or(HostError::Invalid)).transpose()?;
    let authority = request.uri().authority().map(Authority::host);
    let is_invalid = lines.next().is_some()
        || (policy.is_required && is_missing(request.version(), header, authority))
        || (request.version() == Version::HTTP_2 && differ(header, authority));
    if is_invalid {
        return Err(HostError::Invalid);
    }
    // The target has precedence (RFC 9112, section 3.2.2).
    match authority.or(header) {
        Some(host) if policy.is_loopback_only && !is_on_loopback(host, issuer_host) => {
            Err(HostError::NotLoopback)
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a host can only mean this machine. Not every browser resolves each name below `localhost` by itself, and a
/// resolver of an attacker could answer; so only the name that the operator has chosen is accepted.
fn is_on_loopback(host: &str, issuer_host: &str) -> bool {
    let is_chosen = host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(issuer_host);
    is_loopback_host(host) && (is_chosen || !is_localhost_name(host))
}

/// HTTP/1.0 has no `Host`. In HTTP/2 the authority may take its place (RFC 9113, section 8.3.1).
fn is_missing(version: Version, header: Option<&str>, authority: Option<&str>) -> bool {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => false,
        Version::HTTP_11 => header.is_none(),
        _ => header.is_none() && authority.is_none(),
    }
}

fn differ(header: Option<&str>, authority: Option<&str>) -> bool {
    header.zip(authority).is_some_and(|(header, authority)| !header.eq_ignore_ascii_case(authority))
}

/// The host without its port, as in [`Authority::host`]; `None` if the value is not `uri-host [":" port]` (RFC 3986,
/// section 3.2.2).
///
/// A comma is refused although it is a valid character: a proxy that joins two `Host` headers writes one.
fn parse_host(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    // `[::1]:8080` has colons inside the brackets.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => (text, ""),
    };
    let is_port =
        port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name_byte),
    };
    (is_port && is_host).then_some(host)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const SERVER: HostPolicy = HostPolicy { is_required: true, is_loopback_only: false };
    const LOOPBACK: HostPolicy = HostPolicy { is_required: true, is_loopback_only: true };

    fn check(version: Version, target: &str, hosts: &[&str], policy: HostPolicy) -> Result<(), HostError> {
        let request = Request::builder().version(version).uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        check_host(&request.body(Body::empty()).unwrap(), policy, "app.localhost")
    }

    #[test]
    fn a_request_has_one_host() {
        for (version, target, hosts, is_valid) in [
            (Version::HTTP_11, "/", &["auth.example"][..], true),
            (Version::HTTP_11, "/", &[], false),
            (Version::HTTP_11, "/", &["auth.example", "auth.example"], false),
            (Version::HTTP_11, "http://auth.example/", &["auth.example"], true),
            (Version::HTTP_11, "http://auth.example/", &[], false),
            (Version::HTTP_10, "/", &[], true),
            (Version::HTTP_10, "/", &["a.example", "b.example"], false),
            (Version::HTTP_2, "https://auth.example/", &[], true),
            (Version::HTTP_2, "https://auth.example/", &["AUTH.example"], true),
            (Version::HTTP_2, "https://auth.example/", &["other.example"], false),
            (Version::HTTP_2, "/", &["auth.example"], true),
            (Version::HTTP_2, "/", &[], false),
        ] {
            let expected = if is_valid { Ok(()) } else { Err(HostError::Invalid) };
            assert_eq!(check(version, target, hosts, SERVER), expected, "{version:?} {target} {hosts:?}");
        }
    }

    #[test]
    fn an_embedded_route_does_not_need_a_host_but_accepts_no_malformed_one() {
        let embedded = HostPolicy { is_required: false, is_loopback_only: false };

        assert_eq!(check(Version::HTTP_11, "/", &[], embedded), Ok(()));
        assert_eq!(check(Version::HTTP_11, "/", &["a b"], embedded), Err(HostError::Invalid));
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in
            ["a", "a.example:8080", "a_b.example", "192.0.2.7:1", "[::1]", "[2001:db8::7]:443", "a:", "a."]
        {
            assert_eq!(check(Version::HTTP_11, "/", &[good], SERVER), Ok(()), "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a/c",
            "a,b",
            "a, b",
            "user@a",
            "a:b",
            "a:99999",
            "a:+1",
            ":80",
            "::1",
            "[::1",
            "[x]",
            "http://a",
            "a?b",
            "a#b",
            "a\\b",
            "b\u{fc}cher.example",
            "\"a\"",
            "<a>",
        ] {
            assert_eq!(check(Version::HTTP_11, "/", &[bad], SERVER), Err(HostError::Invalid), "{bad:?}");
        }
    }

    #[test]
    fn a_loopback_issuer_accepts_only_loopback_hosts() {
        for good in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:3000",
            "127.3.2.1",
            "[::1]:3000",
            "app.localhost:3000",
            "APP.localhost",
        ] {
            assert_eq!(check(Version::HTTP_11, "/", &[good], LOOPBACK), Ok(()), "{good}");
        }
        for bad in [
            "attacker.example",
            "localhost.attacker.example",
            "attacker.localhost",
            "attacker.app.localhost",
            "127.0.0.1.nip.io",
            "0.0.0.0",
            "10.0.0.1",
        ] {
            assert_eq!(check(Version::HTTP_11, "/", &[bad], LOOPBACK), Err(HostError::NotLoopback), "{bad}");
        }
        let target = check(Version::HTTP_11, "http://attacker.example/", &["localhost"], LOOPBACK);
        assert_eq!(target, Err(HostError::NotLoopback), "the target has precedence");
        assert_eq!(check(Version::HTTP_10, "/", &[], LOOPBACK), Ok(()), "no browser sends HTTP/1.0");
    }
}
