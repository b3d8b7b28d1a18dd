//! `POST /v1/token`: a short access token from a login, for this audience and with this scope.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::services::issuer::{AccessBounds, TokenRequest};
use counterfoil_verify::{CredentialKind, Principal};

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::http::json_body::StrictJson;
use crate::http::scope;
use crate::routes::answers::Credentials;
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unauthorized, Unavailable,
    UnsupportedType,
};

/// What the token is to be good for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenForm {
    /// Whom it is for; the issuer itself if nobody is named.
    audience: Option<String>,
    /// With which scope; from an access token, a part of its own.
    scope: Option<String>,
}

/// Exchanges a credential for an access token of at most 15 minutes, of the same login.
#[utoipa::path(
    post, path = "/v1/token", tag = "protected", request_body = Option<TokenForm>,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "An access token", body = Credentials),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn token(
    State(app): State<App>,
    caller: Caller,
    Whence(from): Whence,
    form: Option<StrictJson<TokenForm>>,
) -> Result<Json<Credentials>, AppError> {
    let now = app.now_to_issue()?;
    let form = form.map(|StrictJson(form)| form).unwrap_or_default();
    let wanted = TokenRequest {
        audience: form.audience.map(scope::judge_audience).transpose()?,
        scope: form.scope.map(scope::judge).transpose()?,
    };
    let bounds = bounds_of(&caller.principal);
    let (access, scope) = app.issuer.exchange(caller.session, bounds.as_ref(), &wanted, &from, now).await?;
    Ok(Json(Credentials::of_access(&access, now).scoped(scope)))
}

/// What comes from an access token never lives longer nor may do more than it.
fn bounds_of(principal: &Principal) -> Option<AccessBounds> {
    match principal.credential_kind() {
        CredentialKind::SessionToken => None,
        CredentialKind::AccessToken => {
            let scope = principal.scopes().collect::<Vec<_>>().join(" ");
            let scope = (!scope.is_empty()).then_some(scope);
            Some(AccessBounds { expires_at: principal.expires_at(), scope })
        }
    }
}
