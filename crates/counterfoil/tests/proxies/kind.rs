//! What is different about each proxy.

use std::path::PathBuf;

use counterfoil_test_support::{ProxyKind, interop_folder, skip};

/// The program of a proxy. `None` if it is not installed: the test is skipped.
pub(crate) fn program_of(kind: ProxyKind) -> Option<PathBuf> {
    let packaged = if kind.is_packaged() { Some(interop_folder("proxies")?) } else { None };
    let program = kind.program(packaged.as_deref());
    if program.is_none() {
        skip(&format!("{} is not installed", kind.name()));
    }
    program
}

/// Whether it can remove the cookies of Counterfoil from a request.
pub(crate) const fn removes_cookies(kind: ProxyKind) -> bool {
    !matches!(kind, ProxyKind::Traefik | ProxyKind::Envoy)
}

/// Whether it asks Counterfoil over connections that it keeps. The module of Apache, luasocket, keeps none.
pub(crate) const fn keeps_connections(kind: ProxyKind) -> bool {
    !matches!(kind, ProxyKind::Apache)
}

/// What it answers to a request for a host of which its configuration does not say anything.
pub(crate) const fn status_of_unknown_hosts(kind: ProxyKind) -> u16 {
    match kind {
        ProxyKind::Nginx | ProxyKind::Haproxy | ProxyKind::Apache | ProxyKind::Envoy => 421,
        ProxyKind::Traefik => 404,
        // Without a body.
        ProxyKind::DebianCaddy | ProxyKind::Caddy => 200,
    }
}
