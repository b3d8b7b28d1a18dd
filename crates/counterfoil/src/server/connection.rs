//! Serves one connection: TLS handshake, HTTP/1.1 or HTTP/2, timeouts, and graceful shutdown.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::response::{IntoResponse as _, Response};
use axum::routing::future::RouteFuture;
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::http::error::AppError;
use crate::keys::tls::CurrentCertificate;
use crate::limits::connection_activity::{ActiveRequest, ConnectionActivity};
use crate::server::shutdown::ShutdownSignal;
use crate::server::streaming_body::hold_while_streaming;
use crate::server::tracked_stream::TrackedStream;
use crate::server::write_timeout::WriteTimeoutStream;
use crate::settings::limits::Limits;

/// How often an HTTP/2 client is pinged, to detect that it is gone.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// The number of requests of one HTTP/2 connection in progress at a time. Browsers and API clients use a few;
/// each one may take the memory of its headers, a task and a body.
const MAX_CONCURRENT_STREAMS: u32 = 32;

/// The number of body bytes that a client may send before the server has read them, per stream and per
/// connection. Request bodies are small; the default of hyper, one MiB, would let a client fill memory.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// The number of response bytes that are buffered for a client which does not open its window.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves connections with one router, one certificate and one set of limits.
pub(crate) struct ConnectionHandler {
    builder: Builder<TokioExecutor>,
    router: Router,
    certificate: Option<CurrentCertificate>,
    limits: Limits,
    /// The limits of each request, if the routes have none of their own.
    request_limits: Option<RequestLimits>,
}

/// The limits of a request to a route without its own.
#[derive(Debug, Clone, Copy)]
struct RequestLimits {
    body: DefaultBodyLimit,
    time: Duration,
}

impl ConnectionHandler {
    /// Serves `router` within `limits`, over TLS if there is a certificate.
    pub(crate) fn new(router: Router, certificate: Option<CurrentCertificate>, limits: Limits) -> Self {
        Self { builder: http_builder(limits), router, certificate, limits, request_limits: None }
    }

    /// Limits the size of each body and the time to the start of each response. Layers of the router would do so for each route, and
    /// cost a tenth of a short request.
    pub(crate) fn limiting_requests(mut self) -> Self {
        let Limits { max_body_size, request_timeout, .. } = self.limits;
        self.request_limits =
            Some(RequestLimits { body: DefaultBodyLimit::max(max_body_size), time: request_timeout });
        self
    }

    /// Serves one connection until the client closes it, it is idle, or the server shuts down. Its requests are
    /// counted in `activity`; without one it is pending, also during the TLS handshake.
    pub(crate) async fn serve(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        activity: Arc<ConnectionActivity>,
        mut shutdown: ShutdownSignal,
    ) {
        let accepted_at = Instant::now();
        let served = activity.limit_admission(async {
            let stream = WriteTimeoutStream::new(stream, self.limits.request_timeout)?;
            let Some(certificate) = &self.certificate else {
                self.serve_http(stream, (peer, &activity, accepted_at), shutdown).await;
                return Ok(());
            };
            let handshake = TlsAcceptor::from(certificate.config()).accept(stream);
            let tls_stream = tokio::select! {
                tls_stream = timeout(self.limits.header_timeout, handshake) => tls_stream??,
                () = shutdown.stopping_after_first_request(&activity, accepted_at) => return Ok(()),
            };
            self.serve_http(tls_stream, (peer, &activity, accepted_at), shutdown).await;
            io::Result::Ok(())
        });
        if let Err(error) = served.await {
            tracing::debug!(%peer, %error, "a connection could not be served");
        }
    }

    /// Answers the requests of one connection, and waits for the end of a WebSocket that has taken it over. The end of this
    /// future ends the WebSocket, so that it counts as a connection until then; a shutdown ends it at once.
    async fn serve_http<S>(
        &self,
        stream: S,
        (peer, activity, accepted_at): (SocketAddr, &Arc<ConnectionActivity>, Instant),
        mut shutdown: ShutdownSignal,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (stream, mut handle) = TrackedStream::new(stream);
        self.serve_requests(stream, (peer, activity, accepted_at), shutdown.clone()).await;
        if handle.is_open() {
            let _request = activity.start_request();
            tokio::select! {
                () = handle.dropped() => {}
                () = shutdown.stopping() => {}
            }
        }
    }

    /// Answers the requests of one connection.
    ///
    /// A connection without a request within the header timeout is closed at once. One that is idle, or open
    /// when the server shuts down, is closed gracefully (GOAWAY; RFC 9113, section 6.8): requests that the
    /// client sent afterwards were not started, and it can send them again on another connection.
    async fn serve_requests<S>(
        &self,
        stream: S,
        (peer, activity, accepted_at): (SocketAddr, &Arc<ConnectionActivity>, Instant),
        mut shutdown: ShutdownSignal,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = ConnectionService {
            router: self.router.clone(),
            peer,
            activity: Arc::clone(activity),
            shutdown: shutdown.clone(),
            request_limits: self.request_limits,
        };
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        tokio::select! {
            biased;
            // An error of the connection is not logged: each request has its own line in the request log.
            _ = connection.as_mut() => return,
            () = shutdown.stopping_after_first_request(activity, accepted_at) => {}
            () = activity.wait_until_idle(self.limits.header_timeout, self.limits.idle_timeout) => {
                if !activity.has_received_request() {
                    return;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        // A client that does not read its responses delays the end by one request timeout at most.
        let _ = timeout(self.limits.request_timeout, connection).await;
    }
}

/// Configures hyper with the limits of a connection. Without the timer hyper ignores all timeouts.
fn http_builder(limits: Limits) -> Builder<TokioExecutor> {
    let max_header_size = limits.max_header_size.max(8 * 1024);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(max_header_size);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(limits.header_timeout)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(max_header_size).unwrap_or(u32::MAX));
    builder
}

/// The router as a hyper service for one connection. Adds the peer's address to each request, limits it, and adds `Connection: close`
/// to a response of HTTP/1.1 while the server drains.
struct ConnectionService {
    router: Router,
    peer: SocketAddr,
    activity: Arc<ConnectionActivity>,
    shutdown: ShutdownSignal,
    request_limits: Option<RequestLimits>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, mut request: Request<Incoming>) -> ResponseFuture {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(limits) = self.request_limits {
            limits.body.apply(&mut request);
        }
        // HTTP/2 has no such header: its connections are closed by GOAWAY.
        let shutdown = (request.version() < Version::HTTP_2).then(|| self.shutdown.clone());
        // A router is always ready.
        let response = self.router.clone().call(request);
        let time_limit = self.request_limits.map(|limits| limits.time);
        let active_request = Some(self.activity.start_request());
        ResponseFuture { response, time_limit, deadline: None, shutdown, active_request }
    }
}

pin_project! {
    /// The response to one request, which counts as in progress until the response is ready, or until the end of a body that
    /// is a stream.
    struct ResponseFuture {
        #[pin]
        response: RouteFuture<Infallible>,
        time_limit: Option<Duration>,
        // Set when the response is not ready at once.
        deadline: Option<Pin<Box<Sleep>>>,
        // Of a connection that `Connection: close` ends.
        shutdown: Option<ShutdownSignal>,
        active_request: Option<ActiveRequest>,
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match (this.response.poll(cx), &this.time_limit) {
            (Poll::Ready(response), _) => response,
            (Poll::Pending, None) => return Poll::Pending,
            (Poll::Pending, Some(limit)) => {
                let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(*limit)));
                ready!(deadline.as_mut().poll(cx));
                Ok(AppError::Timeout.into_response())
            }
        };
        if let Ok(response) = &mut response
            && this.shutdown.as_ref().is_some_and(ShutdownSignal::closes_connections)
            && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let Some(active_request) = this.active_request.take() else { return Poll::Ready(response) };
        Poll::Ready(response.map(|response| hold_while_streaming(response, active_request)))
    }
}
