//! The future of a service behind a guard, which may answer in its place.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The answer of a service behind a guard: the service's, or the guard's own.
    pub struct Guarded<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R> {
        Passed {
            #[pin]
            inner: F,
        },
        Refused {
            answer: Option<Response<R>>,
        },
    }
}

impl<F, R> Guarded<F, R> {
    /// On its way to the service.
    pub(crate) const fn passed(inner: F) -> Self {
        Self { state: State::Passed { inner } }
    }

    /// Held up, with this answer.
    pub(crate) const fn refused(answer: Response<R>) -> Self {
        Self { state: State::Refused { answer: Some(answer) } }
    }
}

impl<F, R, E> Future for Guarded<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed { inner } => inner.poll(cx),
            StateProjection::Refused { answer } => {
                Poll::Ready(Ok(answer.take().expect("a future is not polled after it is done")))
            }
        }
    }
}

impl<F, R> fmt::Debug for Guarded<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded(..)")
    }
}
