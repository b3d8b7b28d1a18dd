//! Why a request is not authenticated for a proxy, beside what is wrong with its credential.

use counterfoil_verify::{AuthError, CredentialSource, CrossSiteRequest};
use http::HeaderValue;

use super::proxy::Proxy;
use super::requirements::RequirementsError;

/// A refusal. `http::error` chooses the status.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ForwardAuthError {
    /// The peer is not one of the proxies: what it says about the request could be anything.
    #[error("the request comes from an address that is not in the setting `forward_auth.proxies`")]
    UntrustedProxy,
    /// The path names no valid requirements.
    #[error(transparent)]
    Requirements(#[from] RequirementsError),
    /// A header that describes the request is missing, occurs twice or is malformed.
    #[error("{} must be sent by the proxy, once and well-formed: {}", quoted(.header), .proxy.remedy(.header))]
    Headers {
        /// The proxy in the path.
        proxy: Proxy,
        /// The name of the header.
        header: &'static str,
    },
    /// A header that names the host is missing, occurs twice or is malformed, on a route that the proxy forwards.
    #[error(
        "`{0}` must be sent by the proxy, once and well-formed: set it for the paths below `/.counterfoil/`, as the \
         configurations in dist/proxy do"
    )]
    HostHeader(&'static str),
    /// The application is not one that is guarded.
    #[error("the host is neither that of the issuer nor in the setting `forward_auth.hosts`")]
    HostNotGuarded,
    /// A page of another site sent the request.
    #[error(transparent)]
    CrossSite(#[from] CrossSiteRequest),
    /// A WebSocket handshake with a cookie does not name the site of its page.
    #[error("a WebSocket handshake with a cookie of this service must have the header `Origin`")]
    HandshakeWithoutOrigin,
    /// A login at a host begins or ends in a request by which a browser does not open a page.
    #[error("a login at a guarded host is a page that a browser opens, not a part of another page")]
    NoNavigation,
    /// The state is that of another browser, or the code is not valid: forged, expired, used, or for another host.
    #[error(
        "the login was not begun in this browser, took too long, or was completed before: open the application again"
    )]
    HostLoginInvalid,
    /// The request has two different credentials.
    #[error("more than one credential was presented")]
    MultipleCredentials(Proxy),
    /// No valid credential; a proxy that cannot pass on a redirect makes one of this location.
    #[error("{error}")]
    LoginRequired {
        /// The login page.
        location: HeaderValue,
        /// What is wrong with the credential.
        error: AuthError,
        /// Where it was presented.
        presented_in: CredentialSource,
    },
}

impl ForwardAuthError {
    /// The `code` of its problem.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::UntrustedProxy => "untrusted_proxy",
            Self::Requirements(_) => "proxy_options",
            Self::Headers { .. } | Self::HostHeader(_) => "proxy_headers",
            Self::HostLoginInvalid => "host_login_invalid",
            Self::HostNotGuarded => "host_not_guarded",
            Self::CrossSite(_) | Self::HandshakeWithoutOrigin | Self::NoNavigation => "cross_site",
            Self::MultipleCredentials(_) => "ambiguous_credential",
            Self::LoginRequired { .. } => "credential_required",
        }
    }

    /// Whether an operator must change a configuration. No client can be right then.
    pub(crate) const fn is_misconfiguration(&self) -> bool {
        match self {
            Self::UntrustedProxy
            | Self::Requirements(_)
            | Self::Headers { .. }
            | Self::HostHeader(_)
            | Self::HostNotGuarded => true,
            Self::CrossSite(_)
            | Self::NoNavigation
            | Self::HostLoginInvalid
            | Self::HandshakeWithoutOrigin
            | Self::MultipleCredentials(_)
            | Self::LoginRequired { .. } => false,
        }
    }
}

fn quoted(header: &str) -> String {
    if header.contains(' ') { header.to_owned() } else { format!("`{header}`") }
}
