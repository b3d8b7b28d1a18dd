//! The least that a layer can be: the costs that remain are those of any layer.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::{Layer, Service};

/// A layer whose service shares one value with its clones, and forwards each request.
#[derive(Clone, Default)]
pub(crate) struct EmptyLayer(Arc<()>);

/// The service of an [`EmptyLayer`].
#[derive(Clone)]
pub(crate) struct EmptyService<S> {
    inner: S,
    _shared: Arc<()>,
}

impl<S> Layer<S> for EmptyLayer {
    type Service = EmptyService<S>;

    fn layer(&self, inner: S) -> EmptyService<S> {
        EmptyService { inner, _shared: Arc::clone(&self.0) }
    }
}

impl<S: Service<R>, R> Service<R> for EmptyService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.inner.call(request)
    }
}
