//! An answer in time, if only the answer that there is none.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::AppError;

/// Gives a request at most this long, the reading of its body included.
///
/// What was handed to the store by then is done all the same; a credential that was made goes with the answer.
pub(crate) async fn in_time(State(most): State<Duration>, request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(most, next.run(request)).await;
    answer.unwrap_or_else(|_| AppError::TooLate.into_response())
}
