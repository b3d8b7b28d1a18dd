//! Builds a principal for the tests of a handler.

use std::future::ready;
use std::sync::Arc;

use serde_json::Value;

use counterfoil_jose::Time;

use crate::credential::CredentialKind;
use crate::credential_monitor::{AcceptedUntil, CredentialMonitor, MonitoredCredential};
use crate::id::{ClientId, SessionId, TokenId, UserId};
use crate::principal::{Principal, PrincipalParts};
use crate::revocation::Revocations;

/// Builds a principal that nothing has verified, for the tests of a handler.
///
/// ```
/// use counterfoil_verify::SessionId;
/// use counterfoil_verify::testing::PrincipalBuilder;
///
/// let principal = PrincipalBuilder::new("alice")
///     .session_id(SessionId::from_bytes([1; 16]))
///     .role("admin")
///     .scope("orders:read orders:write")
///     .build();
/// assert!(principal.has_role("admin") && principal.has_scope("orders:read"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PrincipalBuilder {
    parts: PrincipalParts,
    revocations: Arc<Revocations>,
}

impl PrincipalBuilder {
    /// A principal with an access token that never expires. If `subject` is the text of a [`UserId`], it is also
    /// the user.
    pub fn new(subject: impl Into<String>) -> Self {
        let never = Time::from_unix_ms(u64::MAX);
        let parts = PrincipalParts::new(CredentialKind::AccessToken, subject, never);
        Self { parts, revocations: Arc::default() }
    }

    /// A principal whose subject is this user of the issuer.
    pub fn for_user(id: UserId) -> Self {
        Self::new(id.to_string())
    }

    /// Sets the kind of credential; an access token by default.
    pub fn credential_kind(mut self, credential_kind: CredentialKind) -> Self {
        self.parts.credential_kind = credential_kind;
        self
    }

    /// Sets when the credential expires.
    pub fn expires_at(mut self, time: Time) -> Self {
        self.parts.expires_at = time;
        self
    }

    /// Sets the session.
    pub fn session_id(mut self, id: SessionId) -> Self {
        self.parts.session_id = Some(id);
        self
    }

    /// Sets the client application.
    pub fn client_id(mut self, id: ClientId) -> Self {
        self.parts.client_id = Some(id);
        self
    }

    /// Sets the `jti` of the access token.
    pub fn token_id(mut self, id: TokenId) -> Self {
        self.parts.token_id = Some(id);
        self
    }

    /// Adds an audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.parts.audiences.push(audience.into());
        self
    }

    /// Sets the scopes, separated by spaces.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.parts.scope = Some(scope.into());
        self
    }

    /// Adds a role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.parts.roles.push(role.into());
        self
    }

    /// Sets the username.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.parts.username = Some(username.into());
        self
    }

    /// Adds an authentication method (RFC 8176).
    pub fn amr(mut self, method: impl Into<String>) -> Self {
        self.parts.amr.push(method.into());
        self
    }

    /// Sets the authentication context class (RFC 9068, section 2.2.1).
    pub fn acr(mut self, class: impl Into<String>) -> Self {
        self.parts.acr = Some(class.into());
        self
    }

    /// Sets the time of the authentication.
    pub fn authenticated_at(mut self, time: Time) -> Self {
        self.parts.authenticated_at = Some(time);
        self
    }

    /// Adds a custom claim.
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parts.extra.insert(name.into(), value);
        self
    }

    /// Sets the revocations by which `Principal::ended` resolves. Without them it never does, also not at the expiry.
    pub fn revocations(mut self, revocations: Arc<Revocations>) -> Self {
        self.revocations = revocations;
        self
    }

    /// Builds the principal.
    pub fn build(self) -> Principal {
        let monitor: Arc<dyn CredentialMonitor> = Arc::new(TestMonitor(self.revocations));
        Principal::from_verified(self.parts).with_monitor(&monitor)
    }
}

/// Knows no time: a credential ends only by a revocation.
struct TestMonitor(Arc<Revocations>);

impl CredentialMonitor for TestMonitor {
    fn revocations(&self) -> &Arc<Revocations> {
        &self.0
    }

    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn accepted_until(&self, _: MonitoredCredential, _: Time) -> AcceptedUntil {
        Box::pin(ready(Ok(Time::from_unix_ms(u64::MAX))))
    }
}
