//! Users: locked out and let in, given other roles, deleted.

use counterfoil_jose::Time;
use counterfoil_verify::{Subject, UserId};

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
const MOST_ROLES: usize = 32;
const LONGEST_ROLE: usize = 64;

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
        reason: &RevocationContext,
        now: Time,
    ) -> Result<User, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seen = self.store.user(id).await?.ok_or(ClientError::NotFound("user"))?;
            let next = change.applied_to(&seen, now)?;
            let consequences = self.consequences(&seen, &next, reason, now);
            if consequences.is_empty() {
                return Ok(seen);
            }
            let mut changes = vec![Change::ReplaceUser(Box::new(next.clone()))];
            changes.extend(consequences);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(next);
            }
            self.expect_overtaken(&seen).await?;
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
        reason: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let reason = RevocationContext { cause: EndReason::UserDisabled, ..reason.clone() };
        let mut changes = self.end_everything_of(id, &reason, now);
        // The entry alone: there is no record left for a mark, and none that it would have to judge.
        changes.push(self.entry(Subject::User(id), &reason, now));
        changes.push(without_keys(id, &reason, now));
        changes.push(Change::RemoveUser(id));
        changes.push(told(AuditEventKind::UserDeleted, id, &reason, now));
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) => Ok(()),
            CommitOutcome::Conflict(_) => Err(ClientError::NotFound("user").into()),
        }
    }

    /// What follows from the change of `seen` into `next`; nothing if nothing has changed.
    fn consequences(&self, seen: &User, next: &User, reason: &RevocationContext, now: Time) -> Vec<Change> {
        let mut changes = Vec::new();
        let (was_enabled, is_enabled) = (seen.is_enabled(), next.is_enabled());
        let has_other_roles = seen.roles != next.roles;
        if was_enabled && !is_enabled {
            let reason = RevocationContext { cause: EndReason::UserDisabled, ..reason.clone() };
            changes.extend(self.user_death(seen.id, &reason, now));
            changes.push(told(AuditEventKind::UserDisabled, seen.id, &reason, now));
        } else if has_other_roles {
            let reason = RevocationContext { cause: EndReason::RolesChanged, ..reason.clone() };
            // The mark would take sessions and refresh families with it, so those that stand are stamped anew
            // in the same commit: they lie above the mark, and every access token of before lies below the entry.
            changes.push(Change::RefreshPositionsOf(seen.id));
            changes.push(self.entry(Subject::User(seen.id), &reason, now));
            changes.push(Change::SetCutoff(CutoffScope::User(seen.id)));
        }
        if has_other_roles {
            let event = AuditEvent::by(AuditEventKind::RolesChanged, reason.actor.clone(), &reason.from, now);
            let event = event.about(seen.id).because(EndReason::RolesChanged).telling(next.roles.join(" "));
            changes.push(Change::Record(Box::new(event)));
        }
        if seen.is_administrator() && !next.is_administrator() {
            let cause = if is_enabled { EndReason::RolesChanged } else { EndReason::UserDisabled };
            changes.push(without_keys(seen.id, &RevocationContext { cause, ..reason.clone() }, now));
        }
        if !was_enabled && is_enabled {
            changes.push(told(AuditEventKind::UserEnabled, seen.id, reason, now));
        }
        if (&seen.email, seen.email_verified) != (&next.email, next.email_verified) {
            changes.push(told(AuditEventKind::EmailChanged, seen.id, reason, now));
        }
        changes
    }

    /// What kills all that a user was given so far: the rows end, the entry kills access tokens, the mark what
    /// is in flight.
    pub(super) fn user_death(&self, id: UserId, reason: &RevocationContext, now: Time) -> Vec<Change> {
        let mut changes = self.end_everything_of(id, reason, now);
        changes.push(self.entry(Subject::User(id), reason, now));
        changes.push(Change::SetCutoff(CutoffScope::User(id)));
        changes
    }

    fn end_everything_of(&self, user: UserId, reason: &RevocationContext, now: Time) -> Vec<Change> {
        let ending = self.horizon.ending(reason.cause, now);
        vec![
            Change::EndSessionsOf { user, except: None, ending },
            Change::RecordSessionEnds(Box::new(reason.end_of_session(now))),
        ]
    }

    /// A lost swap of a user whom nobody has changed: the address is somebody else's.
    async fn expect_overtaken(&self, seen: &User) -> Result<(), ServiceError> {
        let kept = self.store.user(seen.id).await?;
        if kept.is_some_and(|kept| kept.revision == seen.revision) {
            let detail = "is the verified address of somebody else".to_owned();
            return Err(ClientError::Field { field: "email", detail }.into());
        }
        Ok(())
    }
}

impl UserChange {
    fn applied_to(&self, seen: &User, now: Time) -> Result<User, ClientError> {
        let mut next = User { revision: seen.revision + 1, ..seen.clone() };
        if let Some(roles) = &self.roles {
            judge_roles(roles)?;
            next.roles.clone_from(roles);
        }
        match self.disabled {
            Some(true) => next.disabled_at = seen.disabled_at.or(Some(now)),
            Some(false) => next.disabled_at = None,
            None => {}
        }
        if let Some(email) = &self.email {
            next.email = email.as_deref().map(canonical_email).transpose()?;
            next.email_verified = seen.email_verified && next.email == seen.email;
        }
        next.email_verified = self.email_verified.unwrap_or(next.email_verified);
        if next.email_verified && next.email.is_none() {
            let detail = "is only for somebody who has an address".to_owned();
            return Err(ClientError::Field { field: "email_verified", detail });
        }
        if (&next.roles, next.is_enabled()) != (&seen.roles, seen.is_enabled()) {
            next.epoch = seen.epoch + 1;
        }
        Ok(next)
    }
}

/// Roles that read as such: words of visible ASCII, which stand in tokens and are compared exactly.
///
/// # Errors
///
/// [`ClientError::Field`], with what they are to be.
pub fn judge_roles(roles: &[String]) -> Result<(), ClientError> {
    let is_good = |role: &String| {
        (1..=LONGEST_ROLE).contains(&role.len()) && role.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if roles.len() <= MOST_ROLES && roles.iter().all(is_good) {
        return Ok(());
    }
    let detail =
        format!("are to be at most {MOST_ROLES} words of 1 to {LONGEST_ROLE} visible ASCII characters");
    Err(ClientError::Field { field: "roles", detail })
}

/// Removes the admin keys that `user` made, each with its line in the journal.
fn without_keys(user: UserId, reason: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by(AuditEventKind::AdminKeyRemoved, reason.actor.clone(), &reason.from, now);
    Change::RemoveAdminKeysOf(user, Box::new(event.about(user).because(reason.cause)))
}

fn told(kind: AuditEventKind, user: UserId, reason: &RevocationContext, now: Time) -> Change {
    let event = AuditEvent::by(kind, reason.actor.clone(), &reason.from, now).about(user);
    let event = match kind {
        AuditEventKind::UserDisabled | AuditEventKind::UserDeleted => event.because(reason.cause),
        _ => event,
    };
    Change::Record(Box::new(event))
}
