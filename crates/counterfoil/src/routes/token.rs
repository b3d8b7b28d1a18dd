//! `POST /v1/token`: exchanges a credential for a short-lived access token.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::issuer::TokenRequest;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::http::scope::{validate_audience, validate_scope};
use crate::operations::token_exchange;
use crate::routes::problem_responses::{
    BadRequest, ExchangeForbidden, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::routes::responses::CredentialsResponse;

/// The requested access token.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeRequest {
    /// The service for which the token is, as its URL: the claim `aud`. By default the issuer.
    audience: Option<String>,
    /// The scope of the token: space-separated words. In exchange for an access token, a subset of that token's scope. By
    /// default that of the presented credential.
    scope: Option<String>,
}

/// Exchanges a credential for an access token of the same session.
///
/// It lives at most 15 minutes, and not longer than a presented access token. This is how a client with a session token or a
/// cookie calls a service that verifies JWTs.
#[utoipa::path(
    post, path = "/v1/token", operation_id = "exchange_token",
    tag = "protected", request_body = Option<ExchangeRequest>,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "An access token", body = CredentialsResponse),
        BadRequest, Unauthorized, ExchangeForbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn exchange(
    State(app): State<App>,
    current_user: CurrentUser,
    client: ClientInfo,
    body: Option<JsonBody<ExchangeRequest>>,
) -> Result<Json<CredentialsResponse>, AppError> {
    let now = app.now_to_issue()?;
    let ExchangeRequest { audience, scope } = body.map(|JsonBody(body)| body).unwrap_or_default();
    let request = TokenRequest {
        audience: audience.map(validate_audience).transpose()?,
        scope: scope.map(validate_scope).transpose()?,
    };
    let CurrentUser { principal, session, position, .. } = &current_user;
    let presented = (principal, (*session, *position));
    let (credentials, scope) = token_exchange::exchange(&app, presented, &request, &client, now).await?;
    Ok(Json(CredentialsResponse::bearer(&credentials, now).with_scope(scope)))
}
