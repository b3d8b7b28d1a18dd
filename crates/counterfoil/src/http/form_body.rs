//! The extractor of form bodies, as the endpoints of OAuth take them (RFC 6749, appendix B).

use axum::extract::{FromRequest, Request};
use zeroize::Zeroizing;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::form_urlencoded::decode;
use crate::http::json_body;
use crate::http::oauth_error::OAuthError;

/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a request to an endpoint of OAuth.
///
/// A parameter without a value counts as absent, an unknown one is ignored, and none may be repeated (RFC 6749, section
/// 3.2): the order must not decide which value counts.
pub(crate) struct FormBody(Vec<(Zeroizing<String>, Zeroizing<String>)>);

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
        let body = json_body::read(request, app, &[FORM]).await?;
        Ok(Self::parse(body.as_ref().map_or(&[], |body| body.as_slice()))?)
    }
}

impl FormBody {
    fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let malformed = || OAuthError::InvalidRequest("the body must be a form in UTF-8");
        let mut pairs: Vec<(Zeroizing<String>, Zeroizing<String>)> = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = end.map_or((pair, &[][..]), |end| (&pair[..end], &pair[end + 1..]));
            let name = decode(name).ok_or_else(malformed)?;
            let value = decode(value).ok_or_else(malformed)?;
            if BODY_ONLY.contains(&name.as_str()) && pairs.iter().any(|(found, _)| *found == name) {
                return Err(OAuthError::InvalidRequest("a parameter must not be repeated"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter, unless it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(found, _)| found.as_str() == name)?.1.as_str();
        (!value.is_empty()).then_some(value)
    }
}

/// The names in a query, also of one that is malformed elsewhere.
fn names_in(query: &str) -> impl Iterator<Item = Zeroizing<String>> {
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.filter_map(|name| decode(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_parameter_is_absent_and_an_unknown_one_may_be_repeated() {
        let form = FormBody::parse(b"token=a%2Bb&token_type_hint=&&resource=1&resource=2&other").unwrap();

        assert_eq!(form.get("token"), Some("a+b"));
        assert_eq!(
            (form.get("token_type_hint"), form.get("other"), form.get("client_id")),
            (None, None, None)
        );
    }

    #[test]
    fn a_repeated_parameter_is_rejected_also_if_it_is_empty_or_escaped() {
        for body in ["token=a&token=a", "token=&token=a", "token=a&%74oken=b", "client_id=a&x=1&client_id=b"]
        {
            assert!(FormBody::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(FormBody::parse(b"token=%").is_err() && FormBody::parse(b"%ff=1").is_err());
    }
}
