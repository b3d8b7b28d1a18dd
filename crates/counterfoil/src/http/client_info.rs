//! The extractor of [`ClientInfo`]: the IP and the `User-Agent` of the client.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::header::USER_AGENT;
use http::request::Parts;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::client_ip::client_ip;

/// How many bytes of a `User-Agent` are stored, in sessions and in each audit event.
const MAX_USER_AGENT_BYTES: usize = 256;

impl FromRequestParts<App> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self { ip: request_ip(parts, app), user_agent: user_agent(&parts.headers) })
    }
}

/// The client IP of a request; `None` if the server does not know the address of its peer.
pub(crate) fn request_ip(parts: &Parts, app: &App) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(client_ip(peer.ip(), &parts.headers, &app.settings().trusted_proxies))
}

/// The first `User-Agent`, without control characters: they could change what a terminal or a log shows.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    clean_user_agent(&String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes()))
}

/// The text as it is stored: without control characters, cut at a character border; `None` if nothing is left of it.
pub(crate) fn clean_user_agent(text: &str) -> Option<String> {
    let mut clean = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if clean.len() + c.len_utf8() > MAX_USER_AGENT_BYTES {
            break;
        }
        clean.push(c);
    }
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(value: &[u8]) -> Option<String> {
        user_agent(&HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(value).unwrap())]))
    }

    #[test]
    fn a_user_agent_is_truncated_and_has_no_control_characters() {
        assert_eq!(parse("curl/8\t\u{85}🦀".as_bytes()).unwrap(), "curl/8🦀");
        assert_eq!(parse("🦀".repeat(300).as_bytes()).unwrap(), "🦀".repeat(64));
        assert_eq!(
            parse(format!("a{}", "é".repeat(300)).as_bytes()).unwrap().len(),
            255,
            "at a character border"
        );
        assert_eq!(parse("a".repeat(300).as_bytes()).unwrap().len(), 256);
        assert_eq!(parse(b"\xff\xfe").unwrap(), "\u{fffd}\u{fffd}");
        assert_eq!(parse(b""), None);
    }
}
