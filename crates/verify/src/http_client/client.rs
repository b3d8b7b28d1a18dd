//! Connections to the issuer, and the requests on them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::http_client::error::HttpError;
use crate::http_client::tls::{RootsError, TrustedRoots};
use crate::http_client::url::HttpUrl;
use crate::loopback::{is_localhost_name, is_loopback_ip};

/// The largest response head.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long to wait for one address before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Connects to the issuer.
pub(crate) struct HttpClient {
    /// Created only if it is needed, because the roots are read from disk.
    tls: Option<TlsConnector>,
}

impl HttpClient {
    /// A client for URLs with the scheme of this one.
    pub(crate) fn for_url(url: &HttpUrl, roots: &TrustedRoots) -> Result<Self, RootsError> {
        let tls = if url.is_https() { Some(roots.connector()?) } else { None };
        Ok(Self { tls })
    }

    /// Opens a connection to the host of `url`. The caller must set a timeout.
    ///
    /// # Errors
    ///
    /// No address of the host accepts a connection, or its certificate is not trusted.
    pub(crate) async fn connect(&self, url: &HttpUrl) -> Result<HttpConnection, HttpError> {
        let stream = open_stream(url).await?;
        if !url.is_https() {
            return HttpConnection::start(stream).await;
        }
        let unreachable = |why: &str| HttpError::Unreachable(io::Error::other(why.to_owned()));
        let tls = self.tls.as_ref().ok_or_else(|| unreachable("the client was created without TLS"))?;
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| unreachable("the host name is not valid for TLS"))?;
        HttpConnection::start(tls.connect(name, stream).await.map_err(HttpError::Unreachable)?).await
    }
}

/// A connection on which one request is sent after the other. Dropping it closes it, so that a stalled server holds no
/// resources.
pub(crate) struct HttpConnection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Drives the connection.
    _task: JoinSet<hyper::Result<()>>,
}

impl HttpConnection {
    async fn start<S>(stream: S) -> Result<Self, HttpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut client = http1::Builder::new();
        client.max_buf_size(MAX_HEAD_BYTES);
        let (sender, connection) =
            client.handshake(TokioIo::new(stream)).await.map_err(HttpError::Protocol)?;
        let mut task = JoinSet::new();
        task.spawn(connection);
        Ok(Self { sender, _task: task })
    }

    /// Whether another request can be sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request to `url`, the URL of the connection's host, and returns the response with its body still to come.
    /// The caller must set a timeout.
    ///
    /// # Errors
    ///
    /// The connection is closed before the head of a response arrives.
    pub(crate) async fn send(
        &mut self,
        url: &HttpUrl,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(url.authority()).expect("a parsed URL has a valid authority");
        headers.insert(HOST, host);
        let agent = concat!("counterfoil-verify/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.sender.ready().await.map_err(HttpError::Protocol)?;
        self.sender.send_request(request).await.map_err(HttpError::Protocol)
    }
}

/// Reads a body of at most `max` bytes. The caller must set a timeout.
pub(crate) async fn read_body(body: Incoming, max: usize) -> Result<Bytes, HttpError> {
    let read = Limited::new(body, max).collect().await;
    read.map(|collected| collected.to_bytes()).map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(broken) => HttpError::Protocol(*broken),
        Err(_) => HttpError::TooLarge,
    })
}

/// Connects to the first address that accepts a connection.
async fn open_stream(url: &HttpUrl) -> Result<TcpStream, HttpError> {
    let addresses = addresses(url).await.map_err(HttpError::Unreachable)?;
    if !url.is_https() && !addresses.iter().all(|address| is_loopback_ip(address.ip())) {
        return Err(HttpError::NotLoopback);
    }
    let mut last = io::Error::other("the host name has no address");
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A poll waits for no acknowledgement of the former one.
                stream.set_nodelay(true).map_err(HttpError::Unreachable)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(HttpError::Unreachable(last))
}

/// The addresses of the host. A name that is reserved for this machine is not looked up (RFC 6761, section 6.3): a
/// resolver may not know it, and one of an attacker could answer with another machine.
async fn addresses(url: &HttpUrl) -> io::Result<Vec<SocketAddr>> {
    if is_localhost_name(url.host()) {
        let port = url.port();
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok(lookup_host((url.host(), url.port())).await?.collect())
}
