//! A stream whose connection learns when it is dropped, and can end it: an upgraded one outlives its HTTP connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// A stream that a WebSocket may take over. Its reads and writes fail with `ConnectionAborted` after its connection has ended.
#[derive(Debug)]
pub(crate) struct TrackedStream<S> {
    stream: S,
    /// Dropped together with the stream. Nothing is sent.
    open: oneshot::Sender<()>,
}

/// Knows whether a stream is open. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct StreamHandle(oneshot::Receiver<()>);

impl<S> TrackedStream<S> {
    /// Tracks `stream`.
    pub(crate) fn new(stream: S) -> (Self, StreamHandle) {
        let (open, dropped) = oneshot::channel();
        (Self { stream, open }, StreamHandle(dropped))
    }

    /// Fails if the connection has ended: a handler that only writes would not notice.
    fn check_open(&self) -> io::Result<()> {
        match self.open.is_closed() {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

impl StreamHandle {
    /// Waits until the stream is dropped.
    pub(crate) async fn dropped(self) {
        // After `is_open` has found it dropped, there is nothing to wait for.
        if !self.0.is_terminated() {
            let _ = self.0.await;
        }
    }

    /// Whether the stream is not dropped yet.
    pub(crate) fn is_open(&mut self) -> bool {
        matches!(self.0.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() && self.open.poll_closed(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open()?;
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_open()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    use super::*;

    /// Long enough on a busy machine.
    const MAX_WAIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_connection_that_ends_ends_a_stream_that_waits() {
        let (client, server) = tokio::io::duplex(16);
        let (mut stream, mut handle) = TrackedStream::new(server);
        let reading = tokio::spawn(async move { (stream.read_u8().await, stream.write_u8(0).await) });
        assert!(handle.is_open());

        drop(handle);

        let (read, written) = timeout(MAX_WAIT, reading).await.unwrap().unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        drop(client);
    }

    #[tokio::test]
    async fn a_connection_learns_that_its_stream_is_dropped() {
        let (_client, server) = tokio::io::duplex(16);
        let (stream, mut handle) = TrackedStream::new(server);
        assert!(handle.is_open());

        drop(stream);

        assert!(!handle.is_open());
        timeout(MAX_WAIT, handle.dropped()).await.unwrap();
    }
}
