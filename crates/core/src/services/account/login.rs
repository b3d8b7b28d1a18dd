//! Login by username or verified e-mail address and password.

use std::time::Duration;

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{ClientId, UserId};

use crate::client_error::{ClientError, LoginFailure};
use crate::credentials::password::PlaintextPassword;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::client::Client;
use crate::model::session::{ClientInfo, Mode};
use crate::model::user::User;
use crate::services::ServiceError;
use crate::services::account::{
    AccountService, AuthenticatedUser, AuthenticationAttempt, Factor, RequiredFactors,
};
use crate::services::login_lookup::resolve_login_name;
use crate::services::password_hasher::{HashingError, PasswordCheck, Requester, Verification};
use crate::store::{Change, CommitOutcome, LoginName, Store};

/// How long a login may take until its last factor.
const ATTEMPT_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The input of a login.
#[derive(Debug)]
pub struct Credentials {
    /// A username, or a verified e-mail address.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// The client.
    pub client: ClientId,
    /// The requested mode.
    pub mode: Mode,
}

impl AccountService {
    /// Authenticates a user by name and password: one hash, also if there is no such user, and one audit event if it
    /// fails. An unknown name, a disabled user and a wrong password get the same error, so that a client cannot find out
    /// which names exist.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`]; [`ClientError::Client`] if the client is unknown or may not use the mode;
    /// [`ClientError::RateLimited`] before anything is hashed, for existing and unknown names alike.
    pub async fn authenticate(
        &self,
        presented: &Credentials,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = self.store.revocation_log_head().await?;
        let client = self.allowed_client(presented).await?;
        let login = resolve_login_name(&*self.store, &presented.username).await?;
        let account = login.as_ref().map_or(presented.username.as_str(), LoginName::as_str);
        let requester = self.rate_limiter.login_requester(account, client_info.ip);
        let attempt = match self.rate_limiter.check_login(account, client_info.ip, now).await {
            Ok(attempt) => attempt,
            Err(error) => return Err(self.refuse(error, None, requester).await),
        };
        let (stored, Verification { check, took }) =
            self.verify_login(login.as_ref(), presented, client_info, requester, now).await?;
        match (stored, check) {
            (Some(user), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) if user.is_enabled() => {
                if let Err(error) = self.rate_limiter.record_success(attempt, now).await {
                    // Otherwise the time would tell that this guess was right.
                    return Err(self.refuse(error, Some(took), requester).await);
                }
                let user = match check {
                    PasswordCheck::MatchNeedsRehash => {
                        self.rehash(user, PlaintextPassword::new(&presented.password), requester).await?
                    }
                    PasswordCheck::Match | PasswordCheck::Mismatch => user,
                };
                let (records, required) = ((user, client), RequiredFactors::One);
                let attempt = AuthenticationAttempt::begin(
                    records,
                    presented.mode,
                    pos,
                    required,
                    now + ATTEMPT_LIFETIME,
                );
                let finished = attempt.with_factor(Factor::password(now)).finish(now);
                Ok(finished.map_err(ClientError::from)?)
            }
            (stored, _) => {
                let error = match self.rate_limiter.record_failure(&attempt, now).await {
                    Ok(()) => {
                        let failure = login_failure(stored.as_ref(), check);
                        let user = stored.map(|user| user.id);
                        let failed = (user, account, failure);
                        self.record_failed_login(failed, client.id, client_info, now).await
                    }
                    Err(error) => error,
                };
                Err(self.refuse(error, Some(took), requester).await)
            }
        }
    }

    /// Checks a login again after its commit lost a race. It still holds if the password is the same.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed or the user was disabled in the meantime.
    pub async fn revalidate(
        store: &dyn Store,
        authenticated: &AuthenticatedUser,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = store.revocation_log_head().await?;
        let changed = ClientError::LoginFailed(LoginFailure::Changed);
        let client = store.client(&authenticated.client().id).await?.ok_or(changed.clone())?;
        let user = store.user(authenticated.user().id).await?.ok_or(changed)?;
        Ok(authenticated.revalidated(user, client, pos)?)
    }

    /// The client, if it may use the requested mode.
    async fn allowed_client(&self, presented: &Credentials) -> Result<Client, ServiceError> {
        let client = self.store.client(&presented.client).await?;
        let client = client.filter(|client| client.enabled).ok_or(ClientError::Client("no such client"))?;
        if !client.allows(presented.mode) {
            return Err(ClientError::Client("the client may not use this mode").into());
        }
        Ok(client)
    }

    /// Stores a hash with the current cost. If the hash queue is full or the commit loses a race, the next login tries
    /// again.
    async fn rehash(
        &self,
        previous: User,
        password: PlaintextPassword,
        requester: Requester,
    ) -> Result<User, ServiceError> {
        let better = match self.hasher.hash(password, requester).await {
            Ok(hash) => previous.rehashed(hash),
            Err(HashingError::Busy | HashingError::ShareExceeded) => return Ok(previous),
            Err(error) => return Err(error.into()),
        };
        match self.store.commit(&[Change::replace_user(better.clone())].into()).await? {
            CommitOutcome::Applied(_) => Ok(better),
            CommitOutcome::Conflict(_) => Ok(previous),
        }
    }

    async fn record_failed_login(
        &self,
        (user, account, failure): (Option<UserId>, &str, LoginFailure),
        client: ClientId,
        client_info: &ClientInfo,
        now: Time,
    ) -> ServiceError {
        let event = AuditEvent {
            at: now,
            kind: AuditEventKind::LoginFailed,
            user,
            session: None,
            client: Some(client),
            actor: Actor::Anonymous,
            reason: None,
            client_info: client_info.clone(),
            detail: Some(failure.to_string().into()),
        };
        match self.record_failure(event, account.as_bytes(), now).await {
            Ok(()) => ClientError::LoginFailed(failure).into(),
            Err(failed) => failed.into(),
        }
    }
}

/// Why a login failed, for the request log and the audit log.
fn login_failure(user: Option<&User>, check: PasswordCheck) -> LoginFailure {
    match (user, check) {
        (None, _) => LoginFailure::UnknownUser,
        (Some(_), PasswordCheck::Mismatch) => LoginFailure::WrongPassword,
        (Some(_), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) => LoginFailure::Disabled,
    }
}
