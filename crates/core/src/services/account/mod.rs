//! Accounts: registration, login by password, and password changes.

mod attempt;
mod change_password;
mod login;
mod register;
mod verify_password;

use std::sync::Arc;

use serde_json::Value;

use counterfoil_jose::Secret;
use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::credentials::password::PlaintextPassword;
use crate::model::audit_event::AuditEvent;
use crate::model::external_id::ExternalId;
use crate::services::ServiceError;
use crate::services::application_users::ApplicationUsers;
use crate::services::login_rate_limiter::LoginRateLimiter;
use crate::services::password_hasher::PasswordHasher;
use crate::services::password_policy::{NewPassword, PasswordContext, PasswordPolicy};
use crate::services::revoker::RevocationRetention;
use crate::store::{Change, CommitOutcome, Store, StoreError};

pub use attempt::{
    AttemptError, AuthenticatedUser, AuthenticationAttempt, Factor, FactorCategory, RequiredFactors,
};
pub use change_password::AuthorizedPasswordChange;
pub(in crate::services) use change_password::PasswordChangeContext;
pub use login::Credentials;
pub use register::Registration;

/// Registers users, logs them in by password, and changes passwords.
pub struct AccountService {
    store: Arc<dyn Store>,
    hasher: Arc<dyn PasswordHasher>,
    retention: Arc<RevocationRetention>,
    password_policy: Arc<PasswordPolicy>,
    rate_limiter: LoginRateLimiter,
    application_users: Option<Arc<ApplicationUsers>>,
}

impl AccountService {
    /// Creates the service. `rate_limiter` limits password guessing.
    pub fn new(
        store: Arc<dyn Store>,
        hasher: Arc<dyn PasswordHasher>,
        retention: Arc<RevocationRetention>,
        rate_limiter: LoginRateLimiter,
    ) -> Self {
        let password_policy = Arc::default();
        Self { store, hasher, retention, password_policy, rate_limiter, application_users: None }
    }

    /// Logs in the users of the application's own table, and no others; `None`: the users of the store.
    #[must_use]
    pub fn with_application_users(self, application_users: Option<Arc<ApplicationUsers>>) -> Self {
        Self { application_users, ..self }
    }

    /// Replaces the default policy for new passwords.
    #[must_use]
    pub fn with_password_policy(self, password_policy: PasswordPolicy) -> Self {
        Self { password_policy: Arc::new(password_policy), ..self }
    }

    /// Validates a new password against the policy. The length is checked first, so that a very long text costs nothing.
    async fn validate_new_password(
        &self,
        name: &'static str,
        text: &Secret<String>,
        context: PasswordContext<'_>,
    ) -> Result<PlaintextPassword, ServiceError> {
        let password = PlaintextPassword::new(text);
        self.password_policy.validate_length(&password).map_err(|error| invalid_field(name, &error))?;
        let new = NewPassword::new(&self.password_policy, &password, context);
        self.hasher.validate_new(new).await?.map_err(|error| invalid_field(name, &error))?;
        Ok(password)
    }

    async fn record_event(&self, event: AuditEvent) -> Result<(), StoreError> {
        match self.store.commit(&[Change::record_event(event)].into()).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }
}

pub(in crate::services) fn invalid_field(field: &'static str, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Field { field, detail: error.to_string() }
}

/// The application's own id in this value of the field `external_id`.
pub(in crate::services) fn parse_external_id(value: &Value) -> Result<ExternalId, ClientError> {
    ExternalId::from_json(value).map_err(|error| invalid_field("external_id", &error))
}

/// Fails if another user than `user` has the id.
pub(in crate::services) async fn check_external_id_free(
    store: &dyn Store,
    id: Option<&ExternalId>,
    user: Option<UserId>,
) -> Result<(), ServiceError> {
    let Some(id) = id else { return Ok(()) };
    match store.user_by_external_id(id).await? {
        Some(owner) if Some(owner.id) != user => Err(external_id_taken().into()),
        Some(_) | None => Ok(()),
    }
}

pub(in crate::services) fn external_id_taken() -> ClientError {
    invalid_field("external_id", &"is the id of another user")
}

/// The address in lower case, if it has one `@` between two parts. Only a delivered mail shows whether it exists.
pub(in crate::services) fn canonical_email(text: &str) -> Result<String, ClientError> {
    let email = text.to_lowercase();
    let has_two_parts = email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let is_plain = !email.chars().any(|c| c.is_control() || c.is_whitespace());
    if has_two_parts && is_plain && email.len() <= 254 {
        return Ok(email);
    }
    Err(invalid_field("email", &"must be an e-mail address of at most 254 characters"))
}
