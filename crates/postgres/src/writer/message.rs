//! The messages to the writer, which wait in a queue.

use tokio::sync::{mpsc, oneshot};

use crate::write_request::WriteRequest;

/// The length of the queue. Beyond it callers get an error at once, so that waiting times stay bounded.
pub(crate) const QUEUE_SIZE: usize = 4096;

/// The most requests that share one transaction.
const BATCH_SIZE: usize = 64;

/// A message to the writer.
pub(crate) enum Message {
    Request(WriteRequest),
    /// Completes the requests before it, and ends.
    Close(oneshot::Sender<()>),
}

/// The queued requests in their order, up to [`BATCH_SIZE`] or up to the request to close.
pub(super) fn next_batch(
    first: WriteRequest,
    messages: &mut mpsc::Receiver<Message>,
) -> (Vec<WriteRequest>, Option<oneshot::Sender<()>>) {
    let mut batch = vec![first];
    while batch.len() < BATCH_SIZE {
        match messages.try_recv() {
            Ok(Message::Request(request)) => batch.push(request),
            Ok(Message::Close(close)) => return (batch, Some(close)),
            Err(_) => break,
        }
    }
    (batch, None)
}
