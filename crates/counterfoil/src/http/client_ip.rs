//! The client IP of a request that came through proxies (`Forwarded`, `X-Forwarded-For`).
//!
//! Hops are read from the right, because each proxy appends the address that it saw. The first hop that is
//! not a trusted proxy is the client; the client may have written what is left of it. A hop that cannot be
//! parsed ends the search, and the last trusted hop counts as the client: a forged header then makes the rate
//! limits stricter for the sender, never looser.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::limits::untrusted_proxies::Forwarding;
use crate::settings::Settings;
use crate::settings::ip_network::Network;
use crate::settings::loopback::is_internal_ip;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client IP: the peer or, if the peer is a trusted proxy, the right-most hop that is not one.
///
/// If `Forwarded` (RFC 7239) and `X-Forwarded-For` disagree, the peer is returned: a proxy passed one of them
/// on without appending to it, and the client may have sent it. A header that names no hop does not disagree: a proxy
/// may use `Forwarded` for the scheme only.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    match named_clients(peer, headers, trusted) {
        [Some(one), None] | [None, Some(one)] => one,
        [Some(one), Some(other)] if one == other => one,
        [Some(_), Some(_)] | [None, None] => peer,
    }
}

/// Whether the two headers of a trusted proxy name different clients, so that both are ignored.
pub(crate) fn headers_disagree(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> bool {
    matches!(named_clients(peer, headers, trusted), [Some(one), Some(other)] if one != other)
}

/// The clients that `X-Forwarded-For` and `Forwarded` name; none unless the peer is a trusted proxy.
fn named_clients(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> [Option<IpAddr>; 2] {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return [None, None];
    }
    let hop_lists = [
        read_hops(headers, &X_FORWARDED_FOR, |line| {
            Some(line.split(',').filter(is_not_blank).map(|hop| Hop::of(parse_address(hop))).collect())
        }),
        read_hops(headers, &FORWARDED, parse_forwarded),
    ];
    hop_lists.map(|hops| Some(first_untrusted(peer, &hops?, trusted)))
}

/// Whether the request has a forwarding header, valid or not.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    [&X_FORWARDED_FOR, &FORWARDED].into_iter().any(|name| headers.contains_key(name))
}

/// How a request with `headers` came from `peer`; `None` if `peer` is a trusted proxy.
pub(crate) fn forwarding(peer: IpAddr, headers: &HeaderMap, settings: &Settings) -> Option<Forwarding> {
    // An https issuer on a plain listener is behind a TLS proxy.
    let has_proxy = settings.issuer.is_secure() && settings.tls.is_none();
    match (is_trusted(peer, &settings.trusted_proxies), is_forwarded(headers)) {
        (true, _) => None,
        (false, true) => Some(Forwarding::Header),
        (false, false) if has_proxy && is_internal_ip(peer) => Some(Forwarding::OwnNetwork),
        (false, false) => Some(Forwarding::None),
    }
}

/// Whether `ip` is one of the trusted proxies.
pub(crate) fn is_trusted(ip: IpAddr, trusted: &[Network]) -> bool {
    let ip = ip.to_canonical();
    trusted.iter().any(|network| network.contains(ip))
}

/// What an element of a forwarding header says of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    /// Its address.
    Address(IpAddr),
    /// Something that is not an address.
    Invalid,
    /// Nothing: every parameter of `Forwarded` is optional (RFC 7239, section 4).
    Unnamed,
}

impl Hop {
    fn of(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Invalid, Self::Address)
    }
}

/// The first hop from the right that is not a trusted proxy, or the last one before a hop that cannot be
/// parsed.
fn first_untrusted(peer: IpAddr, hops: &[Hop], trusted: &[Network]) -> IpAddr {
    let mut last = peer;
    for hop in hops.iter().rev() {
        let Hop::Address(address) = hop else { break };
        last = *address;
        if !is_trusted(last, trusted) {
            break;
        }
    }
    last
}

/// The hops in all lines of a header, in order. A line that cannot be split is one invalid hop. Returns `None` if the
/// request does not have the header, or if the header names no hop.
fn read_hops(
    headers: &HeaderMap,
    name: &HeaderName,
    parse: impl Fn(&str) -> Option<Vec<Hop>>,
) -> Option<Vec<Hop>> {
    let lines = headers.get_all(name).into_iter();
    // An invalid byte makes one hop invalid, not the hops that proxies appended.
    let hops = lines
        .map(|line| parse(&String::from_utf8_lossy(line.as_bytes())).unwrap_or_else(|| vec![Hop::Invalid]));
    let hops: Vec<Hop> = hops.flatten().collect();
    hops.iter().any(|hop| *hop != Hop::Unnamed).then_some(hops)
}

/// The `for` parameter of each element in a line of `Forwarded`; `None` if a quoted string is not closed.
fn parse_forwarded(line: &str) -> Option<Vec<Hop>> {
    Some(split_outside_quotes(line, ',')?.into_iter().filter(is_not_blank).map(for_parameter).collect())
}

/// Empty elements of a list are ignored (RFC 9110, section 5.6.1).
fn is_not_blank(element: &&str) -> bool {
    !element.trim().is_empty()
}

/// The hop in the `for` parameter of an element (RFC 7239, section 4). It is invalid if the parameter is repeated,
/// `unknown` or an obfuscated identifier.
fn for_parameter(element: &str) -> Hop {
    let Some(pairs) = split_outside_quotes(element, ';') else { return Hop::Invalid };
    let mut nodes = pairs.iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    match (nodes.next(), nodes.next()) {
        (None, _) => Hop::Unnamed,
        (Some(node), None) => Hop::of(parse_address(&unquote(node))),
        (Some(_), Some(_)) => Hop::Invalid,
    }
}

/// The content of a quoted string, in which a backslash stands before a character (RFC 9110, section 5.6.4); other
/// text as it is.
fn unquote(text: &str) -> Cow<'_, str> {
    let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.into();
    };
    if !quoted.contains('\\') {
        return quoted.into();
    }
    let mut is_escaped = false;
    let is_content = |c: &char| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    };
    quoted.chars().filter(is_content).collect::<String>().into()
}

/// Parses an address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(ipv6) => ipv6.parse().map(IpAddr::V6).ok(),
        None => text.parse().ok().or_else(|| text.parse().map(|socket: SocketAddr| socket.ip()).ok()),
    };
    address.map(|ip: IpAddr| ip.to_canonical())
}

/// Splits at separators outside quoted strings; `None` if a quoted string is not closed. What a client sends without
/// the closing quote thereby makes the whole line invalid, also what a proxy appended to it.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let is_content = std::mem::take(&mut is_escaped);
        is_escaped = is_quoted && c == '\\' && !is_content;
        is_quoted ^= c == '"' && !is_content;
        c == separator && !is_quoted
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    /// The client IP of a request from `peer` with these header lines; 10.0.0.0/8 and fd00::/8 are trusted.
    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let lines = lines.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_static(name), value)
        });
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        client_ip(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    fn x_forwarded_for(value: &str) -> String {
        client(PROXY, &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        client(PROXY, &[("forwarded", value)])
    }

    #[test]
    fn the_way_of_a_request_is_known_by_its_peer_and_its_headers() {
        let forwarded =
            HeaderMap::from_iter([(X_FORWARDED_FOR.clone(), HeaderValue::from_static("192.0.2.1"))]);
        let of = |issuer: &str, peer: &str, headers: &HeaderMap| {
            let settings = Settings::new(issuer.parse().unwrap(), "sqlite:auth.db".parse().unwrap());
            let settings =
                settings.with(|settings| settings.trusted_proxies = vec!["10.0.0.1".parse().unwrap()]);
            forwarding(peer.parse().unwrap(), headers, &settings)
        };
        let (https, http, none) = ("https://a.example", "http://localhost", HeaderMap::new());

        assert_eq!(of(https, "10.0.0.1", &forwarded), None);
        assert_eq!(of(https, "203.0.113.9", &forwarded), Some(Forwarding::Header));
        for peer in ["127.0.0.1", "10.0.0.2", "100.64.0.1", "fd00::1", "::ffff:192.168.0.1"] {
            assert_eq!(of(https, peer, &none), Some(Forwarding::OwnNetwork), "{peer}");
            assert_eq!(of(http, peer, &none), Some(Forwarding::None), "{peer}");
        }
        assert_eq!(of(https, "203.0.113.9", &none), Some(Forwarding::None));
    }

    #[test]
    fn headers_from_an_untrusted_peer_are_ignored() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "cf-connecting-ip"] {
            for value in ["192.0.2.7", "for=192.0.2.7", "127.0.0.1", "10.0.0.1"] {
                assert_eq!(client("198.51.100.1", &[(name, value)]), "198.51.100.1", "{name}: {value}");
            }
        }
        let without_trusted_proxies = client_ip(
            PROXY.parse().unwrap(),
            &HeaderMap::from_iter([(X_FORWARDED_FOR.clone(), HeaderValue::from_static("192.0.2.7"))]),
            &[],
        );
        assert_eq!(without_trusted_proxies.to_string(), PROXY);
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        for (value, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
            ("192.0.2.7, 10.2.0.1, 10.3.0.1", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7,10.2.0.1", "192.0.2.7"),
            ("10.9.9.9, 10.2.0.1", "10.9.9.9"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443, fd00::1", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("\t192.0.2.7 ", "192.0.2.7"),
            ("192.0.2.7, 10.2.0.1,", "192.0.2.7"),
            (",192.0.2.7,, ,10.2.0.1", "192.0.2.7"),
        ] {
            assert_eq!(x_forwarded_for(value), expected, "{value}");
        }
        let two_lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.7, 10.2.0.1")];
        assert_eq!(client(PROXY, &two_lines), "192.0.2.7", "several lines are one list");
        assert_eq!(client("::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("::ffff:198.51.100.1", &[]), "198.51.100.1", "an IPv4-mapped address becomes IPv4");
    }

    #[test]
    fn an_invalid_hop_ends_the_search() {
        for malformed in
            ["unknown", "192.0.2", "192.0.2.7.8", "192.0.2.07", "<script>", "a:80", "192.0.2.7:x", "é"]
        {
            assert_eq!(x_forwarded_for(malformed), PROXY, "{malformed:?}");
            assert_eq!(x_forwarded_for(&format!("192.0.2.7, {malformed}")), PROXY, "{malformed:?}");
            assert_eq!(
                x_forwarded_for(&format!("192.0.2.7, {malformed}, 10.2.0.1")),
                "10.2.0.1",
                "{malformed:?}"
            );
            // What the client sent is left of what the proxy appended.
            assert_eq!(x_forwarded_for(&format!("{malformed}, 192.0.2.7")), "192.0.2.7", "{malformed:?}");
        }
    }

    #[test]
    fn forwarded_is_parsed_as_rfc_7239_defines() {
        for (value, expected) in [
            ("for=192.0.2.7", "192.0.2.7"),
            ("For=\"192.0.2.7:4711\";proto=https;by=10.0.0.1", "192.0.2.7"),
            ("proto=https; FOR = \"[2001:db8::7]:80\"", "2001:db8::7"),
            ("for=1.1.1.1, for=192.0.2.7;host=\"a,b;for=2.2.2.2\", for=10.2.0.1", "192.0.2.7"),
            ("for=192.0.2.7, for=unknown", PROXY),
            ("for=192.0.2.7, for=_hidden, for=10.2.0.1", "10.2.0.1"),
            ("for=192.0.2.7, proto=https", PROXY),
            ("proto=https;host=auth.example", PROXY),
            ("for=192.0.2.7,,for=10.0.0.3, ,", "192.0.2.7"),
            ("for=192.0.2.7;", "192.0.2.7"),
            ("for=192.0.2.7;host=\"a\\\"b\"", "192.0.2.7"),
            ("for=1.1.1.1;host=\"a\\\", for=2.2.2.2\", for=192.0.2.7", "192.0.2.7"),
            ("for=1.1.1.1;host=\"a\\\\\", for=192.0.2.7", "192.0.2.7"),
            ("a=\"\\, for=192.0.2.7", PROXY),
            ("a=\"\\, for=\"192.0.2.7:80\"", PROXY),
            ("a=\\, for=192.0.2.7", "192.0.2.7"),
            ("for=", PROXY),
            ("for=192.0.2.7;for=192.0.2.8", PROXY),
            ("for=\"192.0.2.7", PROXY),
            ("for=\"192\\.0.2.7\"", "192.0.2.7"),
            ("for=192\\.0.2.7", PROXY),
            ("for=192.0.2.7, by=\"x", PROXY),
            ("192.0.2.7", PROXY),
        ] {
            assert_eq!(forwarded(value), expected, "{value}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_both_ignored() {
        let both = |x, forwarded| client(PROXY, &[("x-forwarded-for", x), ("forwarded", forwarded)]);

        assert_eq!(both("192.0.2.7", "for=192.0.2.7"), "192.0.2.7");
        assert_eq!(both("192.0.2.7", "for=1.1.1.1"), PROXY);
        assert_eq!(both("192.0.2.7", "for="), PROXY);
        assert_eq!(both("192.0.2.7", "for=unknown"), PROXY);
        assert_eq!(both("192.0.2.7", "for=192.0.2.7, proto=https"), PROXY);
    }

    #[test]
    fn a_header_that_names_no_hop_is_ignored() {
        let both = |x, forwarded| client(PROXY, &[("x-forwarded-for", x), ("forwarded", forwarded)]);

        assert_eq!(both("192.0.2.7", "proto=https;host=auth.example"), "192.0.2.7");
        assert_eq!(both("192.0.2.7", "proto=https, by=10.0.0.1,"), "192.0.2.7");
        assert_eq!(both("", "for=192.0.2.7"), "192.0.2.7");
        assert_eq!(both(" , ", "for=192.0.2.7"), "192.0.2.7");
        assert_eq!(both("", ""), PROXY);
    }
}
