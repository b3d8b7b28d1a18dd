//! `/lab/assets/{name}`: the style sheet and the icon.

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use counterfoil_pages::Asset;

use crate::site::response::not_found;

/// A static file, which browsers may keep for a year: another version has another name.
pub(super) async fn show(Path(name): Path<String>) -> Response {
    let Some(asset) = Asset::find(&name) else { return not_found() };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, asset.content).into_response()
}
