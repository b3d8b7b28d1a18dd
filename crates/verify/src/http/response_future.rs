//! The future of a service behind a guard, which may response in its place.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The response of a service behind a guard: the service's, or the guard's own.
    pub struct ResponseFuture<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R> {
        Forwarded {
            #[pin]
            inner: F,
        },
        Rejected {
            response: Option<Response<R>>,
        },
    }
}

impl<F, R> ResponseFuture<F, R> {
    /// On its way to the service.
    pub(crate) const fn forward(inner: F) -> Self {
        Self { state: State::Forwarded { inner } }
    }

    /// Held up, with this response.
    pub(crate) const fn reject(response: Response<R>) -> Self {
        Self { state: State::Rejected { response: Some(response) } }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Forwarded { inner } => inner.poll(cx),
            StateProjection::Rejected { response } => {
                Poll::Ready(Ok(response.take().expect("a future is not polled after it is done")))
            }
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
