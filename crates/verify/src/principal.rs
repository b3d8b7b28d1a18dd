//! Who is calling: made by verification alone, so that a handler that has one need not ask.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use counterfoil_jose::Time;

use crate::auth_error::{AuthError, RequiredPermission};
use crate::credential::CredentialKind;
use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::RevocationPosition;
use crate::revocation::subject_hash::RevocationQuery;

/// Somebody whose credential was verified.
///
/// It costs one reference count to clone. There is no way to make one but to verify a credential; a
/// handler that takes a `Principal` cannot forget to.
///
/// ```compile_fail,E0451
/// use counterfoil_verify::Principal;
///
/// // There is nothing to write here: the fields are private, and there is no `Default`.
/// let forged = Principal { inner: Default::default() };
/// ```
///
/// ```compile_fail,E0277
/// use counterfoil_verify::Principal;
///
/// // Nor can one be read from what a client sends.
/// let forged: Principal = serde_json::from_str(r#"{"subject":"admin"}"#).unwrap();
/// ```
#[derive(Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

struct Inner {
    parts: PrincipalParts,
    /// Made when it is first looked for: where nothing is revoked, never.
    query: OnceLock<RevocationQuery>,
}

impl Inner {
    fn build_query(&self) -> RevocationQuery {
        let parts = &self.parts;
        let mut query = RevocationQuery::new(parts.position);
        query = parts.session_id.into_iter().fold(query, RevocationQuery::session);
        query = parts.token_id.into_iter().fold(query, RevocationQuery::token);
        query = parts.user_id.into_iter().fold(query, RevocationQuery::user);
        query = parts.client_id.iter().fold(query, RevocationQuery::client);
        parts.key_id.iter().fold(query, RevocationQuery::key)
    }
}

/// What verification found out, from which it makes a principal.
///
/// It is public for the crate that judges sessions, by convention for nobody else.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct PrincipalParts {
    pub credential_kind: CredentialKind,
    pub subject: String,
    /// The same as a user of ours, where it is one.
    pub user_id: Option<UserId>,
    pub session_id: Option<SessionId>,
    pub client_id: Option<ClientId>,
    pub token_id: Option<TokenId>,
    pub key_id: Option<KeyId>,
    pub position: RevocationPosition,
    pub audiences: Vec<String>,
    /// Scopes parted by a space; `None` where the credential is not limited to any.
    pub scope: Option<String>,
    pub roles: Vec<String>,
    pub amr: Vec<String>,
    pub acr: Option<String>,
    pub authenticated_at: Option<Time>,
    pub not_before: Option<Time>,
    pub expires_at: Time,
    pub extra: Map<String, Value>,
}

impl PrincipalParts {
    /// The least that is known of anybody; all else is unknown, empty or never.
    pub fn new(credential_kind: CredentialKind, subject: impl Into<String>, expires_at: Time) -> Self {
        let subject = subject.into();
        Self {
            credential_kind,
            user_id: subject.parse().ok(),
            subject,
            session_id: None,
            client_id: None,
            token_id: None,
            key_id: None,
            position: RevocationPosition::START,
            audiences: Vec::new(),
            scope: None,
            roles: Vec::new(),
            amr: Vec::new(),
            acr: None,
            authenticated_at: None,
            not_before: None,
            expires_at,
            extra: Map::new(),
        }
    }
}

impl Principal {
    /// The principal of a credential that the caller has verified.
    #[doc(hidden)]
    pub fn from_verified(parts: PrincipalParts) -> Self {
        Self { inner: Arc::new(Inner { parts, query: OnceLock::new() }) }
    }

    /// The same principal with another end: a session that is used ends later. For the memory that judges
    /// sessions, by convention for nobody else.
    #[doc(hidden)]
    #[must_use]
    pub fn with_expires_at(&self, expires_at: Time) -> Self {
        Self::from_verified(PrincipalParts { expires_at, ..self.inner.parts.clone() })
    }

    /// Who it is: the `sub` of the token. Of this issuer's users, the text of a [`UserId`].
    pub fn subject(&self) -> &str {
        &self.inner.parts.subject
    }

    /// The user, where the subject is one of this issuer's.
    pub fn user_id(&self) -> Option<UserId> {
        self.inner.parts.user_id
    }

    /// The login that the credential was torn from.
    pub fn session_id(&self) -> Option<SessionId> {
        self.inner.parts.session_id
    }

    /// The client application that the credential was issued to.
    pub fn client_id(&self) -> Option<&ClientId> {
        self.inner.parts.client_id.as_ref()
    }

    /// The id of the access token; a session token has none.
    pub fn token_id(&self) -> Option<TokenId> {
        self.inner.parts.token_id
    }

    /// The scopes that the credential is limited to; none where it is not limited to any.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.inner.parts.scope.iter().flat_map(|scope| scope.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// Whether the credential names this scope, exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// Goes on only with this scope (RFC 6750, section 3.1).
    ///
    /// # Errors
    ///
    /// [`AuthError::Forbidden`], which is 403.
    pub fn require_scope(&self, scope: &str) -> Result<(), AuthError> {
        if self.has_scope(scope) {
            Ok(())
        } else {
            Err(AuthError::Forbidden(RequiredPermission::Scope(scope.into())))
        }
    }

    /// The user's roles.
    pub fn roles(&self) -> &[String] {
        &self.inner.parts.roles
    }

    /// Whether the user has this role, exactly.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().iter().any(|held| held == role)
    }

    /// Goes on only with this role.
    ///
    /// # Errors
    ///
    /// [`AuthError::Forbidden`], which is 403.
    pub fn require_role(&self, role: &str) -> Result<(), AuthError> {
        if self.has_role(role) {
            Ok(())
        } else {
            Err(AuthError::Forbidden(RequiredPermission::Role(role.into())))
        }
    }

    /// When the user last proved who they are.
    pub fn authenticated_at(&self) -> Option<Time> {
        self.inner.parts.authenticated_at
    }

    /// How the user proved who they are (RFC 8176).
    pub fn amr(&self) -> &[String] {
        &self.inner.parts.amr
    }

    /// How well the user proved who they are (RFC 9068, section 2.2.1).
    pub fn acr(&self) -> Option<&str> {
        self.inner.parts.acr.as_deref()
    }

    /// When the credential is over, unless it is revoked before.
    pub fn expires_at(&self) -> Time {
        self.inner.parts.expires_at
    }

    /// Whom the access token is for; a session token is for its issuer alone and names nobody.
    pub fn audiences(&self) -> &[String] {
        &self.inner.parts.audiences
    }

    /// Which kind of credential was shown.
    pub fn credential_kind(&self) -> CredentialKind {
        self.inner.parts.credential_kind
    }

    /// A claim that the issuer was configured to add.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.inner.parts.extra.get(name)
    }

    /// The head of the revocation log when the credential was judged by its issuer.
    pub fn position(&self) -> RevocationPosition {
        self.inner.parts.position
    }

    pub(crate) fn not_before(&self) -> Option<Time> {
        self.inner.parts.not_before
    }

    pub(crate) fn revocation_query(&self) -> &RevocationQuery {
        self.inner.query.get_or_init(|| self.inner.build_query())
    }
}

/// Names whom it is about and no more: claims may be private.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("subject", &self.subject())
            .field("session_id", &self.session_id())
            .field("credential_kind", &self.credential_kind())
            .finish_non_exhaustive()
    }
}

/// Two principals are equal if they are of one verification: the same credential, the same claims.
impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

/// Makes a principal by hand, for the tests of a handler (feature `test-util`).
///
/// ```
/// use counterfoil_jose::Time;
/// use counterfoil_verify::{PrincipalBuilder, SessionId};
///
/// let principal = PrincipalBuilder::new("alice", Time::from_unix_seconds(1_764_000_900))
///     .session_id(SessionId::from_bytes([1; 16]))
///     .role("admin")
///     .scope("orders:read orders:write")
///     .build();
/// assert!(principal.has_role("admin") && principal.has_scope("orders:read"));
/// ```
#[cfg(feature = "test-util")]
#[derive(Debug, Clone)]
pub struct PrincipalBuilder {
    parts: PrincipalParts,
}

#[cfg(feature = "test-util")]
impl PrincipalBuilder {
    /// Somebody with an access token that is over at `expires_at`.
    pub fn new(subject: impl Into<String>, expires_at: Time) -> Self {
        Self { parts: PrincipalParts::new(CredentialKind::AccessToken, subject, expires_at) }
    }

    /// With a session token instead.
    #[must_use]
    pub fn credential_kind(mut self, credential_kind: CredentialKind) -> Self {
        self.parts.credential_kind = credential_kind;
        self
    }

    /// Of this session.
    #[must_use]
    pub fn session_id(mut self, id: SessionId) -> Self {
        self.parts.session_id = Some(id);
        self
    }

    /// Of this client application.
    #[must_use]
    pub fn client_id(mut self, id: ClientId) -> Self {
        self.parts.client_id = Some(id);
        self
    }

    /// With these scopes, parted by a space.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.parts.scope = Some(scope.into());
        self
    }

    /// With this role too.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.parts.roles.push(role.into());
        self
    }

    /// With this claim too.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parts.extra.insert(name.into(), value);
        self
    }

    /// Who proved who they are at this time.
    #[must_use]
    pub fn authenticated_at(mut self, time: Time) -> Self {
        self.parts.authenticated_at = Some(time);
        self
    }

    /// The principal.
    pub fn build(self) -> Principal {
        Principal::from_verified(self.parts)
    }
}
