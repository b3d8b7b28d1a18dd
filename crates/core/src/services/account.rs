//! Registering, proving who one is by password, and changing it.

use std::sync::Arc;

use counterfoil_jose::{Secret, Time, random};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::password::{PasswordHash, PlaintextPassword};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::client::Client;
use crate::model::session::{ClientInfo, EndReason, Mode};
use crate::model::user::{User, Username};
use crate::services::login_rate_limiter::LoginRateLimiter;
use crate::services::password_hasher::{PasswordCheck, PasswordHasher};
use crate::services::password_policy::{NewPassword, PasswordContext, PasswordPolicy};
use crate::services::revoker::RevocationRetention;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, LoginName, Store, StoreError};

/// Judges names and passwords.
pub struct AccountService {
    store: Arc<dyn Store>,
    hasher: Arc<dyn PasswordHasher>,
    retention: Arc<RevocationRetention>,
    password_policy: Arc<PasswordPolicy>,
    rate_limiter: LoginRateLimiter,
}

/// A user who has just proved who they are, and all that this was judged by.
///
/// `pos` was read before anything else: whatever was revoked later stands behind it in the log.
#[derive(Debug, Clone)]
pub struct AuthenticatedUser {
    /// The user, at the epoch that a session's creation will insist on.
    pub user: User,
    /// The client, at the revision that a session's creation will insist on.
    pub client: Client,
    /// The head of the log before user and client were read.
    pub pos: RevocationPosition,
    /// How they proved it (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// What the login is to be.
    pub mode: Mode,
}

/// What somebody registers with.
#[derive(Debug)]
pub struct Registration {
    /// The name that they want.
    pub username: String,
    /// The password that they want.
    pub password: Secret<String>,
    /// An address that they claim.
    pub email: Option<String>,
    /// The roles that they get; none from the network.
    pub roles: Vec<String>,
}

/// What somebody logs in with.
#[derive(Debug)]
pub struct Credentials {
    /// A username, or a verified e-mail address.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// Through which client.
    pub client: ClientId,
    /// For which mode.
    pub mode: Mode,
}

impl AccountService {
    /// Judges by what `store` keeps; whoever guesses too often has to wait for `rate_limiter`.
    pub fn new(
        store: Arc<dyn Store>,
        hasher: Arc<dyn PasswordHasher>,
        retention: Arc<RevocationRetention>,
        rate_limiter: LoginRateLimiter,
    ) -> Self {
        Self { store, hasher, retention, password_policy: Arc::default(), rate_limiter }
    }

    /// The same, with this policy for new passwords in the place of the default one.
    #[must_use]
    pub fn with_password_policy(self, password_policy: PasswordPolicy) -> Self {
        Self { password_policy: Arc::new(password_policy), ..self }
    }

    /// Registers a user. What is wrong with the form is judged before anybody is looked up.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`] for a form that cannot be, [`ClientError::UsernameTaken`] for a name that somebody has,
    /// [`ClientError::RateLimited`] for a stranger if there were too many registrations from there.
    pub async fn register(
        &self,
        form: Registration,
        actor: Actor,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<User, ServiceError> {
        let username: Username = form.username.parse().map_err(|error| invalid_field("username", &error))?;
        let email = form.email.as_deref().map(canonical_email).transpose()?;
        let context = PasswordContext { username: username.as_str(), email: email.as_deref() };
        let password = self.validate_new_password("password", &form.password, context).await?;
        if actor == Actor::Anonymous {
            // Names that are taken count too: nobody is to go through a list of them.
            self.rate_limiter.consume_registration(client_info.ip, now).await?;
        }
        // Spares the hash where the answer is known; the race is settled by the insert.
        if self.store.user_by_login(&LoginName::Username(username.folded().to_owned())).await?.is_some() {
            return Err(ClientError::UsernameTaken.into());
        }
        let user = User {
            id: UserId::from_bytes(random::bytes()?),
            username,
            email,
            email_verified: false,
            password: Some(self.hasher.hash(password).await?),
            roles: form.roles,
            disabled_at: None,
            epoch: 0,
            cutoff: Position::START,
            created_at: now,
            revision: 0,
        };
        let event = AuditEvent {
            actor,
            ..AuditEvent::by_user(AuditEventKind::UserRegistered, user.id, client_info, now)
        };
        let changes = [Change::InsertUser(Box::new(user.clone())), Change::RecordEvent(Box::new(event))];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(user),
            CommitOutcome::Conflict(_) => Err(ClientError::UsernameTaken.into()),
        }
    }

    /// Judges a name and a password: one hash, whether or not there is such a user, and one line in the
    /// journal if it fails. Unknown, disabled and wrong are one answer.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`], or [`ClientError::Client`] if the client may not do this for anybody, or
    /// [`ClientError::RateLimited`], before anything is hashed and whoever the name belongs to.
    pub async fn authenticate(
        &self,
        presented: &Credentials,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = self.store.revocation_log_head().await?;
        let client = self.allowed_client(presented).await?;
        let login = login_name(&presented.username);
        let account = login.as_ref().map_or(presented.username.as_str(), LoginName::as_str);
        let attempt = self.rate_limiter.check_login(account, client_info.ip, now).await?;
        let password = PlaintextPassword::new(&presented.password);
        let stored = self.find_user(login.as_ref()).await?;
        let check = self.verify_password(password.clone(), stored.as_ref()).await?;
        match (stored, check) {
            (Some(user), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) if user.is_enabled() => {
                self.rate_limiter.record_success(attempt, now).await?;
                let user = match check {
                    PasswordCheck::MatchNeedsRehash => self.rehash(user, password).await?,
                    PasswordCheck::Match | PasswordCheck::Mismatch => user,
                };
                Ok(AuthenticatedUser { user, client, pos, amr: vec!["pwd".into()], mode: presented.mode })
            }
            (stored, _) => {
                self.rate_limiter.record_failure(&attempt, now).await?;
                Err(self.record_failed_login(stored.map(|user| user.id), client.id, client_info, now).await)
            }
        }
    }

    /// Judges anew what lost its race: only a user whose password is still the same is still judged.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed or the user disabled in the meantime.
    pub async fn revalidate(
        store: &dyn Store,
        authenticated: &AuthenticatedUser,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = store.revocation_log_head().await?;
        let client = store.client(&authenticated.client.id).await?.ok_or(ClientError::LoginFailed)?;
        let user = store.user(authenticated.user.id).await?.ok_or(ClientError::LoginFailed)?;
        if !user.is_enabled()
            || !client.allows(authenticated.mode)
            || user.password != authenticated.user.password
        {
            return Err(ClientError::LoginFailed.into());
        }
        Ok(AuthenticatedUser { user, client, pos, amr: authenticated.amr.clone(), mode: authenticated.mode })
    }

    /// Changes a password in one commit: the new hash, one epoch on, every other session ended and said so.
    /// The session `current` stays.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the current password is wrong, [`ClientError::Field`] if the new one cannot be,
    /// [`ClientError::RateLimited`] if the current one was wrong too often.
    pub async fn change_password(
        &self,
        user: UserId,
        current: Option<SessionId>,
        presented: (&Secret<String>, &Secret<String>),
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let attempt = self.rate_limiter.check_password_change(user, current, now).await?;
        let stored = self.store.user(user).await?.filter(User::is_enabled);
        let context = stored.as_ref().map(PasswordContext::for_user).unwrap_or_default();
        let new = self.validate_new_password("new_password", presented.1, context).await?;
        let check = self.verify_password(PlaintextPassword::new(presented.0), stored.as_ref()).await?;
        let (Some(previous), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (stored, check) else {
            self.rate_limiter.record_failure(&attempt, now).await?;
            self.record_event(AuditEvent::by_user(
                AuditEventKind::PasswordChangeFailed,
                user,
                client_info,
                now,
            ))
            .await?;
            return Err(ClientError::LoginFailed.into());
        };
        self.rate_limiter.record_success(attempt, now).await?;
        let hash = self.hasher.hash(new).await?;
        self.store_new_password(previous, hash, current, client_info, now).await
    }

    /// Puts the new hash in place; judged again if somebody else changed the user, but not their password.
    async fn store_new_password(
        &self,
        mut previous: User,
        hash: PasswordHash,
        current: Option<SessionId>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        for _ in 0..ATTEMPTS {
            let changes =
                self.password_changes(&previous, &hash, &Actor::User(previous.id), current, client_info, now);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(());
            }
            self.check_session(current, now).await?;
            let before = previous;
            previous =
                self.store.user(before.id).await?.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
            // The same password under a better hash leaves the epoch alone, another password raises it.
            if previous.password != before.password && previous.epoch != before.epoch {
                return Err(ClientError::LoginFailed.into());
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Sets a password for somebody who is not asked for the old one, in one commit: the new hash, one epoch on,
    /// every session ended. For an operator at the machine; over the network nobody sets another's password.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such user, [`ClientError::Field`] for a password that cannot be.
    pub async fn set_password(
        &self,
        user: UserId,
        password: &Secret<String>,
        actor: &Actor,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let not_found = ClientError::NotFound("user");
        let previous = self.store.user(user).await?.ok_or_else(|| not_found.clone())?;
        let new =
            self.validate_new_password("password", password, PasswordContext::for_user(&previous)).await?;
        let hash = self.hasher.hash(new).await?;
        for _ in 0..ATTEMPTS {
            let previous = self.store.user(user).await?.ok_or_else(|| not_found.clone())?;
            let changes = self.password_changes(&previous, &hash, actor, None, client_info, now);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Who shows a session that has ended meanwhile, or was killed by a mark, changes nothing by it.
    async fn check_session(&self, session: Option<SessionId>, now: Time) -> Result<(), ServiceError> {
        let Some(session) = session else { return Ok(()) };
        let session_context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        session_context.session.check_active(now)?;
        Ok(session_context.check_access()?)
    }

    fn password_changes(
        &self,
        previous: &User,
        hash: &PasswordHash,
        actor: &Actor,
        current: Option<SessionId>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Vec<Change> {
        let event = AuditEvent::by_actor(AuditEventKind::PasswordChanged, actor.clone(), client_info, now)
            .with_user(previous.id);
        let ended = AuditEvent { kind: AuditEventKind::SessionEnded, ..event.clone() };
        let mut changes = vec![
            Change::ReplaceUser(Box::new(previous.authenticate(hash.clone()))),
            Change::EndSessionsOf {
                user: previous.id,
                except: current,
                ending: self.retention.session_ending(EndReason::PasswordChanged, now),
            },
            Change::RecordSessionEnds(Box::new(ended.with_reason(EndReason::PasswordChanged))),
            Change::RecordEvent(Box::new(AuditEvent { session: current, ..event })),
        ];
        if let Some(current) = current {
            changes.push(Change::ExpectActive(current, now));
            changes.push(Change::RefreshPosition(current));
        }
        changes
    }

    /// The client, if it may have this mode.
    async fn allowed_client(&self, presented: &Credentials) -> Result<Client, ServiceError> {
        let client = self.store.client(&presented.client).await?;
        let client = client.filter(|client| client.enabled).ok_or(ClientError::Client("no such client"))?;
        if !client.allows(presented.mode) {
            return Err(ClientError::Client("the client may not use this mode").into());
        }
        Ok(client)
    }

    /// Whom the name means, if anybody. A text that can be nobody's name is nobody's.
    async fn find_user(&self, login: Option<&LoginName>) -> Result<Option<User>, StoreError> {
        match login {
            Some(login) => self.store.user_by_login(login).await,
            None => Ok(None),
        }
    }

    /// The password that somebody wants, if the policy lets them have it. Its length is judged on the spot: what
    /// is too long is not looked at any closer.
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

    /// One hash, whoever it is. Too long a password is nobody's: that is told from the form alone.
    async fn verify_password(
        &self,
        password: PlaintextPassword,
        stored: Option<&User>,
    ) -> Result<PasswordCheck, ServiceError> {
        let hash = stored.and_then(|user| user.password.clone());
        if password.is_too_long() {
            return Ok(PasswordCheck::Mismatch);
        }
        Ok(self.hasher.verify(password, hash).await?)
    }

    /// Hashes the password under the present cost. Losing this race costs nothing: the next login tries again.
    async fn rehash(&self, previous: User, password: PlaintextPassword) -> Result<User, ServiceError> {
        let better = previous.rehashed(self.hasher.hash(password).await?);
        match self.store.commit(&[Change::ReplaceUser(Box::new(better.clone()))]).await? {
            CommitOutcome::Applied(_) => Ok(better),
            CommitOutcome::Conflict(_) => Ok(previous),
        }
    }

    async fn record_failed_login(
        &self,
        user: Option<UserId>,
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
            detail: None,
        };
        match self.record_event(event).await {
            Ok(()) => ClientError::LoginFailed.into(),
            Err(failed) => failed.into(),
        }
    }

    async fn record_event(&self, event: AuditEvent) -> Result<(), StoreError> {
        match self.store.commit(&[Change::RecordEvent(Box::new(event))]).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }
}

/// What a name comes to when it is looked up, if it can be anybody's.
fn login_name(name: &str) -> Option<LoginName> {
    match (name.contains('@'), name.parse::<Username>()) {
        (true, _) => Some(LoginName::Email(name.to_lowercase())),
        (false, Ok(name)) => Some(LoginName::Username(name.folded().to_owned())),
        (false, Err(_)) => None,
    }
}

pub(super) fn invalid_field(field: &'static str, error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Field { field, detail: error.to_string() }
}

/// An address in lower case with one `@` between two parts. Whether it is anybody's only a mail can show.
pub(super) fn canonical_email(text: &str) -> Result<String, ClientError> {
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
