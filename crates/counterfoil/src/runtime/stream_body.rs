//! The body of a response that a task of its own sends, part by part.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// How many parts may wait for a client that does not read. After that the task waits.
const MAX_QUEUED_PARTS: usize = 4;

/// The body of the response. It ends when the sender of its parts is dropped, and the sender is told when it is dropped.
#[derive(Debug)]
pub(crate) struct StreamBody {
    parts: mpsc::Receiver<Bytes>,
}

impl StreamBody {
    /// A body, and the sender of its parts.
    pub(crate) fn new() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, parts) = mpsc::channel(MAX_QUEUED_PARTS);
        (sender, Self { parts })
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.parts.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}
