//! The extractor of form bodies, as the endpoints of OAuth take them (RFC 6749, appendix B).

use axum::extract::{FromRequest, Request};
use zeroize::Zeroizing;

use crate::app::App;
use crate::http::body_error::{BodyError, FormError};
use crate::http::error::AppError;
use crate::http::form_fields::FormFields;
use crate::http::form_urlencoded::decode;
use crate::http::oauth_error::OAuthError;

/// The parameters of a request to an endpoint of OAuth.
///
/// A parameter without a value counts as absent, an unknown one is ignored, and none may be repeated (RFC 6749, section
/// 3.2): the order must not decide which value counts.
pub(crate) struct FormBody(FormFields);

/// The parameters that an endpoint of OAuth reads. Most of them are secrets, so none may be in a URL, which is logged.
const BODY_ONLY: [&str; 6] =
    ["token", "token_type_hint", "audience", "client_id", "client_secret", "client_assertion"];

impl FromRequest<App> for FormBody {
    type Rejection = AppError;

    /// # Errors
    ///
    /// 400 for a form that is malformed, repeats a parameter, or is in the query of the URL; 415 for another content type.
    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        if names_in(request.uri().query().unwrap_or_default()).any(|name| BODY_ONLY.contains(&name.as_str()))
        {
            return Err(OAuthError::InvalidRequest("parameters must be in the body, not in the URL").into());
        }
        match FormFields::read(request, app, &BODY_ONLY).await {
            Ok(fields) => Ok(Self(fields)),
            Err(BodyError::InvalidForm(error)) => Err(OAuthError::InvalidRequest(description(error)).into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl FormBody {
    /// The value of a parameter, unless it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

const fn description(error: FormError) -> &'static str {
    match error {
        FormError::Malformed => "the body must be a form in UTF-8",
        FormError::Repeated => "a parameter must not be repeated",
    }
}

/// The names in a query, also of one that is malformed elsewhere.
fn names_in(query: &str) -> impl Iterator<Item = Zeroizing<String>> {
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.filter_map(|name| decode(name.as_bytes()))
}
