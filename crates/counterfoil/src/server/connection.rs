//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::keys::tls::Certificate;
use crate::server::activity::{Running, Traffic};
use crate::server::admission::Newcomer;
use crate::server::write_timeout::Patient;
use crate::settings::Limits;

/// How often an HTTP/2 connection is asked whether its client is still there.
const PING: Duration = Duration::from_secs(30);

/// How many requests of one HTTP/2 connection are answered at a time. Browsers and clients of an API have a few;
/// each may cost us its headers, a task and a body.
const STREAMS: u32 = 32;

/// How much of bodies a client may send before we have read it: on one stream, and on the connection. Ours are
/// small, so hyper's mebibyte would only be memory for whoever wants to fill it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// How much of an answer waits for a client that does not open its window.
const SEND_BUFFER: usize = 64 * 1024;

/// What all connections are served by.
pub(crate) struct Connections {
    builder: Builder<TokioExecutor>,
    site: Router,
    certificate: Option<Certificate>,
    limits: Limits,
}

/// Becomes true when the server ends.
pub(crate) type Ending = watch::Receiver<bool>;

impl Connections {
    /// Serves `site` within `limits`, with TLS if there is a certificate.
    pub(crate) fn new(site: Router, certificate: Option<Certificate>, limits: Limits) -> Self {
        Self { builder: builder(limits), site, certificate, limits }
    }

    /// Serves one connection until its client, its silence or the server ends it. With its first request it is no
    /// `newcomer` any more.
    pub(crate) async fn serve(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        newcomer: Option<Newcomer>,
        mut ending: Ending,
    ) {
        let served = async {
            let stream = Patient::new(stream, self.limits.request_timeout)?;
            let Some(certificate) = &self.certificate else {
                self.converse(stream, (peer, newcomer), ending).await;
                return Ok(());
            };
            let handshake = TlsAcceptor::from(certificate.served()).accept(stream);
            let greeted = tokio::select! {
                greeted = timeout(self.limits.header_timeout, handshake) => greeted??,
                () = has_begun(&mut ending) => return Ok(()),
            };
            self.converse(greeted, (peer, newcomer), ending).await;
            io::Result::Ok(())
        };
        if let Err(error) = served.await {
            tracing::debug!(%peer, %error, "a connection was not taken");
        }
    }

    /// Answers requests. Who has brought none in the time for headers is let go at once; who is quiet for too
    /// long, or when the server ends, is told so first (RFC 9113, section 6.8): what is on its way then was not
    /// begun, and may be sent again elsewhere.
    async fn converse<S>(
        &self,
        stream: S,
        (peer, newcomer): (SocketAddr, Option<Newcomer>),
        mut ending: Ending,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let traffic = Arc::new(Traffic::of(newcomer));
        let visitor = Visitor { site: self.site.clone(), peer, traffic: Arc::clone(&traffic) };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), visitor));
        tokio::select! {
            biased;
            // How it ended is the client's affair; a request of its was answered or logged by itself.
            _ = connection.as_mut() => return,
            () = has_begun(&mut ending) => {}
            () = traffic.has_ceased(self.limits.header_timeout, self.limits.idle_timeout) => {
                if !traffic.has_begun() {
                    return;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        // Who keeps an answer from being sent is not waited for any longer than one who asks slowly.
        let _ = timeout(self.limits.request_timeout, connection).await;
    }
}

/// Waits until the server ends, or whoever would tell us of it.
pub(crate) async fn has_begun(ending: &mut Ending) {
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}

/// Sets what a connection may take. Without the timer hyper's time-outs do nothing at all.
fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let headers = limits.max_header_size.max(8 * 1024);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(limits.header_timeout)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(headers).unwrap_or(u32::MAX));
    builder
}

/// Whoever is at the other end, with what they may ask.
struct Visitor {
    site: Router,
    peer: SocketAddr,
    traffic: Arc<Traffic>,
}

impl hyper::service::Service<Request<Incoming>> for Visitor {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: Request<Incoming>) -> Answering {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A router is always ready.
        Answering { answer: self.site.clone().call(request), running: Some(self.traffic.begin()) }
    }
}

pin_project! {
    /// An answer that is being made; the traffic counts it until it is there.
    struct Answering {
        #[pin]
        answer: RouteFuture<Infallible>,
        running: Option<Running>,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(cx));
        this.running.take();
        Poll::Ready(answer)
    }
}
