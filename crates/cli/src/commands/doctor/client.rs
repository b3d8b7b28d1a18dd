//! The HTTP client of the doctor: each request has a connection of its own, on which everything that is seen is kept.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use counterfoil::IssuerUrl;
use counterfoil::operator::{is_localhost_name, is_loopback_ip};
use counterfoil_jose::Time;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::commands::doctor::certificate::not_after;
use crate::error::{CliError, error_chain};

/// How long a connection or an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The most bytes of an answer.
const MAX_BODY: usize = 256 * 1024;

/// Sends requests to one deployment.
pub(super) struct DoctorClient {
    host: String,
    port: u16,
    authority: String,
    tls: Option<TlsConnector>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// The host has no address, or no connection is accepted.
    #[error("no connection to {0}")]
    Unreachable(String, #[source] io::Error),
    /// The certificate is not trusted, or no version of TLS is common.
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    /// The connection was closed, or what was sent is not HTTP.
    #[error("no valid answer")]
    Protocol(#[source] hyper::Error),
    /// The server names a path that no request can have.
    #[error("the path is not valid")]
    Invalid(#[source] hyper::http::Error),
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// The answer has more bytes than every answer of a server.
    #[error("the answer is too large")]
    TooLarge,
}

/// What TLS agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSeen {
    /// The version, as `TLSv1.3`.
    pub(super) version: String,
    /// When the certificate ends, if that can be read.
    pub(super) ends_at: Option<Time>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Vec<u8>,
    /// Each part of the body with the time from the request to its arrival.
    pub(super) parts: Vec<(Duration, Vec<u8>)>,
    /// What TLS agreed on; `None` with plain HTTP.
    pub(super) tls: Option<TlsSeen>,
    /// How long the request took.
    pub(super) took: Duration,
}

impl DoctorClient {
    /// A client for the deployment at `url`, which trusts the root certificates of the system.
    ///
    /// # Errors
    ///
    /// If there are no root certificates.
    pub(super) fn new(url: &IssuerUrl) -> Result<Self, CliError> {
        let origin = url.origin().as_str();
        Ok(Self {
            host: url.host().trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            authority: origin.split_once("://").map_or("", |(_, authority)| authority).to_owned(),
            tls: if url.is_secure() { Some(connector()?) } else { None },
        })
    }

    /// Sends a `GET` for this path with these headers, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(super) async fn get(&self, path: &str, headers: &HeaderMap) -> Result<Answer, RequestError> {
        timeout(TIMEOUT, self.exchange(path, headers)).await.map_err(|_| RequestError::TimedOut)?
    }

    async fn exchange(&self, path: &str, headers: &HeaderMap) -> Result<Answer, RequestError> {
        let stream =
            self.open().await.map_err(|error| RequestError::Unreachable(self.authority.clone(), error))?;
        let Some(connector) = &self.tls else {
            return self.send(stream, None, path, headers).await;
        };
        let tls_error = |error| RequestError::Tls(error);
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| tls_error(io::Error::other(error)))?;
        let stream = connector.connect(name, stream).await.map_err(tls_error)?;
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().and_then(|version| version.as_str());
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let seen = TlsSeen {
            version: version.unwrap_or("unknown").replace('_', "."),
            ends_at: certificate.and_then(|certificate| not_after(certificate)),
        };
        self.send(stream, Some(seen), path, headers).await
    }

    async fn send<S>(
        &self,
        stream: S,
        tls: Option<TlsSeen>,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Answer, RequestError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(RequestError::Protocol)?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let agent = concat!("counterfoil-doctor/", env!("CARGO_PKG_VERSION"));
        let request = Request::get(path).header(HOST, &self.authority).header(USER_AGENT, agent);
        // The server names the path of its keys.
        let mut request = request.body(Empty::<Bytes>::new()).map_err(RequestError::Invalid)?;
        request.headers_mut().extend(headers.clone());
        let started = Instant::now();
        let response = sender.send_request(request).await.map_err(RequestError::Protocol)?;
        let took = started.elapsed();
        let (head, body) = response.into_parts();
        let parts = read(body, started).await?;
        let body = parts.iter().flat_map(|(_, part)| part).copied().collect();
        Ok(Answer { status: head.status, headers: head.headers, body, parts, tls, took })
    }

    async fn open(&self) -> io::Result<TcpStream> {
        let addresses: Vec<SocketAddr> = match is_localhost_name(&self.host) {
            // A resolver may not know the name, or answer with another machine (RFC 6761, section 6.3).
            true => vec![(Ipv4Addr::LOCALHOST, self.port).into(), (Ipv6Addr::LOCALHOST, self.port).into()],
            false => lookup_host((self.host.as_str(), self.port)).await?.collect(),
        };
        if self.tls.is_none() && !addresses.iter().all(|address| is_loopback_ip(address.ip())) {
            return Err(io::Error::other("plain HTTP is for loopback only"));
        }
        TcpStream::connect(addresses.as_slice()).await
    }
}

/// Reads a body part by part.
async fn read(mut body: Incoming, started: Instant) -> Result<Vec<(Duration, Vec<u8>)>, RequestError> {
    let (mut parts, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(RequestError::Protocol)?.into_data() else { continue };
        length += data.len();
        if length > MAX_BODY {
            return Err(RequestError::TooLarge);
        }
        parts.push((started.elapsed(), data.to_vec()));
    }
    Ok(parts)
}

/// A TLS client for HTTP/1.1 that trusts the roots of the system; `SSL_CERT_FILE` overrides where they are read from.
fn connector() -> Result<TlsConnector, CliError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(CliError::failure("this machine has no root certificates to trust")
            .with_hint("install the package ca-certificates, or name a file with SSL_CERT_FILE"));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::from_error(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

impl RequestError {
    /// The error with its causes.
    pub(super) fn to_text(&self) -> String {
        error_chain(self)
    }
}
