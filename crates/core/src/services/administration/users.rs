//! Users: changes roles, e-mail address and status, and deletes them.

use serde_json::Value;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationSubject, UserId};

use crate::client_error::ClientError;
use crate::model::audit_event::AuditEventKind;
use crate::model::session::EndReason;
use crate::model::user::User;
use crate::services::account::{canonical_email, check_external_id_free, parse_external_id};
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{
    Change, CommitOutcome, CutoffScope, Expectation, Transaction, TransactionPart, complete_session_ends,
};

/// The maximum number of roles of a user, and the maximum length of each, in bytes.
const MAX_ROLES: usize = 32;
const MAX_ROLE_LENGTH: usize = 64;

/// The changes to a user. A field that is `None` is not changed.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Whether the user is disabled.
    pub disabled: Option<bool>,
    /// The roles, instead of all that the user has.
    pub roles: Option<Vec<String>>,
    /// Roles to add to those that the user has.
    pub add_roles: Vec<String>,
    /// Roles to remove from those that the user has.
    pub remove_roles: Vec<String>,
    /// The e-mail address; inner `None` removes it. A new address is unverified unless `email_verified` is set, too.
    pub email: Option<Option<String>>,
    /// Whether the address is verified.
    pub email_verified: Option<bool>,
    /// The application's own id; inner `None` removes it.
    pub external_id: Option<Option<Value>>,
}

impl Administration {
    /// Changes a user, in one commit with the revocations that follow.
    ///
    /// - *disabled*: everything issued to the user is revoked, and stays revoked when the user is enabled again.
    /// - *roles*: access tokens with the old roles are revoked. Sessions and refresh tokens continue with the new roles.
    ///   When a user is no longer an administrator, the admin keys that the user created are removed.
    /// - *external id*: access tokens with the former one are revoked, so that no service takes their user for the one who
    ///   gets that id next. Sessions and refresh tokens continue.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such user, [`ClientError::Field`] for an invalid field,
    /// [`ClientError::LastAdministrator`] if no administrator would be left.
    pub async fn change_user(
        &self,
        id: UserId,
        change: &UserChange,
        context: &RevocationContext,
        now: Time,
    ) -> Result<User, ServiceError> {
        for _ in 0..ATTEMPTS {
            let previous = self.require_user(id).await?;
            let next = change.apply_to(&previous, now)?;
            let follow_up_changes = self.follow_up_changes(&previous, &next, context, now);
            if follow_up_changes.is_empty() {
                return Ok(previous);
            }
            let expected = self.expect_another_administrator(&previous, Some(&next), context).await?;
            let mut changes = vec![Change::replace_user(next.clone())];
            changes.extend(follow_up_changes);
            match self.store.commit(&Transaction::new(changes).expecting(expected)).await? {
                CommitOutcome::Applied(applied) => {
                    complete_session_ends(&*self.store, &applied.pending_ends).await?;
                    return Ok(next);
                }
                // The other administrator has changed meanwhile.
                CommitOutcome::Conflict(TransactionPart::Expectation(_)) => {}
                CommitOutcome::Conflict(TransactionPart::Change(_)) => {
                    self.check_unique(&previous, &next).await?;
                }
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Deletes a user with all sessions and their data. The audit log keeps the id, which is never used again; the username
    /// is free again. All of them are gone for every reader at once; the purge deletes the rows of the sessions, in
    /// portions.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such user, [`ClientError::LastAdministrator`] if no administrator would be
    /// left.
    pub async fn delete_user(
        &self,
        id: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        let context = RevocationContext { reason: EndReason::UserDisabled, ..context.clone() };
        for _ in 0..ATTEMPTS {
            let user = self.require_user(id).await?;
            let another = self.expect_another_administrator(&user, None, &context).await?;
            // The user must not become the last administrator meanwhile.
            let expected: Vec<_> = [Expectation::Epoch(id, user.epoch)].into_iter().chain(another).collect();
            // First, in portions: a deleted row can no longer say in the status lists that it has ended.
            let ends = self.end_sessions_changes(id, &context, now);
            match self.store.commit(&Transaction::new(ends).expecting(expected.clone())).await? {
                CommitOutcome::Applied(applied) => {
                    complete_session_ends(&*self.store, &applied.pending_ends).await?;
                }
                CommitOutcome::Conflict(_) => continue,
            }
            let changes = Transaction::new(self.delete_changes(id, &context, now)).expecting(expected);
            if let CommitOutcome::Applied(_) = self.store.commit(&changes).await? {
                return Ok(());
            }
        }
        Err(InternalError::Contention.into())
    }

    fn delete_changes(&self, id: UserId, context: &RevocationContext, now: Time) -> Vec<Change> {
        let mut changes = self.end_sessions_changes(id, context, now);
        // Only the log entry: the record that would hold the revocation cutoff is deleted.
        changes.push(self.revocation_entry(RevocationSubject::User(id), context, now));
        changes.push(remove_admin_keys_change(id, context, now));
        changes.push(Change::remove_user(id));
        changes.push(record_event(AuditEventKind::UserDeleted, id, context, now));
        changes
    }

    /// The revocations and audit events that follow from the change of `previous` into `next`; empty if nothing has
    /// changed.
    pub(in crate::services) fn follow_up_changes(
        &self,
        previous: &User,
        next: &User,
        context: &RevocationContext,
        now: Time,
    ) -> Vec<Change> {
        let id = previous.id;
        let (was_enabled, is_enabled) = (previous.is_enabled(), next.is_enabled());
        let mut changes = Vec::new();
        if was_enabled && !is_enabled {
            let context = RevocationContext { reason: EndReason::UserDisabled, ..context.clone() };
            changes.extend(self.revoke_user_changes(id, &context, now));
            changes.push(record_event(AuditEventKind::UserDisabled, id, &context, now));
        } else if previous.roles != next.roles {
            let context = RevocationContext { reason: EndReason::RolesChanged, ..context.clone() };
            changes.extend(self.revoke_access_tokens_changes(id, &context, now));
        } else if previous.external_id != next.external_id {
            changes.extend(self.revoke_access_tokens_changes(id, context, now));
        }
        if previous.external_id != next.external_id {
            changes.push(record_event(AuditEventKind::ExternalIdChanged, id, context, now));
        }
        if previous.roles != next.roles {
            changes.push(roles_changed_event(next, context, now));
        }
        if previous.is_administrator() && !next.is_administrator() {
            let reason = if is_enabled { EndReason::RolesChanged } else { EndReason::UserDisabled };
            let context = RevocationContext { reason, ..context.clone() };
            changes.push(remove_admin_keys_change(id, &context, now));
        }
        if !was_enabled && is_enabled {
            changes.push(record_event(AuditEventKind::UserEnabled, id, context, now));
        }
        if (&previous.email, previous.email_verified) != (&next.email, next.email_verified) {
            changes.push(record_event(AuditEventKind::EmailChanged, id, context, now));
        }
        changes
    }

    /// Revokes the access tokens of a user, and keeps the sessions and refresh tokens: the sessions get a new log position
    /// in the same commit, which is above the revocation cutoff; every earlier access token is below the log entry.
    fn revoke_access_tokens_changes(
        &self,
        id: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> [Change; 3] {
        [
            Change::refresh_positions_of(id),
            self.revocation_entry(RevocationSubject::User(id), context, now),
            Change::set_cutoff(CutoffScope::User(id)),
        ]
    }

    /// The changes that revoke everything issued to a user: they end the sessions, the log entry revokes access tokens, and
    /// the revocation cutoff revokes what is being issued concurrently.
    pub(super) fn revoke_user_changes(
        &self,
        id: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> Vec<Change> {
        let mut changes = self.end_sessions_changes(id, context, now);
        changes.push(self.revocation_entry(RevocationSubject::User(id), context, now));
        changes.push(Change::set_cutoff(CutoffScope::User(id)));
        changes
    }

    pub(in crate::services) fn end_sessions_changes(
        &self,
        user: UserId,
        context: &RevocationContext,
        now: Time,
    ) -> Vec<Change> {
        let ending = self.retention.session_ending(context.reason, now);
        vec![
            Change::end_sessions_of(user, None, ending),
            Change::record_session_ends(context.session_ended_event(now)),
        ]
    }

    /// If a commit conflicted and the user has not changed, another user has the external id or the verified address.
    async fn check_unique(&self, previous: &User, next: &User) -> Result<(), ServiceError> {
        check_external_id_free(&*self.store, next.external_id.as_ref(), Some(previous.id)).await?;
        let stored = self.store.user(previous.id).await?;
        if stored.is_some_and(|stored| stored.revision == previous.revision) {
            let detail = "is the verified address of another user".to_owned();
            return Err(ClientError::Field { field: "email", detail }.into());
        }
        Ok(())
    }
}

impl UserChange {
    fn apply_to(&self, previous: &User, now: Time) -> Result<User, ClientError> {
        let mut next = User { revision: previous.revision + 1, ..previous.clone() };
        if let Some(roles) = self.roles_after(&previous.roles)? {
            next.roles = roles;
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
            let detail = "must be false without an `email`".to_owned();
            return Err(ClientError::Field { field: "email_verified", detail });
        }
        if let Some(id) = &self.external_id {
            next.external_id = id.as_ref().map(parse_external_id).transpose()?;
        }
        // A login in progress must not issue a token with the former state.
        if (&next.roles, next.is_enabled(), &next.external_id)
            != (&previous.roles, previous.is_enabled(), &previous.external_id)
        {
            next.epoch = previous.epoch + 1;
        }
        Ok(next)
    }
}

impl UserChange {
    /// The roles after the change; `None` if they stay.
    fn roles_after(&self, previous: &[String]) -> Result<Option<Vec<String>>, ClientError> {
        let is_relative = !self.add_roles.is_empty() || !self.remove_roles.is_empty();
        let roles = match &self.roles {
            Some(_) if is_relative => {
                let detail = "must not be given with `add_roles` or `remove_roles`".to_owned();
                return Err(ClientError::Field { field: "roles", detail });
            }
            Some(roles) => roles.clone(),
            None if is_relative => {
                let kept = previous.iter().filter(|role| !self.remove_roles.contains(role));
                let added = self.add_roles.iter().filter(|role| !previous.contains(role));
                kept.chain(added).cloned().collect()
            }
            None => return Ok(None),
        };
        validate_roles(&roles)?;
        Ok(Some(roles))
    }
}

/// Validates roles: words of printable ASCII, which are compared byte by byte.
///
/// # Errors
///
/// [`ClientError::Field`] if there are too many roles or one is invalid.
pub fn validate_roles(roles: &[String]) -> Result<(), ClientError> {
    let is_valid = |role: &String| {
        (1..=MAX_ROLE_LENGTH).contains(&role.len()) && role.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if roles.len() <= MAX_ROLES && roles.iter().all(is_valid) {
        return Ok(());
    }
    let detail =
        format!("must be at most {MAX_ROLES} words of 1 to {MAX_ROLE_LENGTH} printable ASCII characters");
    Err(ClientError::Field { field: "roles", detail })
}

/// Removes the admin keys that `user` created, each with an audit event.
fn remove_admin_keys_change(user: UserId, context: &RevocationContext, now: Time) -> Change {
    let event = context.event(AuditEventKind::AdminKeyRemoved, now);
    Change::remove_admin_keys_of(user, event.with_user(user).with_reason(context.reason))
}

fn roles_changed_event(next: &User, context: &RevocationContext, now: Time) -> Change {
    let event = context.event(AuditEventKind::RolesChanged, now).with_user(next.id);
    let event = event.with_reason(EndReason::RolesChanged).with_detail(next.roles.join(" "));
    Change::record_event(event)
}

fn record_event(kind: AuditEventKind, user: UserId, context: &RevocationContext, now: Time) -> Change {
    let event = context.event(kind, now).with_user(user);
    let event = match kind {
        AuditEventKind::UserDisabled | AuditEventKind::UserDeleted => event.with_reason(context.reason),
        _ => event,
    };
    Change::record_event(event)
}
