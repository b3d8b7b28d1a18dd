//! Whose address a request comes from, when it comes through proxies.
//!
//! A header is a claim. What a trusted proxy has appended is believed, hop by hop from the right, up to the first
//! hop that is not a trusted proxy: that is the client. Whatever stands further left the client may have written
//! itself. Where a claim cannot be read the search ends, and the last hop that was believed is the client: an
//! address nearer to us than the truth is throttled too early, never too late.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::settings::ip_network::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client: the peer, or the right-most hop that is no trusted proxy, if the peer is one.
///
/// Where `Forwarded` (RFC 7239) and `X-Forwarded-For` are both there and say different things, one of them
/// came through a proxy that does not know it, perhaps from the client itself; then neither is believed.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let claims = [
        claimed(headers, &X_FORWARDED_FOR, |line| Some(line.split(',').map(address_of).collect())),
        claimed(headers, &FORWARDED, forwarded_for),
    ];
    let mut found = claims.into_iter().flatten().map(|hops| right_most(peer, &hops, trusted));
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        (Some(one), Some(other)) if one == other => one,
        (Some(_), Some(_)) | (None, _) => peer,
    }
}

/// Whether anything is claimed about where the request comes from, true or not: somebody stands behind it who is not
/// the peer.
pub(crate) fn has_claim(headers: &HeaderMap) -> bool {
    [&X_FORWARDED_FOR, &FORWARDED].into_iter().any(|name| headers.contains_key(name))
}

/// Whether `ip` is a proxy whose word is believed.
pub(crate) fn is_trusted(ip: IpAddr, trusted: &[Network]) -> bool {
    let ip = ip.to_canonical();
    trusted.iter().any(|network| network.contains(ip))
}

/// From the right: past every trusted hop, to the first that is not; no further than one can read.
fn right_most(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[Network]) -> IpAddr {
    let mut last = peer;
    for hop in hops.iter().rev() {
        let Some(hop) = hop else { break };
        last = *hop;
        if !is_trusted(last, trusted) {
            break;
        }
    }
    last
}

/// The hops that the lines of a header name, the last one last; `None` for what is no address. No hops at all
/// where there is no such header; one that cannot be read where a line cannot be taken apart.
fn claimed(
    headers: &HeaderMap,
    name: &HeaderName,
    read: impl Fn(&str) -> Option<Vec<Option<IpAddr>>>,
) -> Option<Vec<Option<IpAddr>>> {
    if !headers.contains_key(name) {
        return None;
    }
    let lines = headers.get_all(name).into_iter();
    // A byte that is no text spoils its own hop, not those that proxies have appended to it.
    let hops =
        lines.map(|line| read(&String::from_utf8_lossy(line.as_bytes())).unwrap_or_else(|| vec![None]));
    Some(hops.flatten().collect())
}

/// The `for` of each element of a line of `Forwarded`, if its quotes are closed.
fn forwarded_for(line: &str) -> Option<Vec<Option<IpAddr>>> {
    Some(split_outside_quotes(line, ',')?.into_iter().map(for_of).collect())
}

/// The node of the one `for` in an element (RFC 7239, section 4). `unknown` and obfuscated names are no address.
fn for_of(element: &str) -> Option<IpAddr> {
    let pairs = split_outside_quotes(element, ';')?;
    let mut nodes = pairs.iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let (Some(node), None) = (nodes.next(), nodes.next()) else { return None };
    let unquoted = node.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    address_of(unquoted.unwrap_or(node))
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(ipv6) => ipv6.parse().map(IpAddr::V6).ok(),
        None => text.parse().ok().or_else(|| text.parse().map(|socket: SocketAddr| socket.ip()).ok()),
    };
    address.map(|ip: IpAddr| ip.to_canonical())
}

/// The parts between separators that stand outside quotes; `None` if a quote is not closed. A backslash is in
/// no address, so nothing has to be unescaped, and a line with one cannot be taken apart.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut is_quoted = false;
    let parts = text.split(|c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    });
    let parts = parts.collect();
    (!is_quoted && !text.contains('\\')).then_some(parts)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    /// The client of a request from `peer` with these header lines, where 10.0.0.0/8 and fd00::/8 are trusted.
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
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    fn by_x(value: &str) -> String {
        client(PROXY, &[("x-forwarded-for", value)])
    }

    fn by_forwarded(value: &str) -> String {
        client(PROXY, &[("forwarded", value)])
    }

    #[test]
    fn who_is_no_trusted_proxy_is_not_believed() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "cf-connecting-ip"] {
            for value in ["192.0.2.7", "for=192.0.2.7", "127.0.0.1", "10.0.0.1"] {
                assert_eq!(client("198.51.100.1", &[(name, value)]), "198.51.100.1", "{name}: {value}");
            }
        }
        let nobody_is = client_address(
            PROXY.parse().unwrap(),
            &HeaderMap::from_iter([(X_FORWARDED_FOR.clone(), HeaderValue::from_static("192.0.2.7"))]),
            &[],
        );
        assert_eq!(nobody_is.to_string(), PROXY);
    }

    #[test]
    fn the_right_most_hop_that_is_no_trusted_proxy_is_the_client() {
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
        ] {
            assert_eq!(by_x(value), expected, "{value}");
        }
        let two_lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.7, 10.2.0.1")];
        assert_eq!(client(PROXY, &two_lines), "192.0.2.7", "lines are one list");
        assert_eq!(client("::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("::ffff:198.51.100.1", &[]), "198.51.100.1", "shown as what it is");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_search() {
        for malformed in
            ["", "unknown", "192.0.2", "192.0.2.7.8", "192.0.2.07", "<script>", "a:80", "192.0.2.7:x", "é"]
        {
            assert_eq!(by_x(malformed), PROXY, "{malformed:?}");
            assert_eq!(by_x(&format!("192.0.2.7, {malformed}")), PROXY, "{malformed:?}");
            assert_eq!(by_x(&format!("192.0.2.7, {malformed}, 10.2.0.1")), "10.2.0.1", "{malformed:?}");
            // What a client made up stands to the left of what is true.
            assert_eq!(by_x(&format!("{malformed}, 192.0.2.7")), "192.0.2.7", "{malformed:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says() {
        for (value, expected) in [
            ("for=192.0.2.7", "192.0.2.7"),
            ("For=\"192.0.2.7:4711\";proto=https;by=10.0.0.1", "192.0.2.7"),
            ("proto=https; FOR = \"[2001:db8::7]:80\"", "2001:db8::7"),
            ("for=1.1.1.1, for=192.0.2.7;host=\"a,b;for=2.2.2.2\", for=10.2.0.1", "192.0.2.7"),
            ("for=192.0.2.7, for=unknown", PROXY),
            ("for=192.0.2.7, for=_hidden, for=10.2.0.1", "10.2.0.1"),
            ("for=192.0.2.7, proto=https", PROXY),
            ("for=192.0.2.7;for=192.0.2.8", PROXY),
            ("for=\"192.0.2.7", PROXY),
            ("for=\"192\\.0.2.7\"", PROXY),
            ("for=192.0.2.7, by=\"x", PROXY),
            ("192.0.2.7", PROXY),
        ] {
            assert_eq!(by_forwarded(value), expected, "{value}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_both_not_believed() {
        let both = |x, forwarded| client(PROXY, &[("x-forwarded-for", x), ("forwarded", forwarded)]);

        assert_eq!(both("192.0.2.7", "for=192.0.2.7"), "192.0.2.7");
        assert_eq!(both("192.0.2.7", "for=1.1.1.1"), PROXY);
        assert_eq!(both("192.0.2.7", "for="), PROXY);
    }
}
