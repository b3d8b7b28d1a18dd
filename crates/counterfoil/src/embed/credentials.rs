//! What a user presents at a login.

use counterfoil_core::model::session::Mode;
use counterfoil_jose::Secret;

/// What a user presents at a login, and the session that is requested.
///
/// ```
/// use counterfoil::{Credentials, Mode};
///
/// let from_form = Credentials::password("ada", "correct horse");
/// let for_an_app = Credentials::password("ada", "correct horse").mode(Mode::Hybrid).bearer().label("Phone");
/// assert!(!format!("{from_form:?} {for_an_app:?}").contains("horse"));
/// ```
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) username: String,
    pub(super) password: Secret<String>,
    pub(super) mode: Mode,
    pub(super) client_id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) in_cookies: bool,
}

impl Credentials {
    /// A username or verified e-mail address, and the password; for a session in mode [`Mode::Session`] whose token the
    /// browser gets as a cookie.
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: Secret::new(password.into()),
            mode: Mode::Session,
            client_id: None,
            label: None,
            scope: None,
            audience: None,
            in_cookies: true,
        }
    }

    /// The mode of the session; [`Mode::Session`] by default.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The client application, which must be registered; `default` by default.
    #[must_use]
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        Self { client_id: Some(client_id.into()), ..self }
    }

    /// The user's name for the device, at most 64 characters.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// Limits the credentials to this scope: words separated by spaces (RFC 6749, section 3.3), each of which the client
    /// application may have.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }

    /// The audience of the access tokens, which the client application may have; the issuer by default. Not in mode
    /// [`Mode::Session`].
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// The client keeps the tokens itself and presents them as `Authorization: Bearer`, so that no cookie limits their
    /// size.
    #[must_use]
    pub fn bearer(self) -> Self {
        Self { in_cookies: false, ..self }
    }
}
