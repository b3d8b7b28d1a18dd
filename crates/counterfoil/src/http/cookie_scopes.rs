//! The paths and domains at which a browser could hold a second cookie of one name.
//!
//! A browser stores a cookie for each combination of name, domain and path (RFC 6265, section 5.3), and sends only the name and
//! the value. So a server that gets two values of one name cannot see which of them it has set itself.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// A domain and a path of a cookie; `None`: a cookie without the attribute `Domain`, for the host alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CookieScope {
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
}

/// How many segments of a path are looked at: cookies at deeper paths are not found, and an answer has a bounded size.
const MAX_SEGMENTS: usize = 8;

/// All scopes whose cookies a browser sends with a request to `route` on `host`. `route` is a path or a path template, from the
/// root of the host.
pub(crate) fn matching_scopes(host: &str, route: &str) -> Vec<CookieScope> {
    let paths = matching_paths(route);
    let domains = std::iter::once(None).chain(matching_domains(host).into_iter().map(Some));
    domains
        .flat_map(|domain| {
            paths.iter().map(move |path| CookieScope { domain: domain.clone(), path: path.clone() })
        })
        .collect()
}

/// The paths that match (RFC 6265, section 5.1.4): each folder of the route with and without a slash at the end, and the
/// route itself.
fn matching_paths(route: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::from(["/".to_owned()]);
    let mut path = String::new();
    let segments = route.split('/').skip(1).take(MAX_SEGMENTS).take_while(|segment| is_plain(segment));
    for segment in segments {
        if !path.is_empty() {
            paths.insert(format!("{path}/"));
        }
        path = format!("{path}/{segment}");
        paths.insert(path.clone());
    }
    paths
}

/// Whether a segment is one of a path in `Set-Cookie`: it is not empty, no parameter of a template, and ends no attribute.
fn is_plain(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    !segment.is_empty() && segment.bytes().all(is_plain)
}

/// The domains that match (RFC 6265, section 5.1.3): the host and those above it, except the last label. For an address and
/// for a host of one label there are none: browsers take a `Domain` of this text for no domain, so that a line with it would
/// clear the cookie of the host itself.
fn matching_domains(host: &str) -> Vec<String> {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    if address.parse::<IpAddr>().is_ok() {
        return Vec::new();
    }
    let parents = std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent));
    parents.filter(|name| name.contains('.')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_a_route_are_its_folders_and_itself() {
        let paths = |route| matching_paths(route).into_iter().collect::<Vec<_>>();

        assert_eq!(paths("/"), ["/"]);
        assert_eq!(paths("/v1/me"), ["/", "/v1", "/v1/", "/v1/me"]);
        assert_eq!(
            paths("/auth/v1/sessions/{id}"),
            ["/", "/auth", "/auth/", "/auth/v1", "/auth/v1/", "/auth/v1/sessions"]
        );
    }

    #[test]
    fn a_path_that_a_client_chooses_adds_no_attribute_and_its_length_is_bounded() {
        assert_eq!(matching_paths("/a;Domain=evil.example/b").len(), 1);
        assert!(matching_paths(&"/a".repeat(1000)).len() <= 2 * MAX_SEGMENTS);
    }

    #[test]
    fn the_domains_of_a_host_are_itself_and_those_above_it() {
        assert_eq!(matching_domains("auth.shop.example"), ["auth.shop.example", "shop.example"]);
        assert_eq!(matching_domains("app.localhost"), ["app.localhost"]);
        assert_eq!(["localhost", "127.0.0.1", "[::1]"].map(matching_domains), [[""; 0]; 3]);
    }

    #[test]
    fn a_scope_is_a_path_with_or_without_a_domain() {
        let scope = |domain: Option<&str>, path: &str| CookieScope {
            domain: domain.map(str::to_owned),
            path: path.to_owned(),
        };

        let in_domain = |path| scope(Some("a.example"), path);
        assert_eq!(
            matching_scopes("a.example", "/me"),
            [scope(None, "/"), scope(None, "/me"), in_domain("/"), in_domain("/me")]
        );
    }
}
