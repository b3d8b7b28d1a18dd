//! Password changes, by the user and by an operator.

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{RevocationSubject, SessionId, UserId};

use crate::client_error::ClientError;
use crate::credentials::password::{PasswordHash, PlaintextPassword};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, Session};
use crate::model::user::User;
use crate::services::account::{AccountService, Credentials, invalid_field};
use crate::services::password_hasher::PasswordCheck;
use crate::services::password_policy::PasswordContext;
use crate::services::revoker::RevocationRetention;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, NewRevocation};

/// A password change whose current password was right and whose new one is acceptable. Nothing is stored yet.
///
/// Only [`AccountService`] makes one, so that no code can change a password without the current one.
#[derive(Debug)]
#[must_use = "the password is not changed yet"]
pub struct AuthorizedPasswordChange {
    /// The user as of the check.
    user: User,
    /// The hash of the new password.
    hash: PasswordHash,
}

/// Who changes a password, from which client, and when.
pub(in crate::services) struct PasswordChangeContext<'a> {
    pub(in crate::services) actor: Actor,
    pub(in crate::services) client_info: &'a ClientInfo,
    pub(in crate::services) now: Time,
}

impl AuthorizedPasswordChange {
    /// The user whose password changes.
    pub fn user(&self) -> UserId {
        self.user.id
    }

    /// The changes of one commit: the new hash, the next epoch, the end of every session but `kept`, and a revocation of
    /// every access token of the user, so that those of the kept session are invalid, too.
    ///
    /// `kept` is the next revision of the session, with its new credential. It gets the position of the revocation, and its
    /// next access token must not have a lower one.
    pub(in crate::services) fn changes(
        &self,
        retention: &RevocationRetention,
        kept: Option<&Session>,
        context: &PasswordChangeContext<'_>,
    ) -> Vec<Change> {
        let PasswordChangeContext { actor, client_info, now } = context;
        let (reason, now) = (EndReason::PasswordChanged, *now);
        let event = AuditEvent::by_actor(AuditEventKind::PasswordChanged, actor.clone(), client_info, now)
            .with_user(self.user.id);
        let ended = AuditEvent { kind: AuditEventKind::SessionEnded, ..event.clone() };
        let kept_id = kept.map(|session| session.id);
        let mut changes = vec![
            Change::replace_user(self.user.with_password(self.hash.clone())),
            Change::end_sessions_of(self.user.id, kept_id, retention.session_ending(reason, now)),
            Change::record_session_ends(ended.with_reason(reason)),
            Change::record_event(AuditEvent { session: kept_id, ..event }),
            Change::append_revocation(NewRevocation {
                subject: RevocationSubject::User(self.user.id),
                reason,
                at: now,
                remember_until: Some(retention.remember_until(now)),
            }),
        ];
        if let Some(session) = kept {
            changes.push(Change::replace_session(session.clone()));
            changes.push(Change::refresh_position(session.id));
        }
        changes
    }

    /// The same change of the user as now stored, after a commit lost a race.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed or the user was disabled or deleted in the meantime.
    pub(in crate::services) fn revalidated(self, stored: Option<User>) -> Result<Self, ClientError> {
        let user = stored.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
        // A rehash of the same password keeps the epoch; a new password raises it.
        if user.password != self.user.password && user.epoch != self.user.epoch {
            return Err(ClientError::LoginFailed);
        }
        Ok(Self { user, ..self })
    }
}

impl AccountService {
    /// Authorizes a password change in a session: the current password must be right, the new one acceptable.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the current password is wrong, [`ClientError::Field`] if the policy rejects the new
    /// one, [`ClientError::RateLimited`] after too many wrong current passwords.
    pub async fn authorize_password_change(
        &self,
        user: UserId,
        session: SessionId,
        presented: (&Secret<String>, &Secret<String>),
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthorizedPasswordChange, ServiceError> {
        let attempt = self.rate_limiter.check_password_change(user, Some(session), now).await?;
        let stored = self.store.user(user).await?.filter(User::is_enabled);
        let context = stored.as_ref().map(PasswordContext::for_user).unwrap_or_default();
        let new = self.validate_new_password("new_password", presented.1, context).await?;
        let hash = stored.as_ref().and_then(|user| user.password.clone());
        let check = self.verify_password(PlaintextPassword::new(presented.0), hash).await?;
        let (Some(user), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (stored, check) else {
            self.rate_limiter.record_failure(&attempt, now).await?;
            self.record_failed_change(user, client_info, now).await?;
            return Err(ClientError::LoginFailed.into());
        };
        self.rate_limiter.record_success(attempt, now).await?;
        Ok(AuthorizedPasswordChange { user, hash: self.hasher.hash(new).await? })
    }

    /// Authorizes a password change without a session. The name and the current password are checked as those of a login:
    /// by [`AccountService::authenticate`], with its limits, and in the same time whatever is wrong with them.
    ///
    /// Nothing that depends on the user is checked before the password is right. The error for a new password that contains
    /// the user's address would otherwise tell the address to anyone. A new password that is rejected after that is
    /// recorded: the answer has told that the current one is right.
    ///
    /// # Errors
    ///
    /// Those of a login; [`ClientError::Field`] if the policy rejects the new password.
    pub async fn authorize_password_change_by_login(
        &self,
        presented: &Credentials,
        new: &Secret<String>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthorizedPasswordChange, ServiceError> {
        // It depends on the input alone, and saves a hash.
        let length = self.password_policy.validate_length(&PlaintextPassword::new(new));
        length.map_err(|error| invalid_field("new_password", &error))?;
        let user = self.authenticate(presented, client_info, now).await?.into_user();
        let context = PasswordContext::for_user(&user);
        let new = match self.validate_new_password("new_password", new, context).await {
            Ok(new) => new,
            Err(error) => {
                if let ServiceError::Client(_) = error {
                    self.record_failed_change(user.id, client_info, now).await?;
                }
                return Err(error);
            }
        };
        Ok(AuthorizedPasswordChange { user, hash: self.hasher.hash(new).await? })
    }

    /// Changes the password and ends every session of the user, in one commit.
    /// [`Issuer::change_password`](crate::services::issuer::Issuer::change_password) keeps one session.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the password was changed or the user was disabled in the meantime.
    pub async fn change_password(
        &self,
        mut change: AuthorizedPasswordChange,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let context = PasswordChangeContext { actor: Actor::User(change.user()), client_info, now };
        for _ in 0..ATTEMPTS {
            let changes = change.changes(&self.retention, None, &context);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes.into()).await? {
                return Ok(());
            }
            let stored = self.store.user(change.user()).await?;
            change = change.revalidated(stored)?;
        }
        Err(InternalError::Contention.into())
    }

    /// Sets a password without the current one, in one commit: the new hash, the next epoch, and the end of every session.
    /// For an operator on the machine; no HTTP route offers this.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if the user does not exist, [`ClientError::Field`] if the policy rejects the password.
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
        let context = PasswordChangeContext { actor: actor.clone(), client_info, now };
        for _ in 0..ATTEMPTS {
            let user = self.store.user(user).await?.ok_or_else(|| not_found.clone())?;
            let change = AuthorizedPasswordChange { user, hash: hash.clone() };
            let changes = change.changes(&self.retention, None, &context);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes.into()).await? {
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn record_failed_change(
        &self,
        user: UserId,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent::by_user(AuditEventKind::PasswordChangeFailed, user, client_info, now);
        Ok(self.record_failure(event, user.as_bytes(), now).await?)
    }
}
