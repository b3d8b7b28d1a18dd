//! A minimal HTTP client: one GET with size limits, without redirects, proxies or retries.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::jwks::cache_control;
use crate::jwks::error::{FetchError, RemoteVerifierError};
use crate::jwks::tls::TrustedRoots;
use crate::jwks::url::JwksUrl;

/// The largest body: a hundred RSA 4096 keys take half of it.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The largest response head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long to wait for one address before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// A response whose content type is JSON.
#[derive(Debug)]
pub(crate) struct JsonResponse {
    pub(crate) body: Bytes,
    /// How long it is fresh, if it says so.
    pub(crate) fresh_for: Option<Duration>,
}

/// Fetches documents, each on a new connection, because that happens only every few minutes.
pub(crate) struct HttpClient {
    /// Created only if it is needed, because the roots are read from disk.
    tls: Option<TlsConnector>,
}

impl HttpClient {
    /// A client for URLs with the scheme of this one.
    pub(crate) fn for_url(url: &JwksUrl, roots: &TrustedRoots) -> Result<Self, RemoteVerifierError> {
        let tls = if url.is_https() { Some(roots.connector()?) } else { None };
        Ok(Self { tls })
    }

    /// Fetches the JSON document at `url`. The caller must set a timeout.
    ///
    /// # Errors
    ///
    /// The response is not complete, its status is not 200, its content type is not JSON, or it is too large.
    pub(crate) async fn get(&self, url: &JwksUrl) -> Result<JsonResponse, FetchError> {
        let stream = connect(url).await?;
        if !url.is_https() {
            return send_get(stream, url).await;
        }
        let unreachable = |why: &str| FetchError::Unreachable(io::Error::other(why.to_owned()));
        let tls = self.tls.as_ref().ok_or_else(|| unreachable("the client was created without TLS"))?;
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| unreachable("the host name is not valid for TLS"))?;
        send_get(tls.connect(name, stream).await.map_err(FetchError::Unreachable)?, url).await
    }
}

/// Connects to the first address that accepts a connection.
async fn connect(url: &JwksUrl) -> Result<TcpStream, FetchError> {
    let resolved = lookup_host((url.host(), url.port())).await.map_err(FetchError::Unreachable)?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    if !url.is_https() && !addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        return Err(FetchError::NotLoopback);
    }
    let mut last = io::Error::other("the host name has no address");
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(FetchError::Unreachable(last))
}

async fn send_get<S>(stream: S, url: &JwksUrl) -> Result<JsonResponse, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_HEAD_BYTES);
    let (mut sender, connection) =
        client.handshake(TokioIo::new(stream)).await.map_err(FetchError::Protocol)?;
    // Dropped with this future together with the connection, so that a stalled server holds no resources.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let response = sender.send_request(request(url)).await.map_err(FetchError::Protocol)?;
    let (head, body) = response.into_parts();
    check_head(head.status, &head.headers)?;
    Ok(JsonResponse { body: read_body(body).await?, fresh_for: cache_control::fresh_for(&head.headers) })
}

fn request(url: &JwksUrl) -> Request<Empty<Bytes>> {
    Request::get(url.path_and_query())
        .header(HOST, url.authority())
        .header(USER_AGENT, concat!("counterfoil-verify/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::new())
        .expect("a parsed URL has a path and an authority")
}

/// Checks the status and the content type.
fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<(), FetchError> {
    if status.is_redirection() {
        return Err(FetchError::Redirect(status.as_u16()));
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status(status.as_u16()));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_json(content_type) { Ok(()) } else { Err(FetchError::ContentType) }
}

/// Whether the content type is `application/json` or ends with `+json`. An HTML page would be, for example,
/// the login form of a proxy.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

async fn read_body(body: Incoming) -> Result<Bytes, FetchError> {
    let read = Limited::new(body, MAX_BODY_BYTES).collect().await;
    read.map(|collected| collected.to_bytes()).map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(broken) => FetchError::Protocol(*broken),
        Err(_) => FetchError::TooLarge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_content_types_are_accepted() {
        for good in ["application/json", "application/jwk-set+json", "Application/JSON; charset=utf-8"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/html", "text/json", "application/jsonp", "application/", "json", "text/plain"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
