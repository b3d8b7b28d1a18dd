//! Password changes, by the user and by an operator.

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::{ClientError, InvalidCredential};
use crate::credentials::password::{PasswordHash, PlaintextPassword};
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason};
use crate::model::user::User;
use crate::services::account::AccountService;
use crate::services::password_hasher::{PasswordCheck, Requester, Verification};
use crate::services::password_policy::PasswordContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Expectation, Transaction, complete_session_ends};

impl AccountService {
    /// Changes a password in one commit: the new hash, the next epoch, and the end of every session except `current`.
    ///
    /// # Errors
    ///
    /// [`ClientError::LoginFailed`] if the current password is wrong, [`ClientError::Field`] if the policy rejects the new
    /// one, [`ClientError::RateLimited`] after too many wrong current passwords.
    pub async fn change_password(
        &self,
        user: UserId,
        current: Option<SessionId>,
        presented: (&Secret<String>, &Secret<String>),
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let new = self.parse_new_password("new_password", presented.1)?;
        let attempt = self.rate_limiter.check_password_change(user, current, now).await?;
        let requester = self.rate_limiter.user_requester(user, client_info.ip);
        let stored = self.store.user(user).await?.filter(User::is_enabled);
        let hash = stored.as_ref().and_then(|user| user.password.clone());
        let Verification { check, took } =
            self.verify_password(PlaintextPassword::new(presented.0), hash, requester).await?;
        let (Some(previous), PasswordCheck::Match | PasswordCheck::MatchNeedsRehash) = (stored, check) else {
            self.rate_limiter.record_failure(&attempt, now).await?;
            let event = AuditEvent::by_user(AuditEventKind::PasswordChangeFailed, user, client_info, now);
            self.record_failure(event, user.as_bytes(), now).await?;
            return Err(self.refuse(ClientError::LoginFailed, Some(took), requester).await);
        };
        // Counted before the new password is validated, which costs CPU time.
        self.rate_limiter.record_success(attempt, now).await?;
        let context = PasswordContext::for_user(&previous);
        self.validate_new_password("new_password", &new, context, requester).await?;
        let hash = self.hasher.hash(new, requester).await?;
        self.store_new_password(previous, hash, current, client_info, now).await
    }

    /// Stores the new hash. Tries again if another request changed the user but not the password.
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
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                complete_session_ends(&*self.store, &applied.pending_ends).await?;
                return Ok(());
            }
            self.check_session(current, now).await?;
            let before = previous;
            previous =
                self.store.user(before.id).await?.filter(User::is_enabled).ok_or(ClientError::LoginFailed)?;
            // A rehash of the same password keeps the epoch; a new password raises it.
            if previous.password != before.password && previous.epoch != before.epoch {
                return Err(ClientError::LoginFailed.into());
            }
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
        let (context, requester) = (PasswordContext::for_user(&previous), Requester::default());
        self.validate_new_password("password", &new, context, requester).await?;
        let hash = self.hasher.hash(new, requester).await?;
        for _ in 0..ATTEMPTS {
            let previous = self.store.user(user).await?.ok_or_else(|| not_found.clone())?;
            let changes = self.password_changes(&previous, &hash, actor, None, client_info, now);
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                complete_session_ends(&*self.store, &applied.pending_ends).await?;
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Fails if the session has ended or was revoked in the meantime: then it changes nothing any more.
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
    ) -> Transaction {
        let event = AuditEvent::by_actor(AuditEventKind::PasswordChanged, actor.clone(), client_info, now)
            .with_user(previous.id);
        let ended = AuditEvent { kind: AuditEventKind::SessionEnded, ..event.clone() };
        let mut changes = vec![
            Change::replace_user(previous.with_password(hash.clone())),
            Change::end_sessions_of(
                previous.id,
                current,
                self.retention.session_ending(EndReason::PasswordChanged, now),
            ),
            Change::record_session_ends(ended.with_reason(EndReason::PasswordChanged)),
            Change::record_event(AuditEvent { session: current, ..event }),
        ];
        if let Some(current) = current {
            changes.push(Change::refresh_position(current));
        }
        Transaction::new(changes).expecting(current.map(|current| Expectation::ActiveSession(current, now)))
    }
}
