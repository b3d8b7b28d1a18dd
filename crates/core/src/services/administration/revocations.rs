//! Revocations by subject: session, user, client, signing key, token or everyone.

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, RevocationSubject, SessionId, UserId};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{
    AppliedChanges, Change, CommitOutcome, CutoffScope, NewRevocation, complete_session_ends,
};

/// A revocation that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationResult {
    /// The position in the revocation log. A verifier that has read the log up to here rejects the subject.
    pub position: RevocationPosition,
}

impl Administration {
    /// Revokes `subject` (protocol, section 4), in one commit with its revocation cutoff and its audit event. `note` is the
    /// administrator's reason, for the audit log.
    ///
    /// - *session*: ends the session and revokes its tokens.
    /// - *user*, *client*, *everyone*: revokes everything issued so far. Later logins are not affected.
    /// - *token*: revokes this access token only.
    /// - *key*: revokes everything that it ever signed. If it is the current key, the next key becomes current.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such session, user, client or key. If the commit failed, the subject must
    /// be treated as not revoked.
    pub async fn revoke(
        &self,
        subject: &RevocationSubject,
        note: Option<&str>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        match subject {
            RevocationSubject::Session(id) => self.revoke_session(*id, context, now).await,
            RevocationSubject::User(id) => self.revoke_user(*id, note, context, now).await,
            RevocationSubject::Client(id) => self.revoke_client(id, note, context, now).await,
            RevocationSubject::Key(id) => {
                let entry = self.keys.revoke(id, context, now).await?;
                self.revocation_result(entry.map(|entry| entry.position)).await
            }
            RevocationSubject::Token(id) => {
                let event = audit_event(AuditEventKind::TokenRevoked, note, context, now);
                let event = event.with_detail(note.map_or(id.to_string(), |note| format!("{id}: {note}")));
                self.commit_revocation(vec![
                    self.revocation_entry(subject.clone(), context, now),
                    record_event(event),
                ])
                .await
            }
            RevocationSubject::Everyone => {
                let event = record_event(audit_event(AuditEventKind::EveryoneRevoked, note, context, now));
                let cutoff = Change::set_cutoff(CutoffScope::Everyone);
                self.commit_revocation(vec![
                    self.revocation_entry(RevocationSubject::Everyone, context, now),
                    cutoff,
                    event,
                ])
                .await
            }
        }
    }

    /// Ends a session. A session that has ended before is revoked again, so that the caller gets a position.
    async fn revoke_session(
        &self,
        id: SessionId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        let stored = self.store.session(id).await?.ok_or(ClientError::NotFound("session"))?;
        let mut changes = vec![
            Change::end_session(id, self.retention.session_ending(context.reason, now)),
            Change::record_session_ends(context.session_ended_event(now)),
        ];
        if stored.ended.is_some() {
            changes.push(self.revocation_entry(RevocationSubject::Session(id), context, now));
        }
        self.commit_revocation(changes).await
    }

    async fn revoke_user(
        &self,
        id: UserId,
        note: Option<&str>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        for _ in 0..ATTEMPTS {
            let previous = self.require_user(id).await?;
            let mut changes = vec![Change::replace_user(previous.next_epoch())];
            changes.extend(self.revoke_user_changes(id, context, now));
            changes.push(record_event(
                audit_event(AuditEventKind::UserRevoked, note, context, now).with_user(id),
            ));
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes.into()).await? {
                complete_session_ends(&*self.store, &applied.pending_ends).await?;
                return self.applied_result(&applied).await;
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn revoke_client(
        &self,
        id: &ClientId,
        note: Option<&str>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        for _ in 0..ATTEMPTS {
            let mut previous = self.require_client(id).await?;
            // A concurrent login was checked against the previous revision, and is checked again.
            previous.revision += 1;
            let event =
                audit_event(AuditEventKind::ClientRevoked, note, context, now).with_client(id.clone());
            let changes = [
                Change::replace_client(previous),
                self.revocation_entry(RevocationSubject::Client(id.clone()), context, now),
                Change::set_cutoff(CutoffScope::Client(id.clone())),
                record_event(event),
            ];
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes.into()).await? {
                return self.applied_result(&applied).await;
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Commits changes that cannot conflict.
    async fn commit_revocation(&self, changes: Vec<Change>) -> Result<RevocationResult, ServiceError> {
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(applied) => self.applied_result(&applied).await,
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    async fn applied_result(&self, applied: &AppliedChanges) -> Result<RevocationResult, ServiceError> {
        self.revocation_result(applied.entries.last().map(|entry| entry.position)).await
    }

    /// The result for this position. Without a new entry the subject was revoked before, at or below the head.
    async fn revocation_result(
        &self,
        position: Option<RevocationPosition>,
    ) -> Result<RevocationResult, ServiceError> {
        match position {
            Some(position) => Ok(RevocationResult { position }),
            None => Ok(RevocationResult { position: self.store.revocation_log_head().await? }),
        }
    }

    /// The revocation log entry for `subject`, kept until its last access token has expired.
    pub(super) fn revocation_entry(
        &self,
        subject: RevocationSubject,
        context: &RevocationContext,
        now: Time,
    ) -> Change {
        Change::append_revocation(NewRevocation {
            subject,
            reason: context.reason,
            at: now,
            remember_until: Some(self.retention.remember_until(now)),
            status_index: None,
        })
    }
}

fn audit_event(
    kind: AuditEventKind,
    note: Option<&str>,
    context: &RevocationContext,
    now: Time,
) -> AuditEvent {
    let event = context.event(kind, now).with_reason(context.reason);
    match note {
        Some(note) => event.with_detail(note.to_owned()),
        None => event,
    }
}

fn record_event(event: AuditEvent) -> Change {
    Change::record_event(event)
}
