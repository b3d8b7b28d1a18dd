//! Password changes, by the user and by an operator.

use std::borrow::Cow;

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{RevocationSubject, SessionId, UserId};

use crate::client_error::{ClientError, LoginFailure};
use crate::credentials::password::{PasswordHash, PlaintextPassword};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, Session};
use crate::model::status_index::StatusIndex;
use crate::model::user::User;
use crate::services::account::{AccountService, Credentials, refused_value};
use crate::services::password_hasher::{PasswordCheck, Requester, Verification};
use crate::services::password_policy::{PasswordContext, PasswordError};
use crate::services::revoker::RevocationRetention;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{AppliedChanges, Change, CommitOutcome, NewRevocation, Store, complete_session_ends};

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

/// The session in which the password is changed, and which stays.
#[derive(Clone, Copy)]
pub(in crate::services) struct KeptSession<'a> {
    /// Its next revision, with its new credential.
    pub(in crate::services) session: &'a Session,
    /// The index in the status lists that the revoked access tokens of this session name.
    pub(in crate::services) revoked_index: Option<StatusIndex>,
}

impl AuthorizedPasswordChange {
    /// The user whose password changes.
    pub fn user(&self) -> UserId {
        self.user.id
    }

    /// The changes of one commit: the new hash, the next epoch, the end of every session but `kept`, and a revocation of
    /// every access token of the user, so that those of the kept session are invalid, too.
    ///
    /// The kept session gets the position of the revocation, and its next access token must not have a lower one.
    pub(in crate::services) fn changes(
        &self,
        retention: &RevocationRetention,
        kept: Option<KeptSession<'_>>,
        context: &PasswordChangeContext<'_>,
    ) -> Vec<Change> {
        let PasswordChangeContext { actor, client_info, now } = context;
        let (reason, now) = (EndReason::PasswordChanged, *now);
        let event = AuditEvent::by_actor(AuditEventKind::PasswordChanged, actor.clone(), client_info, now)
            .with_user(self.user.id);
        let ended = AuditEvent { kind: AuditEventKind::SessionEnded, ..event.clone() };
        let kept_id = kept.map(|kept| kept.session.id);
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
                status_index: kept.and_then(|kept| kept.revoked_index),
            }),
        ];
        if let Some(KeptSession { session, .. }) = kept {
            changes.push(Change::replace_session(session.clone()));
            changes.push(Change::refresh_position(session.id));
        }
        changes
    }

    /// The same change of the user as now stored, after a commit lost a race.
    ///
    /// # Errors
    ///
    /// [`LoginFailure::Changed`] if the password was changed or the user was disabled or deleted in the meantime.
    pub(in crate::services) fn revalidated(self, stored: Option<User>) -> Result<Self, LoginFailure> {
        let user = stored.filter(User::is_enabled).ok_or(LoginFailure::Changed)?;
        // A rehash of the same password keeps the epoch; a new password raises it.
        if user.password != self.user.password && user.epoch != self.user.epoch {
            return Err(LoginFailure::Changed);
        }
        Ok(Self { user, ..self })
    }
}

impl AccountService {
    /// Authorizes a password change in a session: the current password must be right, the new one acceptable.
    ///
    /// # Errors
    ///
    /// [`ClientError::PasswordChangeFailed`] if the current password is wrong, [`ClientError::Field`] if the policy rejects the new
    /// one, [`ClientError::RateLimited`] after too many wrong current passwords.
    pub async fn authorize_password_change(
        &self,
        user: UserId,
        session: SessionId,
        presented: (&Secret<String>, &Secret<String>),
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthorizedPasswordChange, ServiceError> {
        let new = self.parse_new_password("new_password", presented.1)?;
        let attempt = self.rate_limiter.check_password_change(user, Some(session), now).await?;
        let requester = self.rate_limiter.user_requester(user, client_info.ip);
        let stored = self.store.user(user).await?.filter(User::is_enabled);
        let hash = stored.as_ref().and_then(|user| user.password.clone());
        let current = PlaintextPassword::new(presented.0);
        let is_unchanged = current.text() == new.text();
        let Verification { check, took } = self.verify_password(current, hash, requester).await?;
        let (Some(stored), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (stored, check) else {
            self.rate_limiter.record_failure(&attempt, now).await?;
            let failure = LoginFailure::WrongPassword;
            self.record_failed_change(user, failure.to_string(), client_info, now).await?;
            let error = ClientError::PasswordChangeFailed(failure);
            return Err(self.refuse(error, Some(took), requester).await);
        };
        // Counted before the new password is validated, which costs CPU time.
        self.rate_limiter.record_success(attempt, now).await?;
        self.authorize_new_password(stored, (new, is_unchanged), requester, client_info, now).await
    }

    /// Authorizes a password change without a session. The name and the current password are checked as those of a login:
    /// by [`AccountService::authenticate`], with its limits, and in the same time whatever is wrong with them.
    ///
    /// Nothing that depends on the user is checked before the password is right. The error for a new password that contains
    /// the user's address would otherwise tell the address to anyone.
    ///
    /// # Errors
    ///
    /// Those of a login; [`ClientError::RateLimited`] after too many password changes; [`ClientError::Field`] if the policy
    /// rejects the new password.
    pub async fn authorize_password_change_by_login(
        &self,
        presented: &Credentials,
        new: &Secret<String>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthorizedPasswordChange, ServiceError> {
        // It depends on the input alone, and saves a hash.
        let new = self.parse_new_password("new_password", new)?;
        let is_unchanged = PlaintextPassword::new(&presented.password).text() == new.text();
        let user = self.authenticate(presented, client_info, now).await?.into_user();
        let requester = self.rate_limiter.user_requester(user.id, client_info.ip);
        if let Err(limited) = self.rate_limiter.consume_password_change(user.id, now) {
            // This answer confirms the current password, too.
            self.record_failed_change(user.id, "too many password changes", client_info, now).await?;
            return Err(limited);
        }
        self.authorize_new_password(user, (new, is_unchanged), requester, client_info, now).await
    }

    /// Authorizes the change after the current password was right. A new password that is rejected is recorded: the answer
    /// confirms the current one, and an attacker must not learn that without an audit event. A temporary password is not changed
    /// to itself: the person who made it may know it.
    async fn authorize_new_password(
        &self,
        user: User,
        (new, is_unchanged): (PlaintextPassword, bool),
        requester: Requester,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<AuthorizedPasswordChange, ServiceError> {
        let context = PasswordContext::for_user(&user);
        let validated = match is_unchanged && user.password_change_required {
            true => Err(refused_value("new_password", PasswordError::Unchanged).into()),
            false => self.validate_new_password("new_password", &new, context, requester).await,
        };
        if let Err(error) = validated {
            if let ServiceError::Client(_) = error {
                self.record_failed_change(user.id, "new password refused", client_info, now).await?;
            }
            return Err(error);
        }
        Ok(AuthorizedPasswordChange { user, hash: self.hasher.hash(new, requester).await? })
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
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes.into()).await? {
                complete_ends(&*self.store, &applied).await;
                return Ok(());
            }
            let stored = self.store.user(change.user()).await?;
            change = change.revalidated(stored).map_err(ClientError::LoginFailed)?;
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
        let new = self.parse_new_password("password", password)?;
        let (policy, requester) = (PasswordContext::for_user(&previous), Requester::default());
        self.validate_new_password("password", &new, policy, requester).await?;
        let hash = self.hasher.hash(new, requester).await?;
        let context = PasswordChangeContext { actor: actor.clone(), client_info, now };
        for _ in 0..ATTEMPTS {
            let user = self.store.user(user).await?.ok_or_else(|| not_found.clone())?;
            let change = AuthorizedPasswordChange { user, hash: hash.clone() };
            let changes = change.changes(&self.retention, None, &context);
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes.into()).await? {
                complete_ends(&*self.store, &applied).await;
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn record_failed_change(
        &self,
        user: UserId,
        reason: impl Into<Cow<'static, str>>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent::by_user(AuditEventKind::PasswordChangeFailed, user, client_info, now)
            .with_detail(reason);
        Ok(self.record_failure(event, user.as_bytes(), now).await?)
    }
}

/// Marks the sessions that were too many for the commit as ended. All of them and their access tokens are revoked already,
/// so an error does not fail the password change: a background job does the rest.
pub(in crate::services) async fn complete_ends(store: &dyn Store, applied: &AppliedChanges) {
    if let Err(error) = complete_session_ends(store, &applied.pending_ends).await {
        tracing::warn!(%error, "some ended sessions are not marked as ended yet");
    }
}
