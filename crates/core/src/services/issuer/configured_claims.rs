//! Configured claims: what an application adds to its access tokens.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use counterfoil_verify::{AccessClaims, ClientId, SessionId, UserId};

use crate::model::session::Session;
use crate::model::user::User;
use crate::services::issuer::Issuer;

/// The claims besides [`AccessClaims::is_registered`] that no application may write: the issuer writes them itself, or
/// a service reads them as statements of the issuer. `act` and `may_act` say who acts for whom (RFC 8693, sections 4.1 and
/// 4.4).
const RESERVED: [&str; 3] = ["external_id", "act", "may_act"];

/// A function of the application that returns the further claims of an access token, as a JSON object.
///
/// It is called for every access token of a user: at the login, at every refresh and at every exchange. It must return
/// quickly and must not block. A session token has no configured claims: for a request with one, `Principal::claim` returns
/// the external id only, and the application reads its own data by the id of the user.
///
/// A claim never replaces one with a registered or reserved name. If it tries to, or if the result is not an object,
/// nothing is issued and nothing is stored.
///
/// ```
/// use counterfoil_core::services::issuer::ClaimsProvider;
/// use serde_json::json;
///
/// let claims = ClaimsProvider::new(|user| json!({ "tenant": user.username().split('.').next() }));
/// # drop(claims);
/// ```
#[derive(Clone)]
pub struct ClaimsProvider(Arc<dyn Fn(&ClaimsContext<'_>) -> Value + Send + Sync>);

impl ClaimsProvider {
    /// A provider that calls `claims`.
    pub fn new(claims: impl Fn(&ClaimsContext<'_>) -> Value + Send + Sync + 'static) -> Self {
        Self(Arc::new(claims))
    }
}

/// Shows no claims, because they may be private.
impl fmt::Debug for ClaimsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimsProvider")
    }
}

/// The user and the session for which an access token is issued.
#[derive(Debug, Clone, Copy)]
pub struct ClaimsContext<'a> {
    user: &'a User,
    session: &'a Session,
}

impl ClaimsContext<'_> {
    /// The id of the user: the `sub` of the token.
    pub fn user_id(&self) -> UserId {
        self.user.id
    }

    /// The username, as the user wrote it.
    pub fn username(&self) -> &str {
        self.user.username.as_str()
    }

    /// The e-mail address, verified or not.
    pub fn email(&self) -> Option<&str> {
        self.user.email.as_deref()
    }

    /// Whether the user has proved that they own the address.
    pub fn email_verified(&self) -> bool {
        self.user.email_verified
    }

    /// The roles.
    pub fn roles(&self) -> &[String] {
        &self.user.roles
    }

    /// The client application that the user logged in through.
    pub fn client_id(&self) -> &ClientId {
        &self.session.client
    }

    /// The session: the `sid` of the token.
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// An attribute by its name in the `user` object of the HTTP API: `username`, `email`, `email_verified`, `roles` or
    /// `external_id`. `None` if the user has no such attribute.
    ///
    /// ```
    /// use counterfoil_core::services::issuer::ClaimsProvider;
    /// use serde_json::json;
    ///
    /// let claims = ClaimsProvider::new(|user| json!({ "customer": user.attribute("external_id") }));
    /// # drop(claims);
    /// ```
    pub fn attribute(&self, name: &str) -> Option<Value> {
        match name {
            "username" => Some(self.username().into()),
            "email" => self.email().map(Value::from),
            "email_verified" => Some(self.email_verified().into()),
            "roles" => Some(self.roles().into()),
            "external_id" => self.user.external_id.as_ref().map(|id| id.to_json()),
            _ => None,
        }
    }
}

/// The application returned claims that no token can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The result is not a JSON object.
    #[error("the configured claims are not a JSON object")]
    NotAnObject,
    /// A claim has a name that only the issuer may write.
    #[error("the configured claim `{0}` has a reserved name")]
    Reserved(String),
    /// Every verifier refuses the token unread.
    #[error("the access token is longer than {max} characters", max = counterfoil_jose::jws::MAX_LENGTH)]
    TooLarge,
}

impl Issuer {
    /// The claims of the user's access tokens besides those of the session: the external id, and what the application
    /// adds.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] if the application returns something else than an object with names of its own.
    pub(super) fn further_claims(
        &self,
        user: &User,
        session: &Session,
    ) -> Result<Map<String, Value>, ClaimsError> {
        let mut claims = match &self.claims {
            None => Map::new(),
            Some(ClaimsProvider(provider)) => match provider(&ClaimsContext { user, session }) {
                Value::Object(claims) => claims,
                _ => return Err(ClaimsError::NotAnObject),
            },
        };
        if let Some(name) = claims.keys().find(|name| is_reserved(name)) {
            return Err(ClaimsError::Reserved(name.clone()));
        }
        if let Some(id) = &user.external_id {
            claims.insert("external_id".to_owned(), id.to_json());
        }
        Ok(claims)
    }
}

/// Also in another case: some JSON parsers, such as the one of Go, take `Roles` for `roles`, and the last one wins.
fn is_reserved(name: &str) -> bool {
    // `to_lowercase` keeps U+017F, which those parsers take for `s`; it makes U+212A a `k`.
    let folded = name.to_lowercase().replace('\u{17f}', "s");
    AccessClaims::is_registered(&folded) || RESERVED.contains(&folded.as_str())
}
