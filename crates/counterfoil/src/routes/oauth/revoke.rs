//! `POST /oauth/revoke`: a client makes a token invalid (RFC 7009).

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::client_authentication::ClientAuthentication;
use crate::http::error::AppError;
use crate::http::form_body::FormBody;
use crate::http::oauth_error::OAuthError;
use crate::operations::oauth::revocation::{self, RevocationOutcome, RevokingClient};
use crate::routes::oauth::error_responses::{
    RequestTimeout, RevocationBadRequest, RevocationUnauthorized, TooLarge, TooManyRequests, Unavailable,
    UnsupportedMediaType,
};

/// The parameters, for the OpenAPI document.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRevocationRequest)]
#[expect(dead_code, reason = "the form is read by `FormBody`")]
pub(in crate::routes) struct RevocationForm {
    /// A session token, an access token or a refresh token.
    token: String,
    /// It has no effect: a token shows of which kind it is.
    token_type_hint: Option<String>,
    /// The client of the token. If it is another one, the token stays valid.
    client_id: Option<String>,
}

/// Makes a token invalid (RFC 7009).
///
/// Who holds the token may revoke it: clients are public ones, and do not authenticate. A session token and a refresh token end
/// their session with all its tokens. An access token ends it too if it is the only credential of the session and not limited;
/// otherwise only this token is revoked. The answer is also 200 for a token that is expired, revoked or unknown. Cookies are not
/// read. After an error the token may be valid.
#[utoipa::path(
    post, path = "/oauth/revoke", operation_id = "revoke_token", tag = "oauth",
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is not valid, from now on or as before"),
        RevocationBadRequest, RevocationUnauthorized, RequestTimeout, TooLarge, UnsupportedMediaType, TooManyRequests,
        Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    info: ClientInfo,
    headers: HeaderMap,
    form: FormBody,
) -> Result<StatusCode, AppError> {
    let now = app.now();
    let presented = ClientAuthentication::read(&headers, &form)?;
    if !matches!(presented, ClientAuthentication::None) {
        let detail = "the clients of this issuer are public ones: send no client credentials";
        return Err(OAuthError::InvalidClient { detail, scheme: presented.scheme() }.into());
    }
    let token = form.get("token").ok_or(OAuthError::InvalidRequest("`token` is required"))?;
    let client = RevokingClient { id: form.get("client_id"), info };
    match revocation::revoke(&app, token, &client, now).await? {
        RevocationOutcome::Invalid => Ok(StatusCode::OK),
        RevocationOutcome::IssuedToAnotherClient => Err(OAuthError::IssuedToAnotherClient.into()),
        RevocationOutcome::UnsupportedTokenType => Err(OAuthError::UnsupportedTokenType.into()),
    }
}
