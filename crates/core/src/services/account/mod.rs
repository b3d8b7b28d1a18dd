//! Accounts: registration, login by password, and password changes.

mod attempt;
mod change_password;
mod login;
mod register;
mod verify_password;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::credentials::password::PlaintextPassword;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::email_address;
use crate::model::external_id::ExternalId;
use crate::model::session::ClientInfo;
use crate::services::application_users::ApplicationUsers;
use crate::services::failure_log::{FailureEvents, FailureLog};
use crate::services::login_rate_limiter::{AccountCounter, CounterScope, LoginRateLimiter};
use crate::services::password_hasher::{PasswordHasher, Requester};
use crate::services::password_policy::{NewPassword, PasswordContext, PasswordPolicy};
use crate::services::revoker::RevocationRetention;
use crate::services::username_policy::UsernamePolicy;
use crate::services::{InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Store, StoreError};
use crate::value_fault::ValueFault;

pub use attempt::{
    AttemptError, AuthenticatedUser, AuthenticationAttempt, Factor, FactorCategory, RequiredFactors,
};
pub use change_password::AuthorizedPasswordChange;
pub(in crate::services) use change_password::{KeptSession, PasswordChangeContext, complete_ends};
pub use login::Credentials;
pub use register::Registration;

/// How many joined events one commit records.
const MAX_EVENTS_PER_COMMIT: usize = 256;

/// Registers users, logs them in by password, and changes passwords.
pub struct AccountService {
    store: Arc<dyn Store>,
    hasher: Arc<dyn PasswordHasher>,
    retention: Arc<RevocationRetention>,
    password_policy: Arc<PasswordPolicy>,
    username_policy: UsernamePolicy,
    rate_limiter: LoginRateLimiter,
    failures: Arc<FailureLog>,
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
        let username_policy = UsernamePolicy::default();
        let failures = Arc::new(FailureLog::new(Duration::ZERO, rate_limiter.ipv6_prefix()));
        Self {
            store,
            hasher,
            retention,
            password_policy,
            username_policy,
            rate_limiter,
            failures,
            application_users: None,
        }
    }

    /// Joins the audit events of failures. Without it every failure has an event of its own.
    #[must_use]
    pub fn with_failure_log(self, failures: FailureLog) -> Self {
        Self { failures: Arc::new(failures), ..self }
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

    /// Replaces the default policy for new usernames.
    #[must_use]
    pub fn with_username_policy(self, username_policy: UsernamePolicy) -> Self {
        Self { username_policy, ..self }
    }

    /// What the rate limits count in `scope` at `now`: the counts, the limits, and until when they reject attempts.
    ///
    /// # Errors
    ///
    /// If the counters cannot be read.
    pub async fn counters_in(
        &self,
        scope: &CounterScope,
        now: Time,
    ) -> Result<Vec<AccountCounter>, ServiceError> {
        Ok(self.rate_limiter.counters_in(scope, now).await?)
    }

    /// Forgets what the rate limits count in `scope`, and records it: further attempts are counted from zero.
    ///
    /// # Errors
    ///
    /// If the change is not durable.
    pub async fn release_counters(
        &self,
        scope: &CounterScope,
        actor: Actor,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let mut changes = self.rate_limiter.reset_changes(scope, now);
        let event = AuditEvent::by_actor(AuditEventKind::RateLimitReleased, actor, client_info, now);
        let detail = scope.whole_client_ip.map(|ip| ip.to_string().into());
        changes.push(Change::record_event(AuditEvent { user: scope.user, detail, ..event }));
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// The new password, if its length is allowed. That costs nothing, so it needs no rate limit.
    fn parse_new_password(
        &self,
        name: &'static str,
        text: &Secret<String>,
    ) -> Result<PlaintextPassword, ClientError> {
        let password = PlaintextPassword::new(text);
        self.password_policy.validate_length(&password).map_err(|error| refused_value(name, error))?;
        Ok(password)
    }

    /// Validates a new password against the rest of the policy: milliseconds of CPU time. The caller has counted it against
    /// a rate limit before.
    async fn validate_new_password(
        &self,
        name: &'static str,
        password: &PlaintextPassword,
        context: PasswordContext<'_>,
        requester: Requester,
    ) -> Result<(), ServiceError> {
        let new = NewPassword::new(&self.password_policy, password, context);
        Ok(self.hasher.validate_new(new, requester).await?.map_err(|error| refused_value(name, error))?)
    }

    /// Waits as [`PasswordHasher::delay_refusal`] describes, and returns the error.
    async fn refuse(
        &self,
        error: impl Into<ServiceError>,
        verified_in: Option<Duration>,
        requester: Requester,
    ) -> ServiceError {
        self.hasher.delay_refusal(verified_in, requester).await;
        error.into()
    }

    /// Records a failed attempt at `name`, or counts it with earlier ones of the same client IP.
    async fn record_failure(&self, event: AuditEvent, name: &[u8], now: Time) -> Result<(), StoreError> {
        let FailureEvents { joined, first } = self.failures.observe(event, name, now);
        self.record_joined(joined).await?;
        match first {
            Some(event) => self.record_events([event]).await,
            None => Ok(()),
        }
    }

    /// Records the failures that were counted in windows that are over at `now`; with `None` all, before the process ends.
    ///
    /// # Errors
    ///
    /// If the store fails. Then the next call tries again.
    pub async fn record_counted_failures(&self, now: Option<Time>) -> Result<(), StoreError> {
        self.record_joined(self.failures.take_joined(now)).await
    }

    async fn record_joined(&self, mut events: Vec<AuditEvent>) -> Result<(), StoreError> {
        while !events.is_empty() {
            let batch = events.split_off(events.len().saturating_sub(MAX_EVENTS_PER_COMMIT));
            if let Err(error) = self.record_events(batch.clone()).await {
                events.extend(batch);
                self.failures.put_back(events);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn record_events(&self, events: impl IntoIterator<Item = AuditEvent>) -> Result<(), StoreError> {
        let changes: Vec<Change> = events.into_iter().map(Change::record_event).collect();
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }
}

pub(in crate::services) fn invalid_field(field: &'static str, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Field { field, detail: error.to_string() }
}

/// A new username or a new password is refused.
pub(in crate::services) fn refused_value(
    field: &'static str,
    error: impl std::fmt::Display + Into<ValueFault>,
) -> ClientError {
    ClientError::RefusedValue { field, detail: error.to_string(), fault: error.into() }
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

/// The address in its canonical form. Only a delivered mail shows whether it exists.
pub(in crate::services) fn canonical_email(text: &str) -> Result<String, ClientError> {
    email_address::canonical_form(text).map_err(|error| invalid_field("email", &error))
}
