//! `POST /oauth/introspect`: says to a resource server whether a token is active (RFC 7662).

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::counters::IntrospectionResult;
use crate::http::client_authentication::ClientAuthentication;
use crate::http::error::AppError;
use crate::http::form_body::FormBody;
use crate::http::oauth_error::OAuthError;
use crate::operations::external_id_schema::ExternalIdSchema;
use crate::operations::oauth::introspected_token::IntrospectedToken;
use crate::operations::oauth::introspection;
use crate::operations::oauth::introspection_caller::IntrospectionCaller;
use crate::routes::oauth::error_responses::{
    BadRequest, RequestTimeout, TooLarge, TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};

/// The parameters, for the OpenAPI document.
#[derive(Deserialize, ToSchema)]
#[schema(as = IntrospectionRequest)]
#[expect(dead_code, reason = "the form is read by `FormBody`")]
pub(in crate::routes) struct IntrospectionForm {
    /// A session token, an access token or a refresh token.
    token: String,
    /// It has no effect: a token shows of which kind it is.
    token_type_hint: Option<String>,
    /// The audience of the caller: a token for others is not active for it.
    audience: Option<String>,
    /// The id of the verifier key, if the request authenticates by the form.
    client_id: Option<String>,
    /// The verifier key, if the request authenticates by the form.
    client_secret: Option<String>,
}

/// The response to an introspection. A token that is expired, revoked, unknown, of another issuer, or for another audience has
/// `active` alone.
#[derive(ToSchema)]
#[schema(as = Introspection)]
#[expect(dead_code, reason = "the OpenAPI schema of `IntrospectionResponse`")]
pub(in crate::routes) struct IntrospectionSchema {
    /// Whether the token is active.
    active: bool,
    /// `session`, `access` or `refresh`. A resource server must not accept a refresh token.
    #[schema(nullable = false)]
    token_type: Option<String>,
    /// The issuer.
    #[schema(nullable = false)]
    iss: Option<String>,
    /// The id of the user.
    #[schema(nullable = false)]
    sub: Option<String>,
    /// The audiences. A resource server must find itself here, or the issuer if it accepts every token of it.
    #[schema(nullable = false)]
    aud: Option<Vec<String>>,
    /// The client application.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// The name to log in with. That of an access token is left out if access tokens are issued without it.
    #[schema(nullable = false)]
    username: Option<String>,
    /// The scopes, separated by spaces, if the token is limited to some.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// The id of the session.
    #[schema(nullable = false)]
    sid: Option<String>,
    /// The id of an access token.
    #[schema(nullable = false)]
    jti: Option<String>,
    /// When the token was issued, in Unix seconds; for a session token, when the user logged in.
    #[schema(nullable = false)]
    iat: Option<u64>,
    /// When it expires if it is not used, in Unix seconds.
    #[schema(nullable = false)]
    exp: Option<u64>,
    /// When the user authenticated, in Unix seconds.
    #[schema(nullable = false)]
    auth_time: Option<u64>,
    /// How the user authenticated (RFC 8176).
    #[schema(nullable = false)]
    amr: Option<Vec<String>>,
    /// The authentication context class, if it is known.
    #[schema(nullable = false)]
    acr: Option<String>,
    /// The roles of the user.
    #[schema(nullable = false)]
    roles: Option<Vec<String>>,
    /// The application's own id of the user, if it has one.
    #[schema(nullable = false)]
    external_id: Option<ExternalIdSchema>,
    /// The head of the revocation log before this was decided. A follower of the feed that keeps the response checks it like an
    /// access token with this `pos`.
    #[schema(nullable = false)]
    pos: Option<u64>,
}

/// What is sent.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::routes) enum IntrospectionResponse {
    /// The token is active.
    Active(Box<IntrospectedToken>),
    /// It is not. The response says nothing more.
    Inactive {
        /// False.
        active: bool,
    },
}

/// Says whether a token is active, and for whom (RFC 7662).
///
/// The caller authenticates with a verifier key: as bearer token, by HTTP Basic with its id and the key, or with both as
/// `client_id` and `client_secret` in the form. An admin key is accepted as bearer token. A session token counts as used; a
/// refresh token is not rotated. An active response may be used for one request within a second; a follower of the feed may keep
/// it for 30 seconds and checks it like an access token with its `pos`.
#[utoipa::path(
    post, path = "/oauth/introspect", operation_id = "introspect", tag = "oauth",
    security(("bearer" = []), ("verifier" = []), ()),
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What the token says if it is active", body = IntrospectionSchema),
        BadRequest, Unauthorized, RequestTimeout, TooLarge, UnsupportedMediaType, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn introspect(
    State(app): State<App>,
    client: ClientInfo,
    headers: HeaderMap,
    form: FormBody,
) -> Result<Json<IntrospectionResponse>, AppError> {
    let now = app.now();
    let record = |result| app.parts.metrics.introspections.record(result);
    let limited = |error| {
        record(IntrospectionResult::RateLimited);
        AppError::from(error)
    };
    app.parts.introspection_rate_limiter.count_ip(client.ip, now).map_err(limited)?;
    let caller = authenticate(&app, &headers, &form).await?;
    app.parts.introspection_rate_limiter.count_key(caller.key_id(), now).map_err(limited)?;
    let token = form.get("token").ok_or(OAuthError::InvalidRequest("`token` is required"))?;
    let active = introspection::introspect(&app, token, form.get("audience"), now).await?;
    record(if active.is_some() { IntrospectionResult::Active } else { IntrospectionResult::Inactive });
    Ok(Json(match active {
        Some(token) => IntrospectionResponse::Active(Box::new(token)),
        None => IntrospectionResponse::Inactive { active: false },
    }))
}

/// # Errors
///
/// 401 without a valid key. The same for an unknown and for a wrong one.
async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    form: &FormBody,
) -> Result<IntrospectionCaller, AppError> {
    let presented = ClientAuthentication::read(headers, form)?;
    let caller = match &presented {
        ClientAuthentication::None => None,
        ClientAuthentication::Bearer(key) => IntrospectionCaller::from_bearer(app, key).await?,
        ClientAuthentication::IdAndSecret { id, secret } => {
            IntrospectionCaller::from_id_and_key(app, id, secret).await?
        }
    };
    caller.ok_or_else(|| {
        app.parts.metrics.introspections.record(IntrospectionResult::InvalidClient);
        let detail = "a verifier key is required: as bearer token, or with its id as client credentials";
        OAuthError::InvalidClient { detail, scheme: presented.scheme() }.into()
    })
}
