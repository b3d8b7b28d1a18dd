//! Revocations by name: whatever the log can name, an administrator can end.

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, Position, SessionId, Subject, UserId};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::services::administration::Administration;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, CutoffScope};

/// A revocation that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationResult {
    /// Where it stands in the log. Whoever has heard of this position accepts the subject no more.
    pub position: Position,
}

impl Administration {
    /// Revokes `subject` (protocol, section 4), with its mark and its line in the journal, in one commit. `note`
    /// is what the administrator gives as reason, for the journal.
    ///
    /// - *session*: the login ends, with every token of it.
    /// - *user*, *client*, *everyone*: all that was given so far is dead; who logs in later is not touched.
    /// - *token*: this access token alone.
    /// - *key*: all that it ever signed; if it signs now, another does from here on.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such session, user, client or key. If it could not be made durable,
    /// nothing is said to be revoked.
    pub async fn revoke(
        &self,
        subject: &Subject,
        note: Option<&str>,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        match subject {
            Subject::Session(id) => self.revoke_session(*id, reason, now).await,
            Subject::User(id) => self.revoke_user(*id, note, reason, now).await,
            Subject::Client(id) => self.revoke_client(id, note, reason, now).await,
            Subject::Key(id) => {
                let entry = self.keys.revoke(id, reason, now).await?;
                self.revoked(entry.map(|entry| entry.position)).await
            }
            Subject::Token(id) => {
                let told = line(AuditEventKind::TokenRevoked, note, reason, now);
                let told = told.telling(note.map_or(id.to_string(), |note| format!("{id}: {note}")));
                self.publish(vec![self.entry(subject.clone(), reason, now), record(told)]).await
            }
            Subject::Everyone => {
                let told = record(line(AuditEventKind::EveryoneRevoked, note, reason, now));
                let mark = Change::SetCutoff(CutoffScope::Everyone);
                self.publish(vec![self.entry(Subject::Everyone, reason, now), mark, told]).await
            }
        }
    }

    /// A session that has ended is revoked again all the same: whoever asks is answered with a position.
    async fn revoke_session(
        &self,
        id: SessionId,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        let kept = self.store.session(id).await?.ok_or(ClientError::NotFound("session"))?;
        let mut changes = vec![
            Change::EndSession(id, self.horizon.ending(reason.cause, now)),
            Change::RecordSessionEnds(Box::new(reason.end_of_session(now))),
        ];
        if kept.ended.is_some() {
            changes.push(self.entry(Subject::Session(id), reason, now));
        }
        self.publish(changes).await
    }

    async fn revoke_user(
        &self,
        id: UserId,
        note: Option<&str>,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seen = self.store.user(id).await?.ok_or(ClientError::NotFound("user"))?;
            let mut changes = vec![Change::ReplaceUser(Box::new(seen.next_epoch()))];
            changes.extend(self.user_death(id, reason, now));
            changes.push(record(line(AuditEventKind::UserRevoked, note, reason, now).about(id)));
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                return self.revoked(applied.entries.last().map(|entry| entry.position)).await;
            }
        }
        Err(InternalError::Contention.into())
    }

    async fn revoke_client(
        &self,
        id: &ClientId,
        note: Option<&str>,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<RevocationResult, ServiceError> {
        for _ in 0..ATTEMPTS {
            let mut seen = self.store.client(id).await?.ok_or(ClientError::NotFound("client"))?;
            // A login in flight was judged by this revision, and is judged anew.
            seen.revision += 1;
            let told = line(AuditEventKind::ClientRevoked, note, reason, now).of_client(id.clone());
            let changes = [
                Change::ReplaceClient(Box::new(seen)),
                self.entry(Subject::Client(id.clone()), reason, now),
                Change::SetCutoff(CutoffScope::Client(id.clone())),
                record(told),
            ];
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                return self.revoked(applied.entries.last().map(|entry| entry.position)).await;
            }
        }
        Err(InternalError::Contention.into())
    }

    /// Commits what expects nothing.
    async fn publish(&self, changes: Vec<Change>) -> Result<RevocationResult, ServiceError> {
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(applied) => {
                self.revoked(applied.entries.last().map(|entry| entry.position)).await
            }
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// What was revoked before stands somewhere at or below the head.
    async fn revoked(&self, position: Option<Position>) -> Result<RevocationResult, ServiceError> {
        match position {
            Some(position) => Ok(RevocationResult { position }),
            None => Ok(RevocationResult { position: self.store.head().await? }),
        }
    }

    /// The entry for `subject`, remembered until its last access token has certainly expired.
    pub(super) fn entry(&self, subject: Subject, reason: &RevocationContext, now: Time) -> Change {
        Change::AppendRevocation {
            subject,
            cause: reason.cause,
            at: now,
            until: Some(self.horizon.until(now)),
        }
    }
}

fn line(kind: AuditEventKind, note: Option<&str>, reason: &RevocationContext, now: Time) -> AuditEvent {
    let event = AuditEvent::by(kind, reason.actor.clone(), &reason.from, now).because(reason.cause);
    match note {
        Some(note) => event.telling(note.to_owned()),
        None => event,
    }
}

fn record(event: AuditEvent) -> Change {
    Change::Record(Box::new(event))
}
