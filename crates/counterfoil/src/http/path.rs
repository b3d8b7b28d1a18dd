//! Reads ids from the path of a request.

use std::str::FromStr;

use http::Uri;

use crate::http::error::AppError;

/// Parses the segment of the path with this index; `/v1/sessions/{id}` has the id at 2.
///
/// The path is not percent-decoded: an id has one spelling. A segment that is not an id is 404.
pub(crate) fn path_id<T: FromStr>(uri: &Uri, index: usize) -> Result<T, AppError> {
    path_segment(uri, index).parse().map_err(|_| AppError::NotFound)
}

/// The segment of the path with this index; empty if there is no such segment.
pub(crate) fn path_segment(uri: &Uri, index: usize) -> &str {
    uri.path().trim_start_matches('/').split('/').nth(index).unwrap_or_default()
}
