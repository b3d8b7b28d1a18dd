//! The body of a response that a task of its own sends, part by part. Each part is checked when the connection takes it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How many parts may wait for a client that does not read. After that the task waits.
const MAX_QUEUED_PARTS: usize = 4;

/// How long a client may take to read what was sent before.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Decides about each part when the connection takes it. Parts wait for a client that reads slowly, and its credential can end
/// meanwhile. What the connection has taken before that is in its buffer and in those of the system, and is sent.
pub(crate) trait Permission: Send + 'static {
    /// Whether the next part is sent, after this number of parts. If so, it is handed to the connection at once.
    ///
    /// # Errors
    ///
    /// The body ends, with the returned part in the place of all that wait.
    fn poll_permitted(&mut self, context: &mut Context<'_>, sent: usize) -> Poll<Result<(), Option<Bytes>>>;
}

/// Asks before each part, such as a store.
pub(crate) struct AskedPermission<F, E, L> {
    ask: F,
    answer: Option<Pin<Box<dyn Future<Output = Result<(), E>> + Send>>>,
    last: L,
}

impl<F, E, L> AskedPermission<F, E, L> {
    /// Asks by `ask`. An error ends the body, with what `last` makes of it and of the number of parts before.
    pub(crate) const fn new(ask: F, last: L) -> Self {
        Self { ask, answer: None, last }
    }
}

impl<F, A, E, L> Permission for AskedPermission<F, E, L>
where
    F: Fn() -> A + Send + 'static,
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: 'static,
    L: FnMut(E, usize) -> Option<Bytes> + Send + 'static,
{
    fn poll_permitted(&mut self, context: &mut Context<'_>, sent: usize) -> Poll<Result<(), Option<Bytes>>> {
        let answer = self.answer.get_or_insert_with(|| Box::pin((self.ask)()));
        let answered = ready!(answer.as_mut().poll(context));
        self.answer = None;
        Poll::Ready(answered.map_err(|end| (self.last)(end, sent)))
    }
}

/// The body of the response. It ends with its task.
pub(crate) struct StreamBody {
    /// `None` after the end of the permission.
    parts: Option<mpsc::Receiver<Bytes>>,
    permission: Box<dyn Permission>,
    /// The part about which the permission decides.
    next: Option<Bytes>,
    /// How many parts were handed to the connection.
    sent: usize,
}

/// The client is gone, or did not read in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotRead;

impl StreamBody {
    /// A body whose parts the future of `send` sends, in a task of its own. What the future returns is the last part. Its place is
    /// kept from the beginning, so that it waits for no client; one that reads slowly gets it after the parts before. `permission`
    /// decides about every part.
    pub(crate) fn from_task<F>(
        permission: Box<dyn Permission>,
        send: impl FnOnce(mpsc::Sender<Bytes>) -> F,
    ) -> Self
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
        Self { parts: Some(parts), permission, next: None, sent: 0 }
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
        let Self { parts: Some(parts), permission, next, sent } = &mut *self else {
            return Poll::Ready(None);
        };
        if next.is_none() {
            *next = ready!(parts.poll_recv(context));
        }
        if next.is_none() {
            return Poll::Ready(None);
        }
        let part = match ready!(permission.poll_permitted(context, *sent)) {
            Ok(()) => {
                *sent += 1;
                next.take()
            }
            Err(last) => {
                // The task learns that no more is read, and what waits is dropped.
                (self.parts, self.next) = (None, None);
                last
            }
        };
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt as _;
    use tokio::task::yield_now;

    use super::*;

    /// Permits so many parts.
    struct Permitted(usize);

    impl Permission for Permitted {
        fn poll_permitted(&mut self, _: &mut Context<'_>, _: usize) -> Poll<Result<(), Option<Bytes>>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or_default();
            Poll::Ready(left.map(drop).ok_or_else(|| Some(Bytes::from_static(b"over"))))
        }
    }

    const ALL: Permitted = Permitted(usize::MAX);

    #[tokio::test]
    async fn what_waits_is_not_sent_when_the_permission_has_ended_and_the_task_learns_of_it() {
        let (report, mut sent) = mpsc::channel(1);
        let mut body = StreamBody::from_task(Box::new(Permitted(1)), |parts| async move {
            for _ in 0..MAX_QUEUED_PARTS {
                parts.send(Bytes::from_static(b".")).await.unwrap();
            }
            report.send(()).await.unwrap();
            parts.closed().await;
            report.send(()).await.unwrap();
            Some(Bytes::from_static(b"end"))
        });
        sent.recv().await.unwrap();
        let mut next = async || Some(body.frame().await?.unwrap().into_data().unwrap());

        assert_eq!(next().await.unwrap(), ".");
        assert_eq!(next().await.unwrap(), "over", "in the place of the three parts that wait");
        sent.recv().await.unwrap();
        assert_eq!(next().await, None);
    }

    #[tokio::test]
    async fn each_part_waits_for_the_answer_about_it() {
        let answers = Arc::new(AtomicUsize::new(0));
        let asked = Arc::clone(&answers);
        let ask = move || {
            let asked = Arc::clone(&asked);
            async move {
                yield_now().await;
                if asked.fetch_add(1, Ordering::Relaxed) < 2 { Ok(()) } else { Err("over") }
            }
        };
        let permission = AskedPermission::new(ask, |end, sent| Some(format!("{end} after {sent}").into()));
        let body = StreamBody::from_task(Box::new(permission), |parts| async move {
            while parts.send(Bytes::from_static(b".")).await.is_ok() {}
            None
        });

        assert_eq!(body.collect().await.unwrap().to_bytes(), "..over after 2");
        assert_eq!(answers.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_client_that_has_not_read_gets_the_last_part_after_the_others() {
        let (report, mut over) = mpsc::channel(1);
        let body = StreamBody::from_task(Box::new(ALL), |parts| async move {
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
        let body = StreamBody::from_task(Box::new(ALL), |parts| async move {
            parts.closed().await;
            let sent = send_within(SEND_TIMEOUT, &parts, Bytes::from_static(b".")).await;
            report.send(sent).await.unwrap();
            None
        });

        drop(body);
        assert_eq!(over.recv().await, Some(Err(NotRead)));
    }
}
