//! One GET within bounds: no redirect, no proxy, no second try, no more than so many bytes.

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

/// The most bytes of a body: a hundred keys of RSA 4096 are half of it.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The most bytes of a head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long one address of several may keep us from trying the next.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// What came back: JSON by its own account.
#[derive(Debug)]
pub(crate) struct JsonResponse {
    pub(crate) body: Bytes,
    /// For how long it may be relied on, if it says so.
    pub(crate) fresh_for: Option<Duration>,
}

/// Asks for documents, each on a connection of its own: it happens every few minutes.
pub(crate) struct HttpClient {
    /// Made only where it is needed: the roots are read from the disk.
    tls: Option<TlsConnector>,
}

impl HttpClient {
    /// A client for locations like this one.
    pub(crate) fn for_url(url: &JwksUrl, roots: &TrustedRoots) -> Result<Self, RemoteVerifierError> {
        let tls = if url.is_https() { Some(roots.connector()?) } else { None };
        Ok(Self { tls })
    }

    /// Gets the JSON at `url`. The caller puts an end to it that comes in time.
    ///
    /// # Errors
    ///
    /// Anything but a whole response of status 200, JSON by its content type and of a fair size.
    pub(crate) async fn get(&self, url: &JwksUrl) -> Result<JsonResponse, FetchError> {
        let stream = connect(url).await?;
        if !url.is_https() {
            return send_get(stream, url).await;
        }
        let unreachable = |why: &str| FetchError::Unreachable(io::Error::other(why.to_owned()));
        let tls = self.tls.as_ref().ok_or_else(|| unreachable("no TLS for an issuer on plain http"))?;
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| unreachable("no name that a certificate could be for"))?;
        send_get(tls.connect(name, stream).await.map_err(FetchError::Unreachable)?, url).await
    }
}

/// Connects to the first address that answers.
async fn connect(url: &JwksUrl) -> Result<TcpStream, FetchError> {
    let found = lookup_host((url.host(), url.port())).await.map_err(FetchError::Unreachable)?;
    let addresses: Vec<SocketAddr> = found.collect();
    if !url.is_https() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(FetchError::NotLoopback);
    }
    let mut last = io::Error::other("the name has no address");
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
    // Dropped with this future, and the connection with it: a server that stalls holds nothing of ours.
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
        .expect("what was parsed as a URL has a path and an authority")
}

/// Judges an response by its head.
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

/// `application/json`, `application/jwk-set+json` and their like. A page where JSON was asked for is a
/// login form of some proxy, at best.
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
    fn only_what_calls_itself_json_is_json() {
        for good in ["application/json", "application/jwk-set+json", "Application/JSON; charset=utf-8"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/html", "text/json", "application/jsonp", "application/", "json", "text/plain"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
