//! The fields of a form: `application/x-www-form-urlencoded`, each at most once.

use axum::extract::Request;
use zeroize::Zeroizing;

use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::body_error::{BodyError, FormError};
use crate::http::error::AppError;
use crate::http::form_urlencoded::decode;
use crate::http::json_body;

/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// The fields of a form. An unknown one is ignored: extensions of browsers add some. The values may be secrets, and are
/// wiped when dropped.
pub(crate) struct FormFields(Vec<(Zeroizing<String>, Zeroizing<String>)>);

impl FormFields {
    /// Reads the body of a request with a form of these fields. Without a body, the form is empty.
    ///
    /// # Errors
    ///
    /// 400 for a form that is malformed or repeats a field, 415 for another content type, and the limits of every body.
    pub(crate) async fn read(request: Request, app: &App, known: &[&str]) -> Result<Self, BodyError> {
        let body = json_body::read(request, app, &[FORM]).await?;
        Ok(Self::parse(body.as_ref().map_or(&[], |body| body.as_slice()), known)?)
    }

    /// The fields in `body`.
    ///
    /// # Errors
    ///
    /// [`FormError`].
    pub(crate) fn parse(body: &[u8], known: &[&str]) -> Result<Self, FormError> {
        let mut pairs: Vec<(Zeroizing<String>, Zeroizing<String>)> = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = end.map_or((pair, &[][..]), |end| (&pair[..end], &pair[end + 1..]));
            let name = decode(name).ok_or(FormError::Malformed)?;
            let value = decode(value).ok_or(FormError::Malformed)?;
            if known.contains(&name.as_str()) && pairs.iter().any(|(found, _)| *found == name) {
                return Err(FormError::Repeated);
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The names of the fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Checks that the form has this field, which may be empty. A form without it is not ours, and would remove what the field
    /// is about.
    ///
    /// # Errors
    ///
    /// 422 otherwise.
    pub(crate) fn require(&self, name: &'static str) -> Result<(), AppError> {
        match self.names().any(|found| found == name) {
            true => Ok(()),
            false => Err(AppError::field(name, "must be in the form; an empty one removes the value")),
        }
    }

    /// The value of a field, unless it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(found, _)| found.as_str() == name)?.1.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// The value of a field, or an empty text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// The value of a field that is a secret, or an empty one.
    pub(crate) fn secret(&self, name: &str) -> Secret<String> {
        Secret::new(self.text(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_is_absent_and_an_unknown_one_may_be_repeated() {
        let known = ["token", "hint", "client"];
        let form = FormFields::parse(b"token=a%2Bb&hint=&&resource=1&resource=2&other", &known).unwrap();

        assert_eq!(form.get("token"), Some("a+b"));
        assert_eq!((form.get("hint"), form.get("other"), form.get("client")), (None, None, None));
    }

    #[test]
    fn a_repeated_field_is_rejected_also_if_it_is_empty_or_escaped() {
        for body in ["token=a&token=a", "token=&token=a", "token=a&%74oken=b", "client=a&x=1&client=b"] {
            let parsed = FormFields::parse(body.as_bytes(), &["token", "client"]);
            assert_eq!(parsed.err(), Some(FormError::Repeated), "{body}");
        }
        for body in [&b"token=%"[..], b"%ff=1"] {
            assert_eq!(FormFields::parse(body, &["token"]).err(), Some(FormError::Malformed));
        }
    }
}
