//! Why a request to the issuer failed.

use std::io;

/// Why a request to the issuer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection failed, or the certificate is not trusted.
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The request took longer than its timeout.
    #[error("the issuer did not respond in time")]
    TimedOut,
    /// The response is not HTTP or is truncated.
    #[error("the issuer did not send a valid HTTP response")]
    Protocol(#[source] hyper::Error),
    /// The response is a redirect. It is not followed: the issuer is only at the configured place.
    #[error("the issuer responded with a redirect ({0}), which is not followed")]
    Redirect(u16),
    /// The status of the response is not 200.
    #[error("the issuer responded with status {0}")]
    Status(u16),
    /// The response is a page, or its content type does not name JSON and its body is no JSON object.
    #[error("the response is a page or a text, not JSON")]
    ContentType,
    /// The body is larger than any valid response.
    #[error("the response is too large")]
    TooLarge,
    /// `localhost` resolves to an address that is not loopback.
    #[error("plain http is allowed only to a loopback address")]
    NotLoopback,
}
