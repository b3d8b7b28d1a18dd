//! An HTTP connection that exists only in memory: no socket, no kernel, and the same work for each request.

use std::future::{IntoFuture as _, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use counterfoil_load::client::response::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tower::ServiceExt as _;
use tower::make::Shared;

/// More than the longest request or response.
const BUFFER_SIZE: usize = 64 * 1024;

/// The address of the client, as the server learns it.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_000));

/// The client's end of a connection to a router.
pub(crate) struct MemoryConnection {
    stream: DuplexStream,
    received: Vec<u8>,
}

impl MemoryConnection {
    /// Serves `router` to this connection, in a task of the current runtime.
    pub(crate) fn serve(router: Router) -> Self {
        let (stream, server) = duplex(BUFFER_SIZE);
        // As `axum::serve` does for a router: it would otherwise build the route of a handler, and its layers, for each request.
        let router: Router = router.with_state(());
        let service = router.map_request(|mut request: Request| {
            request.extensions_mut().insert(ConnectInfo(PEER));
            request
        });
        tokio::spawn(axum::serve(MemoryListener(Some(server)), Shared::new(service)).into_future());
        Self { stream, received: Vec::with_capacity(BUFFER_SIZE) }
    }

    /// Sends a request, and reads its response.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.send_until(request, |received| Response::parse(received).is_some()).await?;
        Response::parse(&self.received).context("the response is complete")
    }

    /// Sends a request, and reads the text of its response.
    pub(crate) async fn send_and_read(&mut self, request: &[u8]) -> Result<String> {
        self.send(request).await?;
        Ok(String::from_utf8_lossy(&self.received).into_owned())
    }

    /// Sends a request, and reads until `is_complete`. For responses that are known, because searching their
    /// end would cost more than the server's work on them.
    pub(crate) async fn send_until(
        &mut self,
        request: &[u8],
        is_complete: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        self.received.clear();
        self.stream.write_all(request).await?;
        while !is_complete(&self.received) {
            let count = self.stream.read_buf(&mut self.received).await?;
            ensure!(count > 0, "the server closed the connection");
        }
        Ok(())
    }
}

/// A listener that accepts one connection.
struct MemoryListener(Option<DuplexStream>);

impl Listener for MemoryListener {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.take() {
            Some(stream) => (stream, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
