//! Users: locked out and let in, given other roles, deleted.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationSubject, UserId};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::EndReason;
use crate::model::user::User;
use crate::services::account::canonical_email;
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, CutoffScope};

/// The most roles of a user, and the most characters of each.
const MAX_ROLES: usize = 32;
const MAX_ROLE_LENGTH: usize = 64;

/// What is to be otherwise with a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Whether they are locked out.
    pub disabled: Option<bool>,
    /// What they may do.
    pub roles: Option<Vec<String>>,
    /// Their address; inner `None`: none. Another address is not verified unless that is said too.
    pub email: Option<Option<String>>,
    /// Whether the address was proved to be theirs.
    pub email_verified: Option<bool>,
}

impl Administration {
    /// Changes a user, and with them what their sessions and tokens are worth, in one commit.
    ///
    /// *Disabled*: everything they hold is dead, also when they are enabled again. *Other roles*: access tokens
    /// that say the old ones are dead; session tokens and refresh tokens go on under the new ones. Who is no
    /// longer an administrator leaves no admin key behind: those that they made are removed.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such user, [`ClientError::Field`] for what cannot be.
    pub async fn change_user(
        &self,
        id: UserId,
        change: &UserChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<User, ServiceError> {
        for _ in 0..ATTEMPTS {
            let previous = self.store.user(id).await?.ok_or(ClientError::NotFound("user"))?;
            let next = change.apply_to(&previous, now)?;
            let follow_up_changes = self.follow_up_changes(&previous, &next, context, now);
            if follow_up_changes.is_empty() {
                return Ok(previous);
            }
            let mut changes = vec![Change::ReplaceUser(Box::new(next.clone()))];
            changes.extend(follow_up_changes);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(next);
            }
            self.check_email_free(&previous).await?;
        }
        Err(InternalError::Contention.into())
    }

    /// Deletes a user: sessions, their data, and all that the record says. The journal keeps the id, which is
    /// never given to anybody else; the name is free again.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such user.
    pub async fn delete_user(
        &self,
        id: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let context = RevocationContext { reason: EndReason::UserDisabled, ..context.clone() };
        let mut changes = self.end_sessions_changes(id, &context, now);
        // The entry alone: there is no record left for a mark, and none that it would have to judge.
        changes.push(self.revocation_entry(RevocationSubject::User(id), &context, now));
        changes.push(remove_admin_keys_change(id, &context, now));
        changes.push(Change::RemoveUser(id));
        changes.push(record_event(AuditEventKind::UserDeleted, id, &context, now));
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("user").into()),
        }
    }

    /// What follows from the change of `previous` into `next`; nothing if nothing has changed.
    fn follow_up_changes(
        &self,
        previous: &User,
        next: &User,
        context: &RevocationContext,
        now: Time,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let (was_enabled, is_enabled) = (previous.is_enabled(), next.is_enabled());
        let has_other_roles = previous.roles != next.roles;
        if was_enabled && !is_enabled {
            let context = RevocationContext { reason: EndReason::UserDisabled, ..context.clone() };
            changes.extend(self.revoke_user_changes(previous.id, &context, now));
            changes.push(record_event(AuditEventKind::UserDisabled, previous.id, &context, now));
        } else if has_other_roles {
            let context = RevocationContext { reason: EndReason::RolesChanged, ..context.clone() };
            // The mark would take sessions and refresh families with it, so those that stand are stamped anew
            // in the same commit: they lie above the mark, and every access token of before lies below the entry.
            changes.push(Change::RefreshPositionsOf(previous.id));
            changes.push(self.revocation_entry(RevocationSubject::User(previous.id), &context, now));
            changes.push(Change::SetCutoff(CutoffScope::User(previous.id)));
        }
        if has_other_roles {
            let event = AuditEvent::by_actor(
                AuditEventKind::RolesChanged,
                context.actor.clone(),
                &context.client_info,
                now,
            );
            let event = event
                .with_user(previous.id)
                .with_reason(EndReason::RolesChanged)
                .with_detail(next.roles.join(" "));
            changes.push(Change::RecordEvent(Box::new(event)));
        }
        if previous.is_administrator() && !next.is_administrator() {
            let reason = if is_enabled { EndReason::RolesChanged } else { EndReason::UserDisabled };
            changes.push(remove_admin_keys_change(
                previous.id,
                &RevocationContext { reason, ..context.clone() },
                now,
            ));
        }
        if !was_enabled && is_enabled {
            changes.push(record_event(AuditEventKind::UserEnabled, previous.id, context, now));
        }
        if (&previous.email, previous.email_verified) != (&next.email, next.email_verified) {
            changes.push(record_event(AuditEventKind::EmailChanged, previous.id, context, now));
        }
        changes
    }

    /// What kills all that a user was given so far: the rows end, the entry kills access tokens, the mark what
    /// is in flight.
    pub(super) fn revoke_user_changes(
        &self,
        id: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> Vec<Change> {
        let mut changes = self.end_sessions_changes(id, context, now);
        changes.push(self.revocation_entry(RevocationSubject::User(id), context, now));
        changes.push(Change::SetCutoff(CutoffScope::User(id)));
        changes
    }

    fn end_sessions_changes(&self, user: UserId, context: &RevocationContext, now: Time) -> Vec<Change> {
        let ending = self.retention.session_ending(context.reason, now);
        vec![
            Change::EndSessionsOf { user, except: None, ending },
            Change::RecordSessionEnds(Box::new(context.session_ended_event(now))),
        ]
    }

    /// A lost swap of a user whom nobody has changed: the address is somebody else's.
    async fn check_email_free(&self, previous: &User) -> Result<(), ServiceError> {
        let stored = self.store.user(previous.id).await?;
        if stored.is_some_and(|stored| stored.revision == previous.revision) {
            let detail = "is the verified address of somebody else".to_owned();
            return Err(ClientError::Field { field: "email", detail }.into());
        }
        Ok(())
    }
}

impl UserChange {
    fn apply_to(&self, previous: &User, now: Time) -> Result<User, ClientError> {
        let mut next = User { revision: previous.revision + 1, ..previous.clone() };
        if let Some(roles) = &self.roles {
            validate_roles(roles)?;
            next.roles.clone_from(roles);
        }
        match self.disabled {
            Some(true) => next.disabled_at = previous.disabled_at.or(Some(now)),
            Some(false) => next.disabled_at = None,
            None => {}
        }
        if let Some(email) = &self.email {
            next.email = email.as_deref().map(canonical_email).transpose()?;
            next.email_verified = previous.email_verified && next.email == previous.email;
        }
        next.email_verified = self.email_verified.unwrap_or(next.email_verified);
        if next.email_verified && next.email.is_none() {
            let detail = "is only for somebody who has an address".to_owned();
            return Err(ClientError::Field { field: "email_verified", detail });
        }
        if (&next.roles, next.is_enabled()) != (&previous.roles, previous.is_enabled()) {
            next.epoch = previous.epoch + 1;
        }
        Ok(next)
    }
}

/// Roles that read as such: words of visible ASCII, which stand in tokens and are compared exactly.
///
/// # Errors
///
/// [`ClientError::Field`], with what they are to be.
pub fn validate_roles(roles: &[String]) -> Result<(), ClientError> {
    let is_valid = |role: &String| {
        (1..=MAX_ROLE_LENGTH).contains(&role.len()) && role.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if roles.len() <= MAX_ROLES && roles.iter().all(is_valid) {
        return Ok(());
    }
    let detail =
        format!("are to be at most {MAX_ROLES} words of 1 to {MAX_ROLE_LENGTH} visible ASCII characters");
    Err(ClientError::Field { field: "roles", detail })
}

/// Removes the admin keys that `user` made, each with its line in the journal.
fn remove_admin_keys_change(user: UserId, context: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by_actor(
        AuditEventKind::AdminKeyRemoved,
        context.actor.clone(),
        &context.client_info,
        now,
    );
    Change::RemoveAdminKeysOf(user, Box::new(event.with_user(user).with_reason(context.reason)))
}

fn record_event(kind: AuditEventKind, user: UserId, context: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by_actor(kind, context.actor.clone(), &context.client_info, now).with_user(user);
    let event = match kind {
        AuditEventKind::UserDisabled | AuditEventKind::UserDeleted => event.with_reason(context.reason),
        _ => event,
    };
    Change::RecordEvent(Box::new(event))
}
