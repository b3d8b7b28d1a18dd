//! The time limit of a request.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::AppError;

/// Answers 503 if a request takes longer than `limit`, the reading of its body included.
///
/// A change that was handed to the store before that is still committed.
pub(crate) async fn limit_duration(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    within(Some(limit), next.run(request)).await
}

/// The response, or 503 if it takes longer than `limit`.
pub(crate) async fn within(limit: Option<Duration>, response: impl Future<Output = Response>) -> Response {
    let Some(limit) = limit else { return response.await };
    tokio::time::timeout(limit, response).await.unwrap_or_else(|_| AppError::Timeout.into_response())
}
