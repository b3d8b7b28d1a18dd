//! The body of a response that a task of its own sends, part by part.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How many parts may wait for a client that does not read. After that the task waits.
const MAX_QUEUED_PARTS: usize = 4;

/// How long a client may take to read what was sent before.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The body of the response. It ends with its task.
#[derive(Debug)]
pub(crate) struct StreamBody {
    parts: mpsc::Receiver<Bytes>,
}

/// The client is gone, or did not read in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotRead;

impl StreamBody {
    /// A body whose parts the future of `send` sends, in a task of its own. What the future returns is the last part. Its place is
    /// kept from the beginning, so that it waits for no client; one that reads slowly gets it after the parts before.
    pub(crate) fn from_task<F>(send: impl FnOnce(mpsc::Sender<Bytes>) -> F) -> Self
    where
        F: Future<Output = Option<Bytes>> + Send + 'static,
    {
        let (sender, parts) = mpsc::channel(MAX_QUEUED_PARTS + 1);
        let place = sender.clone().try_reserve_owned().expect("a new channel has places");
        let sending = send(sender);
        tokio::spawn(async move {
            if let Some(last) = sending.await {
                place.send(last);
            }
        });
        Self { parts }
    }
}

/// Sends a part to a client that must read what was sent before within `limit`.
///
/// # Errors
///
/// If it does not.
pub(crate) async fn send_within(
    limit: Duration,
    parts: &mpsc::Sender<Bytes>,
    part: Bytes,
) -> Result<(), NotRead> {
    match timeout(limit, parts.send(part)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(NotRead),
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_client_that_has_not_read_gets_the_last_part_after_the_others() {
        let (report, mut over) = mpsc::channel(1);
        let body = StreamBody::from_task(|parts| async move {
            let (limit, part) = (Duration::from_millis(10), Bytes::from_static(b"."));
            let mut sent = 0_usize;
            while send_within(limit, &parts, part.clone()).await.is_ok() {
                sent += 1;
            }
            report.send(sent).await.unwrap();
            Some(Bytes::from_static(b"end"))
        });

        assert_eq!(over.recv().await, Some(MAX_QUEUED_PARTS));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "....end");
    }

    #[tokio::test]
    async fn the_task_learns_that_its_client_is_gone() {
        let (report, mut over) = mpsc::channel(1);
        let body = StreamBody::from_task(|parts| async move {
            parts.closed().await;
            let sent = send_within(SEND_TIMEOUT, &parts, Bytes::from_static(b".")).await;
            report.send(sent).await.unwrap();
            None
        });

        drop(body);
        assert_eq!(over.recv().await, Some(Err(NotRead)));
    }
}
