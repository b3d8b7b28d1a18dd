//! Where a request comes from, as far as we can tell.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::client_ip::client_address;

/// The most characters of a `User-Agent` that are kept.
const LONGEST: usize = 256;

/// The circumstances of a request: the address of the client and what it calls itself.
#[derive(Debug, Clone)]
pub(crate) struct Whence(pub(crate) ClientInfo);

impl FromRequestParts<App> for Whence {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let trusted = &app.settings().trusted_proxies;
        let ip = peer.map(|ConnectInfo(peer)| client_address(peer.ip(), &parts.headers, trusted));
        Ok(Self(ClientInfo { ip, user_agent: user_agent(&parts.headers) }))
    }
}

/// The first `User-Agent`, without what could write over a terminal or a log.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let shown = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    let kept: String = shown.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kept(shown: &[u8]) -> Option<String> {
        user_agent(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(shown).unwrap())]))
    }

    #[test]
    fn a_user_agent_is_cut_and_holds_no_controls() {
        assert_eq!(kept("curl/8\t\u{85}🦀".as_bytes()).unwrap(), "curl/8🦀");
        assert_eq!(kept("🦀".repeat(300).as_bytes()).unwrap().chars().count(), 256);
        assert_eq!(kept(b"\xff\xfe").unwrap(), "\u{fffd}\u{fffd}");
        assert_eq!(kept(b""), None);
    }
}
