//! The body of a response that a task of its own sends, part by part. Each part is checked when the connection takes it.

use std::convert::Infallible;
use std::iter;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
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

/// How long it may take when the server shuts down.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

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
    answer: Option<Answer<E>>,
    last: L,
}

/// The answer about the next part.
type Answer<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

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
    parts: Option<Arc<Mutex<Queue>>>,
    permission: Box<dyn Permission>,
    /// The part about which the permission decides.
    next: Option<Bytes>,
    /// How many parts were handed to the connection.
    sent: usize,
}

/// The parts that wait for the connection.
type Queue = mpsc::Receiver<Bytes>;

/// How a stream ends when its task sends no more.
pub(crate) struct Ending {
    patience: Duration,
    last: Box<dyn FnOnce(usize) -> Option<Bytes> + Send>,
}

impl Ending {
    /// The client may take so long for what waits for it. After that it is dropped: without a limit, clients that do not read would
    /// keep memory that counts for no stream. `last` makes the last part, from the number of parts that were dropped.
    pub(crate) fn new(
        patience: Duration,
        last: impl FnOnce(usize) -> Option<Bytes> + Send + 'static,
    ) -> Self {
        Self { patience, last: Box::new(last) }
    }
}

/// The client is gone, or did not read in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotRead;

impl StreamBody {
    /// A body whose parts the future of `send` sends, in a task of its own. The place of the last part is kept from the beginning, so
    /// that it waits for no client. `permission` decides about every part. `open` is dropped when the client has read everything
    /// before the last part, or may not any more.
    pub(crate) fn from_task<F>(
        permission: Box<dyn Permission>,
        open: impl Send + 'static,
        send: impl FnOnce(mpsc::Sender<Bytes>) -> F,
    ) -> Self
    where
        F: Future<Output = Ending> + Send + 'static,
    {
        let (sender, queue) = mpsc::channel(MAX_QUEUED_PARTS + 1);
        let place = sender.clone().try_reserve_owned().expect("a new channel has places");
        let queue = Arc::new(Mutex::new(queue));
        let (rest, waiting, sending) = (sender.clone(), Arc::downgrade(&queue), send(sender));
        tokio::spawn(async move {
            let Ending { patience, last } = sending.await;
            // All other places are free when nothing waits.
            let is_read = timeout(patience, rest.reserve_many(MAX_QUEUED_PARTS)).await.is_ok();
            let dropped = if is_read { 0 } else { drop_waiting(&waiting) };
            if let Some(last) = last(dropped) {
                place.send(last);
            }
            drop(open);
        });
        Self { parts: Some(queue), permission, next: None, sent: 0 }
    }
}

/// Drops what waits for the connection, and returns the number of parts.
fn drop_waiting(queue: &Weak<Mutex<Queue>>) -> usize {
    let Some(queue) = queue.upgrade() else { return 0 };
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    iter::from_fn(|| queue.try_recv().ok()).count()
}

/// The place of the next part, which a client has that reads what was sent before within `limit`.
///
/// # Errors
///
/// If it does not.
pub(crate) async fn reserve_within(
    limit: Duration,
    parts: &mpsc::Sender<Bytes>,
) -> Result<mpsc::Permit<'_, Bytes>, NotRead> {
    match timeout(limit, parts.reserve()).await {
        Ok(Ok(place)) => Ok(place),
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
            *next = ready!(parts.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(context));
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
    const SHORT: Duration = Duration::from_millis(10);

    /// The last part: how many were dropped.
    fn ending(patience: Duration) -> Ending {
        Ending::new(patience, |dropped| Some(format!("{dropped} dropped").into()))
    }

    async fn send(parts: &mpsc::Sender<Bytes>, count: usize) {
        for _ in 0..count {
            parts.send(Bytes::from_static(b".")).await.unwrap();
        }
    }

    async fn next(body: &mut StreamBody) -> Option<Bytes> {
        Some(body.frame().await?.unwrap().into_data().unwrap())
    }

    #[tokio::test]
    async fn what_waits_is_not_sent_when_the_permission_has_ended_and_the_task_learns_of_it() {
        let (report, mut sent) = mpsc::channel(1);
        let mut body = StreamBody::from_task(Box::new(Permitted(1)), (), |parts| async move {
            send(&parts, MAX_QUEUED_PARTS).await;
            report.send(()).await.unwrap();
            parts.closed().await;
            report.send(()).await.unwrap();
            ending(SEND_TIMEOUT)
        });
        sent.recv().await.unwrap();

        assert_eq!(next(&mut body).await.unwrap(), ".");
        assert_eq!(next(&mut body).await.unwrap(), "over", "in the place of the three parts that wait");
        sent.recv().await.unwrap();
        assert_eq!(next(&mut body).await, None);
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
        let body = StreamBody::from_task(Box::new(permission), (), |parts| async move {
            while parts.send(Bytes::from_static(b".")).await.is_ok() {}
            ending(SEND_TIMEOUT)
        });

        assert_eq!(body.collect().await.unwrap().to_bytes(), "..over after 2");
        assert_eq!(answers.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_client_that_reads_gets_everything_and_the_last_part() {
        let body = StreamBody::from_task(Box::new(ALL), (), |parts| async move {
            send(&parts, MAX_QUEUED_PARTS + 2).await;
            ending(SEND_TIMEOUT)
        });

        assert_eq!(body.collect().await.unwrap().to_bytes(), "......0 dropped");
    }

    #[tokio::test]
    async fn what_a_client_does_not_read_in_time_is_dropped_and_it_gets_the_last_part() {
        let (open, mut closed) = mpsc::channel::<()>(1);
        let mut body = StreamBody::from_task(Box::new(ALL), open, |parts| async move {
            send(&parts, MAX_QUEUED_PARTS).await;
            assert_eq!(reserve_within(SHORT, &parts).await.map(drop), Err(NotRead));
            ending(SHORT)
        });

        assert_eq!(closed.recv().await, None, "it counts as open no more");

        assert_eq!(next(&mut body).await.unwrap(), format!("{MAX_QUEUED_PARTS} dropped"));
        assert_eq!(next(&mut body).await, None);
    }

    /// Also if everything was sent before it has read anything.
    #[tokio::test]
    async fn a_stream_counts_as_open_until_its_client_has_read_it() {
        let (open, mut closed) = mpsc::channel::<()>(1);
        let mut body = StreamBody::from_task(Box::new(ALL), open, |parts| async move {
            send(&parts, 2).await;
            ending(SEND_TIMEOUT)
        });
        assert_eq!(next(&mut body).await.unwrap(), ".");
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(closed.try_recv(), Err(mpsc::error::TryRecvError::Empty));

        assert_eq!(next(&mut body).await.unwrap(), ".");

        assert_eq!(closed.recv().await, None);
        assert_eq!(next(&mut body).await.unwrap(), "0 dropped");
    }

    #[tokio::test]
    async fn the_task_learns_that_its_client_is_gone() {
        let (open, mut closed) = mpsc::channel::<()>(1);
        let body = StreamBody::from_task(Box::new(ALL), open, |parts| async move {
            parts.closed().await;
            assert_eq!(reserve_within(SEND_TIMEOUT, &parts).await.map(drop), Err(NotRead));
            ending(SEND_TIMEOUT)
        });

        drop(body);
        assert_eq!(closed.recv().await, None);
    }
}
