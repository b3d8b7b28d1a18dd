//! Keeps the request of a stream in progress until its body ends, so that the connection is not closed as idle.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};

use crate::limits::connection_activity::ActiveRequest;

/// A body that holds its request.
struct StreamingBody {
    body: Body,
    _request: ActiveRequest,
}

/// Holds `request` until the end of the body, if that is a stream: its length is not known. Other responses are sent at once,
/// and pay nothing for it.
pub(super) fn hold_while_streaming(response: Response, request: ActiveRequest) -> Response {
    let is_stream = response.body().size_hint().exact().is_none();
    if !is_stream {
        return response;
    }
    response.map(|body| Body::new(StreamingBody { body, _request: request }))
}

impl hyper::body::Body for StreamingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
