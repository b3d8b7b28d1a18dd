//! The authenticated caller. Only verification creates one, so a handler that has one need not check again.

mod facts;
mod parts;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use counterfoil_jose::Time;

use crate::auth_error::{AuthError, RequiredPermission};
use crate::credential::CredentialKind;
use crate::credential_monitor::CredentialMonitor;
#[cfg(feature = "ended")]
use crate::credential_monitor::MonitoredCredential;
#[cfg(feature = "ended")]
use crate::ended::Ended;
use crate::id::{ClientId, SessionId, TokenId, UserId};
use crate::principal::facts::Facts;
pub use crate::principal::parts::PrincipalParts;
use crate::revocation::log::RevocationPosition;
use crate::revocation::query::RevocationQuery;
use crate::status::reference::StatusListReference;

/// The authenticated caller of a request.
///
/// Only the verification of a credential creates one, so a handler that takes a `Principal` cannot run for an
/// unauthenticated request. A clone costs one reference count.
///
/// ```compile_fail,E0451
/// use counterfoil_verify::Principal;
///
/// // The fields are private, and there is no `Default`.
/// let forged = Principal { inner: Default::default() };
/// ```
///
/// ```compile_fail,E0277
/// use counterfoil_verify::Principal;
///
/// // Nor can one be deserialized from what a client sends.
/// let forged: Principal = serde_json::from_str(r#"{"subject":"admin"}"#).unwrap();
/// ```
#[derive(Clone)]
pub struct Principal {
    inner: Arc<Inner>,
}

/// What a request with a known access token reads comes first, in the cache line of the reference count.
#[repr(C)]
struct Inner {
    expires_at: Time,
    not_before: Option<Time>,
    /// Says when the credential ends; set by the verifier that knows the revocations.
    monitor: OnceLock<Arc<dyn CredentialMonitor>>,
    /// Built at the first lookup: never, as long as nothing is revoked.
    query: OnceLock<Box<RevocationQuery>>,
    facts: Facts,
}

impl Inner {
    fn new(expires_at: Time, not_before: Option<Time>, facts: Facts) -> Self {
        Self { expires_at, not_before, monitor: OnceLock::new(), query: OnceLock::new(), facts }
    }
}

impl Principal {
    /// The principal of a credential that the caller of this function has verified.
    #[doc(hidden)]
    pub fn from_verified(parts: PrincipalParts) -> Self {
        let (expires_at, not_before) = (parts.expires_at, parts.not_before);
        Self { inner: Arc::new(Inner::new(expires_at, not_before, parts.into())) }
    }

    /// The same principal, whose end `monitor` knows. All requests of one credential share one principal, so this clones
    /// only if another verifier has verified it before.
    #[doc(hidden)]
    #[must_use]
    pub fn with_monitor(self, monitor: &Arc<dyn CredentialMonitor>) -> Self {
        let current = self.inner.monitor.get_or_init(|| Arc::clone(monitor));
        if Arc::as_ptr(current).cast::<()>() == Arc::as_ptr(monitor).cast() {
            return self;
        }
        let other = self.clone_until(self.inner.expires_at);
        let _ = other.inner.monitor.set(Arc::clone(monitor));
        other
    }

    /// The same principal with another expiry: using a session extends it. Only for the session cache of the
    /// issuer.
    #[doc(hidden)]
    #[must_use]
    pub fn with_expires_at(&self, expires_at: Time) -> Self {
        let other = self.clone_until(expires_at);
        match self.inner.monitor.get() {
            Some(monitor) => other.with_monitor(monitor),
            None => other,
        }
    }

    /// The same facts with this expiry, and without a monitor.
    fn clone_until(&self, expires_at: Time) -> Self {
        let Inner { not_before, facts, .. } = &*self.inner;
        Self { inner: Arc::new(Inner::new(expires_at, *not_before, facts.clone())) }
    }

    /// The `sub` of the token. For a user of this issuer it is the text of a [`UserId`].
    pub fn subject(&self) -> &str {
        &self.inner.facts.subject
    }

    /// The name by which the user logs in, to show it (`preferred_username`, OpenID Connect Core 1.0, section 5.1).
    ///
    /// Identify users by [`Principal::subject`], never by the name: after a user is deleted another one may take it.
    /// `None` for a machine, and for an access token of an issuer that leaves the claim out.
    ///
    /// ```
    /// # use counterfoil_verify::Principal;
    /// fn greeting(principal: &Principal) -> String {
    ///     format!("Hello {}", principal.username().unwrap_or("guest"))
    /// }
    /// ```
    pub fn username(&self) -> Option<&str> {
        self.inner.facts.username.as_deref()
    }

    /// Where the status of the access token is published (the claim `status`), for a service that does not follow the
    /// revocation feed. `None` for a session token, and for a token of an issuer without status lists.
    pub fn status_list(&self) -> Option<&StatusListReference> {
        self.inner.facts.status_list.as_deref()
    }

    /// The user, if the subject is a user of this issuer.
    pub fn user_id(&self) -> Option<UserId> {
        self.inner.facts.user_id
    }

    /// The session to which the credential belongs.
    pub fn session_id(&self) -> Option<SessionId> {
        self.inner.facts.session_id
    }

    /// The client application to which the credential was issued.
    pub fn client_id(&self) -> Option<&ClientId> {
        self.inner.facts.client_id.as_ref()
    }

    /// The `jti` of the access token; `None` for a session token.
    pub fn token_id(&self) -> Option<TokenId> {
        self.inner.facts.token_id
    }

    /// The scopes to which the credential is limited; empty if it is not limited by scope.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.inner.facts.scope.iter().flat_map(|scope| scope.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// Whether the credential has exactly this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Checks that the credential has this scope (RFC 6750, section 3.1).
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
        &self.inner.facts.roles
    }

    /// Whether the user has exactly this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().iter().any(|granted| granted == role)
    }

    /// Checks that the user has this role.
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

    /// When the user last authenticated (`auth_time`).
    pub fn authenticated_at(&self) -> Option<Time> {
        self.inner.facts.authenticated_at
    }

    /// The authentication methods that the user used (RFC 8176).
    pub fn amr(&self) -> &[String] {
        &self.inner.facts.amr
    }

    /// The authentication context class (RFC 9068, section 2.2.1).
    pub fn acr(&self) -> Option<&str> {
        self.inner.facts.acr.as_deref()
    }

    /// When the credential expires, if it is not revoked before.
    pub fn expires_at(&self) -> Time {
        self.inner.expires_at
    }

    /// The `aud` of the access token; empty for a session token, which is only for its issuer.
    pub fn audiences(&self) -> &[String] {
        &self.inner.facts.audiences
    }

    /// The kind of credential that the request presented.
    pub fn credential_kind(&self) -> CredentialKind {
        self.inner.facts.credential_kind
    }

    /// A claim of the token that is not registered: `external_id`, or one that the application adds with
    /// `CounterfoilBuilder::claims` of the crate `counterfoil`, the only place where such claims come from. The claims of
    /// another issuer are here too.
    ///
    /// A session token has no claims: for it only `external_id` is there, and `email` if the user has proved that they own the
    /// address.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.inner.facts.extra.as_ref()?.get(name)
    }

    /// The head of the revocation log when the credential was issued, or verified against its session record.
    pub fn position(&self) -> RevocationPosition {
        self.inner.facts.position
    }

    /// Resolves when the credential is no longer accepted, and says why: for a connection that outlives its request, such as
    /// a WebSocket or an event stream.
    ///
    /// | the credential | ends |
    /// |---|---|
    /// | each | with the publication of a revocation of its session, user, client, token or key, or of everyone: in the process of the issuer before the logout is answered, at a verifier that follows the feed one hop later |
    /// | access token | at the moment from which a request with it is refused: `exp` and the leeway of the verifier |
    /// | session token | at the idle timeout or the absolute end of the session. Other requests of the session extend the idle timeout; the open connection itself does not |
    /// | each, at a verifier that follows the feed | when the revocations have been stale for longer than its stale policy allows, which is at once for `Deny` and `Introspect`: a connection that nothing can end must not stay open. [`Ended::danger_accept_stale`] gives it more time |
    ///
    /// A revocation between the verification of the request and the first poll is not missed. Requests that never call it
    /// pay nothing; a future that waits takes less than 2 KiB, and its place is free again when it is dropped. It must be
    /// polled on a tokio runtime with a timer.
    ///
    /// A principal of [`TokenVerifier::verify`](crate::TokenVerifier::verify), which checks no revocations, ends at once with
    /// [`CredentialEnd::Unavailable`](crate::CredentialEnd::Unavailable).
    ///
    /// ```
    /// use counterfoil_verify::Principal;
    ///
    /// # async fn next_message() {}
    /// async fn serve(user: Principal) {
    ///     let mut ended = user.ended();
    ///     loop {
    ///         tokio::select! {
    ///             end = &mut ended => break println!("closing with {} {end}", end.close_code()),
    ///             message = next_message() => println!("{message:?}"),
    ///         }
    ///     }
    /// }
    /// ```
    #[cfg(feature = "ended")]
    pub fn ended(&self) -> Ended {
        let facts = &self.inner.facts;
        let credential = MonitoredCredential {
            session: facts.session_id,
            position: facts.position,
            token_fingerprint: facts.token_fingerprint,
            expires_at: self.inner.expires_at,
        };
        Ended::new(self.inner.monitor.get().cloned(), self.revocation_query().clone(), credential)
    }

    /// Distinguishes the session token from a later one of the same session, which it gets when the password changes. Only
    /// for the crate that verifies session tokens.
    #[doc(hidden)]
    pub fn token_fingerprint(&self) -> Option<u64> {
        self.inner.facts.token_fingerprint
    }

    pub(crate) fn not_before(&self) -> Option<Time> {
        self.inner.not_before
    }

    #[doc(hidden)]
    pub fn revocation_query(&self) -> &RevocationQuery {
        self.inner.query.get_or_init(|| Box::new(self.inner.facts.revocation_query()))
    }
}

/// Shows no claims, because they may be private.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("subject", &self.subject())
            .field("session_id", &self.session_id())
            .field("credential_kind", &self.credential_kind())
            .finish_non_exhaustive()
    }
}

/// Two principals are equal if they come from one verification.
impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process keeps one for each session that it has checked, a million by default, and one for each token.
    #[test]
    fn a_principal_takes_little_memory() {
        let counters_of_references = 2 * size_of::<usize>();

        assert!(size_of::<Inner>() + counters_of_references <= 336);
    }

    #[test]
    fn principals_share_the_texts_that_many_have() {
        let [first, second] = ["ada", "grace"].map(|subject| {
            let parts = PrincipalParts::new(CredentialKind::SessionToken, subject, Time::EPOCH);
            let client_id = "web".parse().ok();
            let (roles, amr) = (vec!["editor".to_owned()], vec!["pwd".to_owned()]);
            let (scope, acr) = (Some("orders:read".to_owned()), Some("1".to_owned()));
            Principal::from_verified(PrincipalParts { client_id, scope, roles, amr, acr, ..parts }).inner
        });

        let texts = |inner: &Inner| {
            let facts = &inner.facts;
            let texts = [
                facts.client_id.as_ref().map(ClientId::as_str),
                facts.scope.as_deref(),
                facts.acr.as_deref(),
            ];
            (texts.map(|text| text.map(str::as_ptr)), [&facts.roles, &facts.amr].map(|list| list.as_ptr()))
        };
        assert_eq!(texts(&first), texts(&second));
    }
}
