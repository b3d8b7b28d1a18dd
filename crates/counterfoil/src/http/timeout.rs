//! The time limit of a request.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::AppError;

/// Answers 503 if a request takes longer than `limit`, the reading of its body included.
///
/// A change that was handed to the store before that is still committed.
pub(crate) async fn limit_duration(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    within(Some(limit), pin!(next.run(request))).await
}

/// The response, or 503 if it takes longer than `limit`. It is pinned by the caller: a future that is moved here would take its
/// place twice in that of the caller.
pub(crate) async fn within(
    limit: Option<Duration>,
    mut response: Pin<&mut impl Future<Output = Response>>,
) -> Response {
    let Some(limit) = limit else { return response.await };
    // A response that needs no waiting needs no timer.
    if let Poll::Ready(response) = poll_fn(|context| Poll::Ready(response.as_mut().poll(context))).await {
        return response;
    }
    tokio::time::timeout(limit, response).await.unwrap_or_else(|_| AppError::Timeout.into_response())
}
