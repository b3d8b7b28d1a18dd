//! `/v1/admin/rate-limits`: what the rate limits count for an account, for a client IP, or for both.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::rate_limits::{self, RateLimitTarget};
use crate::operations::admin::responses::RateLimitsResponse;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, TooManyRequests, Unauthorized, Unavailable,
};
use crate::routes::query_parameters::QueryParameters;

/// Returns what the rate limits count for an account, for a client IP, or for both.
///
/// For an account alone, the counters from the client IPs of its recent failures in the audit log are included.
#[utoipa::path(
    get, path = "/v1/admin/rate-limits", operation_id = "admin_rate_limits", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("username" = Option<String>, Query, description = "A login name; this or `ip` is required"),
        ("ip" = Option<String>, Query, description = "A client IP; this or `username` is required"),
    ),
    responses(
        (status = 200, description = "The counters", body = RateLimitsResponse),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn show(
    State(app): State<App>,
    administrator: Administrator,
    query: QueryParameters,
) -> Result<Json<RateLimitsResponse>, AppError> {
    Ok(Json(rate_limits::show(&app, &target(&query)?, administrator.now).await?))
}

/// Forgets what the rate limits count for an account, for a client IP, or for both: what `GET` returns.
#[utoipa::path(
    delete, path = "/v1/admin/rate-limits", operation_id = "admin_release_rate_limits", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("username" = Option<String>, Query, description = "A login name; this or `ip` is required"),
        ("ip" = Option<String>, Query, description = "A client IP; this or `username` is required"),
    ),
    responses(
        (status = 204, description = "Forgotten"),
        BadRequest, Unauthorized, Forbidden, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn release(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    query: QueryParameters,
) -> Result<StatusCode, AppError> {
    let target = target(&query)?;
    rate_limits::release(&app, &target, administrator.actor, &client, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn target(query: &QueryParameters) -> Result<RateLimitTarget, AppError> {
    query.allow_only(&["username", "ip"])?;
    let username = query.get("username")?.map(str::to_owned);
    if username.as_deref() == Some("") {
        return Err(AppError::field("username", "must not be empty"));
    }
    Ok(RateLimitTarget { username, client_ip: query.parse::<IpAddr>("ip", "an IP address")? })
}
