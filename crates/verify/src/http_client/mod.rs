//! A minimal HTTP client for the issuer: HTTP/1.1 over TLS, with size limits, without redirects, proxies or retries.
//!
//! ```text
//!   json_document    one GET of a JSON document, on a connection of its own
//!         |
//!      client        connects to a URL; sends requests on a connection
//!      |    |
//!     url  tls       what may be connected to; whose certificate is trusted
//! ```

mod cache_control;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod json_document;
pub(crate) mod tls;
pub(crate) mod url;
