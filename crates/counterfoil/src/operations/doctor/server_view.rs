//! What a server sees of one request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the server sees of one request, which may have come through proxies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ServerView {
    /// The issuer, as configured.
    pub issuer: String,
    /// The time of the server, in milliseconds since 1970.
    pub now_ms: u64,
    /// The host of the request.
    pub host: Option<String>,
    /// Whether the server itself speaks TLS.
    pub has_tls: bool,
    /// The scheme in `X-Forwarded-Proto`.
    pub forwarded_proto: Option<String>,
    /// The address at the other end of the connection.
    pub peer: Option<String>,
    /// Whether that is one of `trusted_proxies`.
    pub is_trusted_peer: bool,
    /// `X-Forwarded-For`; several lines are joined by commas.
    pub x_forwarded_for: Option<String>,
    /// `Forwarded`; several lines are joined by commas.
    pub forwarded: Option<String>,
    /// The address that counts as the client's.
    pub client_ip: Option<String>,
    /// Whether `X-Forwarded-For` and `Forwarded` name different clients, so that both are ignored.
    pub headers_disagree: bool,
    /// `Sec-Fetch-Site`.
    pub sec_fetch_site: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// The name of the cookie that the response to a request without that cookie sets.
    pub cookie_name: String,
    /// The value that the response sets.
    pub cookie_set: Option<String>,
    /// The values of that cookie in the request.
    pub cookies: Vec<String>,
    /// The length of `X-Doctor-Padding`.
    pub padding: u64,
}

impl ServerView {
    /// Whether clients use TLS.
    pub fn is_secure(&self) -> bool {
        self.issuer.starts_with("https:")
    }

    /// The host of the issuer with its port, unless that is the default one.
    pub fn authority(&self) -> &str {
        let after_scheme = self.issuer.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.split('/').next().unwrap_or_default()
    }

    /// The origin of the issuer.
    pub fn issuer_origin(&self) -> String {
        let scheme = self.issuer.split_once("://").map_or("", |(scheme, _)| scheme);
        format!("{scheme}://{}", self.authority())
    }
}
