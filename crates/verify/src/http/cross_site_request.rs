//! Why a write counts as a cross-site request (CSRF), and what its sender must change.

use crate::failure_reason::FailureReason;
use crate::http::origin::Origin;

/// The longest `Origin` that the log repeats, in bytes: the longest DNS name and a scheme.
const MAX_LOGGED_ORIGIN: usize = 280;

/// The request is a write or a handshake of another site, or could be one.
///
/// `Display` says what is wrong and what would be right. It repeats nothing that the client sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrossSiteRequest {
    /// The request has a cookie, and no header from which its site could be seen: `curl` with a cookie jar, or a proxy that
    /// removes headers.
    #[error(
        "the request has a cookie of this service, and neither the header `Origin` nor `Sec-Fetch-Site`: send `Origin: {own}` (curl: -H 'Origin: {own}')"
    )]
    MissingHeader {
        /// The origin of the service itself.
        own: Origin,
    },
    /// The page is of an origin that is not trusted.
    #[error(
        "the `Origin` of the request is neither {own} nor a trusted one: add it to the setting `trusted_origins` (in a Rust application: `OriginPolicy::trust`)"
    )]
    UntrustedOrigin {
        /// The origin of the page.
        origin: Origin,
        /// The origin of the service itself.
        own: Origin,
    },
    /// The browser hides the origin of the page.
    #[error(
        "the `Origin` of the request is `null`, which sandboxed frames, files and some redirects send, of any site: send the request from a page of {own} or of a trusted origin"
    )]
    NullOrigin {
        /// The origin of the service itself.
        own: Origin,
    },
    /// `Origin` is not an origin in the form that browsers send.
    #[error(
        "the header `Origin` must be a scheme and a host in lower case, without a path and without the default port, like `{own}`"
    )]
    MalformedOrigin {
        /// The origin of the service itself.
        own: Origin,
    },
    /// A header occurs twice: a proxy may have added one.
    #[error("the header `{0}` must occur only once")]
    RepeatedHeader(&'static str),
    /// The browser says that the page is of another site, and names no origin that could be trusted.
    #[error(
        "the header `Sec-Fetch-Site` says that the request comes from another site: only `same-origin` and `none` are allowed, or an `Origin` in the setting `trusted_origins`"
    )]
    OtherSite,
}

impl CrossSiteRequest {
    /// A short stable code for the log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "origin_missing",
            Self::UntrustedOrigin { .. } => "origin_not_trusted",
            Self::NullOrigin { .. } => "origin_null",
            Self::MalformedOrigin { .. } => "origin_malformed",
            Self::RepeatedHeader(_) => "header_repeated",
            Self::OtherSite => "cross_site",
        }
    }

    /// The code and a message with the origin of the page, for the log.
    pub fn failure_reason(&self) -> FailureReason {
        FailureReason::new(self.code(), self.log_message())
    }

    fn log_message(&self) -> String {
        match self {
            Self::MissingHeader { .. } => "a cookie, and neither Origin nor Sec-Fetch-Site".to_owned(),
            Self::UntrustedOrigin { origin, .. } if origin.as_str().len() <= MAX_LOGGED_ORIGIN => {
                format!("the origin {origin} is not trusted")
            }
            Self::UntrustedOrigin { .. } => "the origin is not trusted".to_owned(),
            Self::NullOrigin { .. } => "the origin is null".to_owned(),
            Self::MalformedOrigin { .. } => "the origin is malformed".to_owned(),
            Self::RepeatedHeader(name) => format!("the header {name} occurs twice"),
            Self::OtherSite => "Sec-Fetch-Site says that another site sent the request".to_owned(),
        }
    }
}
