//! The future of a service that either forwards a request or answers it itself.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The response of the inner service, or the response of the layer that rejected the request.
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
    /// Waits for the inner service.
    pub(crate) const fn forward(inner: F) -> Self {
        Self { state: State::Forwarded { inner } }
    }

    /// Answers with this response.
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
                Poll::Ready(Ok(response.take().expect("a future is not polled after it is ready")))
            }
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
