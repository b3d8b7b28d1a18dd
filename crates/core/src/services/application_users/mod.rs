//! Users of an application's own table: each has a row in the store, which follows that table.
//!
//! Our row is always read before the application's, and replaced only in the revision that was read. So of two
//! observations of the application's table the later one is stored last, and a request that has read an old password
//! cannot undo what a newer one has ended.

mod row;
mod user_store;

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::model::audit_event::{Actor, AuditEventKind};
use crate::model::external_id::ExternalId;
use crate::model::session::{ClientInfo, EndReason};
use crate::model::user::User;
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, LoginName, Store, complete_session_ends};

pub use user_store::{ApplicationPassword, ApplicationUser, UserStore, UserStoreError};

/// Keeps the rows of an application's users, and ends their sessions when the application's table says so.
pub struct ApplicationUsers {
    users: Arc<dyn UserStore>,
    store: Arc<dyn Store>,
    administration: Administration,
}

impl ApplicationUsers {
    /// Creates the service for the users of `users`, whose rows are in `store`.
    pub fn new(users: Arc<dyn UserStore>, store: Arc<dyn Store>, administration: Administration) -> Self {
        Self { users, store, administration }
    }

    /// The application's table.
    pub(in crate::services) fn user_store(&self) -> &dyn UserStore {
        &*self.users
    }

    /// The row of a user whose password matched. It is created at the first login. `None` if the user has changed in the
    /// application's table since `checked` was read there: the password may be an old one.
    ///
    /// # Errors
    ///
    /// If a store fails, or if the application's table contradicts itself.
    pub(in crate::services) async fn log_in(
        &self,
        checked: &ApplicationUser,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<User>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let stored = self.store.user_by_external_id(&checked.external_id).await?;
            let found = self.find(&checked.external_id).await?;
            let Some(found) = found.filter(|found| found.epoch == checked.epoch) else { return Ok(None) };
            match stored {
                // Only now: a change after this read finds the row, and raises its epoch.
                Some(stored) if row::is_current(&stored, &found)? => return Ok(Some(stored)),
                stored => self.follow(stored, &found, client_info, now).await?,
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Reads this user in the application's table, and ends the user's sessions if the user is missing there or has
    /// another epoch. Does nothing if the user has never logged in.
    ///
    /// # Errors
    ///
    /// If a store fails. Then the sessions must be treated as not ended.
    pub async fn user_changed(&self, external_id: &ExternalId, now: Time) -> Result<(), ServiceError> {
        match self.store.user_by_external_id(external_id).await? {
            Some(user) => self.refresh(user.id, &ClientInfo::default(), now).await,
            None => Ok(()),
        }
    }

    /// The same as [`user_changed`](Self::user_changed), for the user of a session that has not ended.
    ///
    /// # Errors
    ///
    /// As [`user_changed`](Self::user_changed).
    pub async fn check_session(
        &self,
        session: SessionId,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        match self.store.session(session).await? {
            Some(session) if session.ended.is_none() => self.refresh(session.user, client_info, now).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn refresh(&self, id: UserId, client_info: &ClientInfo, now: Time) -> Result<(), ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(stored) = self.store.user(id).await? else { return Ok(()) };
            let found = match &stored.external_id {
                Some(external_id) => self.find(external_id).await?,
                // Unknown to the application.
                None => None,
            };
            match found {
                Some(found) if row::is_current(&stored, &found)? => return Ok(()),
                Some(found) => self.follow(Some(stored), &found, client_info, now).await?,
                None if self.end_missing(&stored, client_info, now).await? => return Ok(()),
                None => {}
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn find(&self, external_id: &ExternalId) -> Result<Option<ApplicationUser>, UserStoreError> {
        let found = self.users.find(external_id).await?;
        if found.as_ref().is_some_and(|found| found.external_id != *external_id) {
            return Err(UserStoreError::new("`find` returned a user with another id"));
        }
        Ok(found)
    }

    /// Makes the row equal to `found`, in one commit with the ends and revocations that follow. The caller reads both
    /// again: another request may have been first.
    async fn follow(
        &self,
        stored: Option<User>,
        found: &ApplicationUser,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(), ServiceError> {
        let context = context(EndReason::UserChanged, client_info);
        let (changes, next) = match stored {
            None => {
                let user = row::new(found, now)?;
                let event = context.event(AuditEventKind::UserRegistered, now).with_user(user.id);
                (vec![Change::insert_user(user.clone()), Change::record_event(event)], user)
            }
            Some(stored) => {
                let next = row::updated(&stored, found)?;
                let mut changes = vec![Change::replace_user(next.clone())];
                changes.extend(self.administration.follow_up_changes(&stored, &next, &context, now));
                if stored.application_epoch.is_some_and(|epoch| epoch != found.epoch) {
                    changes.extend(self.end_sessions(stored.id, &context, now));
                }
                (changes, next)
            }
        };
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(applied) => {
                complete_session_ends(&*self.store, &applied.pending_ends).await?;
                Ok(())
            }
            CommitOutcome::Conflict(_) => self.release_username(&next).await,
        }
    }

    /// Ends all sessions of a user who is missing in the application's table. The row stays, without roles. False if
    /// another request changed it first.
    async fn end_missing(
        &self,
        stored: &User,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<bool, ServiceError> {
        let context = context(EndReason::UserDisabled, client_info);
        let next = User { application_epoch: None, roles: Vec::new(), ..stored.next_epoch() };
        let mut changes = vec![Change::replace_user(next.clone())];
        changes.extend(self.administration.follow_up_changes(stored, &next, &context, now));
        changes.extend(self.end_sessions(stored.id, &context, now));
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(applied) => {
                complete_session_ends(&*self.store, &applied.pending_ends).await?;
                Ok(true)
            }
            CommitOutcome::Conflict(_) => Ok(false),
        }
    }

    fn end_sessions(&self, user: UserId, context: &RevocationContext, now: Time) -> Vec<Change> {
        let event = context.event(AuditEventKind::SessionsEnded, now).with_user(user);
        let mut changes = self.administration.end_sessions_changes(user, context, now);
        changes.push(Change::record_event(event.with_reason(context.reason)));
        changes
    }

    /// Frees the username of `next` if the row of a user has it who no longer has it in the application's table. That
    /// user gets the current name at the next login.
    async fn release_username(&self, next: &User) -> Result<(), ServiceError> {
        let folded = next.username.folded();
        let holder = self.store.user_by_login(&LoginName::Username(folded.to_owned())).await?;
        let Some(holder) = holder.filter(|holder| holder.id != next.id) else { return Ok(()) };
        if holder.external_id == next.external_id {
            // Another request has created the row of the same user.
            return Ok(());
        }
        let Some(external_id) = &holder.external_id else {
            return Err(UserStoreError::new("a user who is not in the table has the same username").into());
        };
        let owner = self.find(external_id).await?;
        if owner.is_some_and(|owner| row::username(&owner).is_ok_and(|name| name.folded() == folded)) {
            return Err(UserStoreError::new("two users in the table have the same username").into());
        }
        let renamed = row::without_username(&holder)?;
        match self.store.commit(&[Change::replace_user(renamed)].into()).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }
}

fn context(reason: EndReason, client_info: &ClientInfo) -> RevocationContext {
    RevocationContext { actor: Actor::System, reason, client_info: client_info.clone() }
}
