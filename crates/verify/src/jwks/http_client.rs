//! A minimal HTTP client: one GET with size limits, without redirects, proxies or retries.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
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
use crate::loopback::{is_localhost_name, is_loopback_ip};

/// The largest body: a hundred RSA 4096 keys take half of it.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The largest response head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long to wait for one address before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// A response whose content type is JSON, or whose body begins as a JSON object does.
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
    /// The response is not complete, its status is not 200, it is not JSON, or it is too large.
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
    let addresses = addresses(url).await.map_err(FetchError::Unreachable)?;
    if !url.is_https() && !addresses.iter().all(|address| is_loopback_ip(address.ip())) {
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

/// The addresses of the host. A name that is reserved for this machine is not looked up (RFC 6761, section 6.3): a
/// resolver may not know it, and one of an attacker could answer with another machine.
async fn addresses(url: &JwksUrl) -> io::Result<Vec<SocketAddr>> {
    if is_localhost_name(url.host()) {
        let port = url.port();
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok(lookup_host((url.host(), url.port())).await?.collect())
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
    check_status(head.status)?;
    let declared = declared_type(&head.headers)?;
    let body = read_body(body).await?;
    if declared == DeclaredType::Other && !body.trim_ascii_start().starts_with(b"{") {
        return Err(FetchError::ContentType);
    }
    Ok(JsonResponse { body, fresh_for: cache_control::fresh_for(&head.headers) })
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

fn check_status(status: StatusCode) -> Result<(), FetchError> {
    match status {
        StatusCode::OK => Ok(()),
        status if status.is_redirection() => Err(FetchError::Redirect(status.as_u16())),
        status => Err(FetchError::Status(status.as_u16())),
    }
}

/// What the content type of a response says about its body.
#[derive(Debug, PartialEq, Eq)]
enum DeclaredType {
    Json,
    /// Nothing, or another type. Many file servers send a key set as `text/plain` or `application/octet-stream`.
    Other,
}

/// Reads the content type.
///
/// # Errors
///
/// [`FetchError::ContentType`] for a page: it is, for example, the login form of a proxy.
fn declared_type(headers: &HeaderMap) -> Result<DeclaredType, FetchError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    match subtype {
        "xhtml+xml" => Err(FetchError::ContentType),
        _ if essence == "text/html" => Err(FetchError::ContentType),
        "json" => Ok(DeclaredType::Json),
        subtype if subtype.ends_with("+json") => Ok(DeclaredType::Json),
        _ => Ok(DeclaredType::Other),
    }
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

    fn declared(content_type: &str) -> Option<DeclaredType> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        declared_type(&headers).ok()
    }

    #[test]
    fn a_page_is_refused_and_only_json_types_count_as_json() {
        for json in ["application/json", "application/jwk-set+json", "Application/JSON; charset=utf-8"] {
            assert_eq!(declared(json), Some(DeclaredType::Json), "{json}");
        }
        for other in
            ["", "text/json", "application/jsonp", "application/", "json", "text/plain; charset=utf-8"]
        {
            assert_eq!(declared(other), Some(DeclaredType::Other), "{other}");
        }
        for page in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
            assert_eq!(declared(page), None, "{page}");
        }
        assert_eq!(declared_type(&HeaderMap::new()).unwrap(), DeclaredType::Other);
    }
}
