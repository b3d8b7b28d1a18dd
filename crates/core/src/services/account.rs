//! Registering, proving who one is by password, and changing it.

use std::sync::Arc;

use counterfoil_jose::{Secret, Time, random};
use counterfoil_verify::{ClientId, Position, SessionId, UserId};

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
    hashing: Arc<dyn PasswordHasher>,
    horizon: Arc<RevocationRetention>,
    passwords: Arc<PasswordPolicy>,
    throttle: LoginRateLimiter,
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
    pub pos: Position,
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
    /// Judges by what `store` keeps; whoever guesses too often has to wait for `throttle`.
    pub fn new(
        store: Arc<dyn Store>,
        hashing: Arc<dyn PasswordHasher>,
        horizon: Arc<RevocationRetention>,
        throttle: LoginRateLimiter,
    ) -> Self {
        Self { store, hashing, horizon, passwords: Arc::default(), throttle }
    }

    /// The same, with this policy for new passwords in the place of the default one.
    #[must_use]
    pub fn with_passwords(self, passwords: PasswordPolicy) -> Self {
        Self { passwords: Arc::new(passwords), ..self }
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
        from: &ClientInfo,
        now: Time,
    ) -> Result<User, ServiceError> {
        let username: Username = form.username.parse().map_err(|fault| field("username", &fault))?;
        let email = form.email.as_deref().map(canonical_email).transpose()?;
        let about = PasswordContext { username: username.as_str(), email: email.as_deref() };
        let password = self.new_password("password", &form.password, about).await?;
        if actor == Actor::Anonymous {
            // Names that are taken count too: nobody is to go through a list of them.
            self.throttle.admit_registration(from.ip, now).await?;
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
            password: Some(self.hashing.make(password).await?),
            roles: form.roles,
            disabled_at: None,
            epoch: 0,
            not_before: Position::START,
            created_at: now,
            revision: 0,
        };
        let event =
            AuditEvent { actor, ..AuditEvent::by_user(AuditEventKind::Registered, user.id, from, now) };
        let changes = [Change::InsertUser(Box::new(user.clone())), Change::Record(Box::new(event))];
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
    pub async fn with_password(
        &self,
        shown: &Credentials,
        from: &ClientInfo,
        now: Time,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = self.store.head().await?;
        let client = self.client_for(shown).await?;
        let login = login_of(&shown.username);
        let account = login.as_ref().map_or(shown.username.as_str(), LoginName::text);
        let guess = self.throttle.admit_login(account, from.ip, now).await?;
        let password = PlaintextPassword::typed(&shown.password);
        let kept = self.find(login.as_ref()).await?;
        let verdict = self.check(password.clone(), kept.as_ref()).await?;
        match (kept, verdict) {
            (Some(user), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) if user.is_enabled() => {
                self.throttle.succeeded(guess, now).await?;
                let user = match verdict {
                    PasswordCheck::MatchNeedsRehash => self.hash_anew(user, password).await?,
                    PasswordCheck::Match | PasswordCheck::Mismatch => user,
                };
                Ok(AuthenticatedUser { user, client, pos, amr: vec!["pwd".into()], mode: shown.mode })
            }
            (kept, _) => {
                self.throttle.failed(&guess, now).await?;
                Err(self.refuse(kept.map(|user| user.id), client.id, from, now).await)
            }
        }
    }

    /// Judges anew what lost its race: only a user whose password is still the same is still judged.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed or the user disabled in the meantime.
    pub async fn again(
        store: &dyn Store,
        judged: &AuthenticatedUser,
    ) -> Result<AuthenticatedUser, ServiceError> {
        let pos = store.head().await?;
        let client = store.client(&judged.client.id).await?.ok_or(ClientError::LoginFailed)?;
        let user = store.user(judged.user.id).await?.ok_or(ClientError::LoginFailed)?;
        if !user.is_enabled() || !client.allows(judged.mode) || user.password != judged.user.password {
            return Err(ClientError::LoginFailed.into());
        }
        Ok(AuthenticatedUser { user, client, pos, amr: judged.amr.clone(), mode: judged.mode })
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
        shown: (&Secret<String>, &Secret<String>),
        from: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let guess = self.throttle.admit_password_change(user, current, now).await?;
        let kept = self.store.user(user).await?.filter(User::is_enabled);
        let about = kept.as_ref().map(PasswordContext::of).unwrap_or_default();
        let new = self.new_password("new_password", shown.1, about).await?;
        let verdict = self.check(PlaintextPassword::typed(shown.0), kept.as_ref()).await?;
        let (Some(seen), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (kept, verdict) else {
            self.throttle.failed(&guess, now).await?;
            self.record(AuditEvent::by_user(AuditEventKind::PasswordChangeRefused, user, from, now)).await?;
            return Err(ClientError::LoginFailed.into());
        };
        self.throttle.succeeded(guess, now).await?;
        let hash = self.hashing.make(new).await?;
        self.put_password(seen, hash, current, from, now).await
    }

    /// Puts the new hash in place; judged again if somebody else changed the user, but not their password.
    async fn put_password(
        &self,
        mut seen: User,
        hash: PasswordHash,
        current: Option<SessionId>,
        from: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        for _ in 0..ATTEMPTS {
            let changes = self.password_change(&seen, &hash, &Actor::User(seen.id), current, from, now);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(());
            }
            self.expect_live(current, now).await?;
            let before = seen;
            seen =
                self.store.user(before.id).await?.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
            // The same password under a better hash leaves the epoch alone, another password raises it.
            if seen.password != before.password && seen.epoch != before.epoch {
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
        from: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let nobody = ClientError::NotFound("user");
        let seen = self.store.user(user).await?.ok_or_else(|| nobody.clone())?;
        let new = self.new_password("password", password, PasswordContext::of(&seen)).await?;
        let hash = self.hashing.make(new).await?;
        for _ in 0..ATTEMPTS {
            let seen = self.store.user(user).await?.ok_or_else(|| nobody.clone())?;
            let changes = self.password_change(&seen, &hash, actor, None, from, now);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Who shows a session that has ended meanwhile, or was killed by a mark, changes nothing by it.
    async fn expect_live(&self, session: Option<SessionId>, now: Time) -> Result<(), ServiceError> {
        let Some(session) = session else { return Ok(()) };
        let standing = self.store.standing(session).await?.ok_or(InvalidCredential::Unknown)?;
        standing.session.is_live(now)?;
        Ok(standing.holds()?)
    }

    fn password_change(
        &self,
        seen: &User,
        hash: &PasswordHash,
        actor: &Actor,
        current: Option<SessionId>,
        from: &ClientInfo,
        now: Time,
    ) -> Vec<Change> {
        let event = AuditEvent::by(AuditEventKind::PasswordChanged, actor.clone(), from, now).about(seen.id);
        let ended = AuditEvent { kind: AuditEventKind::SessionEnded, ..event.clone() };
        let mut changes = vec![
            Change::ReplaceUser(Box::new(seen.with_password(hash.clone()))),
            Change::EndSessionsOf {
                user: seen.id,
                except: current,
                ending: self.horizon.ending(EndReason::PasswordChanged, now),
            },
            Change::RecordSessionEnds(Box::new(ended.because(EndReason::PasswordChanged))),
            Change::Record(Box::new(AuditEvent { session: current, ..event })),
        ];
        if let Some(current) = current {
            changes.push(Change::ExpectLive(current, now));
            changes.push(Change::RefreshPosition(current));
        }
        changes
    }

    /// The client, if it may have this mode.
    async fn client_for(&self, shown: &Credentials) -> Result<Client, ServiceError> {
        let client = self.store.client(&shown.client).await?;
        let client = client.filter(|client| client.enabled).ok_or(ClientError::Client("no such client"))?;
        if !client.allows(shown.mode) {
            return Err(ClientError::Client("the client may not use this mode").into());
        }
        Ok(client)
    }

    /// Whom the name means, if anybody. A text that can be nobody's name is nobody's.
    async fn find(&self, login: Option<&LoginName>) -> Result<Option<User>, StoreError> {
        match login {
            Some(login) => self.store.user_by_login(login).await,
            None => Ok(None),
        }
    }

    /// The password that somebody wants, if the policy lets them have it. Its length is judged on the spot: what
    /// is too long is not looked at any closer.
    async fn new_password(
        &self,
        name: &'static str,
        text: &Secret<String>,
        about: PasswordContext<'_>,
    ) -> Result<PlaintextPassword, ServiceError> {
        let password = PlaintextPassword::typed(text);
        self.passwords.judge_length(&password).map_err(|fault| field(name, &fault))?;
        let new = NewPassword::new(&self.passwords, &password, about);
        self.hashing.judge(new).await?.map_err(|fault| field(name, &fault))?;
        Ok(password)
    }

    /// One hash, whoever it is. Too long a password is nobody's: that is told from the form alone.
    async fn check(
        &self,
        password: PlaintextPassword,
        kept: Option<&User>,
    ) -> Result<PasswordCheck, ServiceError> {
        let hash = kept.and_then(|user| user.password.clone());
        if password.is_too_long() {
            return Ok(PasswordCheck::Mismatch);
        }
        Ok(self.hashing.check(password, hash).await?)
    }

    /// Hashes the password under the present cost. Losing this race costs nothing: the next login tries again.
    async fn hash_anew(&self, seen: User, password: PlaintextPassword) -> Result<User, ServiceError> {
        let better = seen.rehashed(self.hashing.make(password).await?);
        match self.store.commit(&[Change::ReplaceUser(Box::new(better.clone()))]).await? {
            CommitOutcome::Applied(_) => Ok(better),
            CommitOutcome::Conflict(_) => Ok(seen),
        }
    }

    async fn refuse(
        &self,
        user: Option<UserId>,
        client: ClientId,
        from: &ClientInfo,
        now: Time,
    ) -> ServiceError {
        let event = AuditEvent {
            at: now,
            kind: AuditEventKind::SignInRefused,
            user,
            session: None,
            client: Some(client),
            actor: Actor::Anonymous,
            cause: None,
            from: from.clone(),
            detail: None,
        };
        match self.record(event).await {
            Ok(()) => ClientError::LoginFailed.into(),
            Err(failed) => failed.into(),
        }
    }

    async fn record(&self, event: AuditEvent) -> Result<(), StoreError> {
        match self.store.commit(&[Change::Record(Box::new(event))]).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }
}

/// What a name comes to when it is looked up, if it can be anybody's.
fn login_of(name: &str) -> Option<LoginName> {
    match (name.contains('@'), name.parse::<Username>()) {
        (true, _) => Some(LoginName::Email(name.to_lowercase())),
        (false, Ok(name)) => Some(LoginName::Username(name.folded().to_owned())),
        (false, Err(_)) => None,
    }
}

pub(super) fn field(field: &'static str, fault: &dyn std::fmt::Display) -> ClientError {
    ClientError::Field { field, detail: fault.to_string() }
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
    Err(field("email", &"must be an e-mail address of at most 254 characters"))
}
