//! `/v1/status-lists`: signed lists of revoked access tokens, for services that do not follow the revocation feed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::feed::status_lists::STATUS_LIST_TTL;
use crate::http::entity_tags::EntityTags;
use crate::http::error::AppError;
use crate::http::path::path_id;
use crate::http::response_headers::READABLE_BY_ALL;
use crate::routes::problem_responses::{NotFound, Unavailable};

/// A cache may keep a list and must ask whether it has changed: with an older list a revocation would be published later.
const REVALIDATED: (HeaderName, &str) = (CACHE_CONTROL, "public, no-cache");

/// The URLs of the status lists.
#[derive(Serialize, ToSchema)]
#[schema(as = StatusListAggregation)]
pub(super) struct Aggregation {
    /// The URL of each list.
    status_lists: Vec<String>,
}

/// Returns a status list: which access tokens are revoked (Token Status List, draft-ietf-oauth-status-list).
///
/// An access token names its list and its index in the claim `status`. The answer is a JWT of the type `statuslist+jwt` that
/// the key of access tokens has signed; every revocation of a session is in it within a second. The bit of a session whose
/// tokens are revoked is 1.
#[utoipa::path(
    get, path = "/v1/status-lists/{n}", operation_id = "status_list", tag = "standards",
    params(
        ("n" = u64, Path, description = "The number of the list"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the last answer"),
    ),
    responses(
        (status = 200, description = "A status list token", body = String, content_type = "application/statuslist+jwt"),
        (status = 304, description = "The list has not changed"),
        NotFound, Unavailable,
    )
)]
pub(super) async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, AppError> {
    let number: u64 = path_id(&uri, 2)?;
    let signed = app.parts.status_lists.list(number).await?.ok_or(AppError::NotFound)?;
    let tag = [(ETAG, format!("\"{}\"", signed.revision))];
    // A precondition that cannot be read is ignored: the full answer is never wrong.
    let known = EntityTags::from_header(&headers, &IF_NONE_MATCH).ok().flatten();
    if known.is_some_and(|known| known.contains_weakly(signed.revision)) {
        return Ok((StatusCode::NOT_MODIFIED, READABLE_BY_ALL, [REVALIDATED], tag).into_response());
    }
    let content_type = [(CONTENT_TYPE, "application/statuslist+jwt")];
    Ok((READABLE_BY_ALL, [REVALIDATED], content_type, tag, signed.token).into_response())
}

/// Returns the URLs of all status lists (draft-ietf-oauth-status-list, section 9.3).
#[utoipa::path(
    get, path = "/v1/status-lists", operation_id = "status_lists", tag = "standards",
    responses((status = 200, description = "The URLs", body = Aggregation), Unavailable)
)]
pub(super) async fn aggregation(State(app): State<App>) -> Result<Response, AppError> {
    let max_age = format!("public, max-age={}", STATUS_LIST_TTL.as_secs());
    let aggregation = Aggregation { status_lists: app.parts.status_lists.urls().await? };
    Ok((READABLE_BY_ALL, [(CACHE_CONTROL, max_age)], Json(aggregation)).into_response())
}
