//! Builds the changes of one commit to the keys, from the stored keys.

use std::time::Duration;

use counterfoil_jose::{Algorithm, SealingKey, SigningKey, Time};
use counterfoil_verify::{KeyId, RevocationSubject};

use crate::client_error::ClientError;
use crate::model::audit_event::AuditEventKind;
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::ServiceError;
use crate::services::keys::active_keys::{
    ActiveKeysError, MasterKeys, new_current, new_refresh_token_key, new_signing, sealed_signing,
};
use crate::services::keys::rotation_schedule::{
    RotationSchedule, RotationStep, ScheduleDecision, find_key, signing_key_in,
};
use crate::services::revoker::RevocationContext;
use crate::store::{Change, NewRevocation};

/// When the next key is activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivateAt {
    /// When every verifier must have seen it.
    OncePublished,
    /// At once. A verifier that has not seen it rejects valid tokens until it fetches the public keys again.
    Immediately,
}

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedKeys {
    /// The key that was or will be activated.
    pub id: KeyId,
    /// When it was or will be activated.
    pub activated_at: Time,
}

/// A change to the `stored` keys.
///
/// A change that adds a key also replaces the current key by its next revision. So of two concurrent changes one conflicts
/// and starts again, and there is never a second next key, or a key that is sealed with a replaced master key.
pub(super) struct KeyringChange<'k> {
    stored: &'k [KeyRecord],
    current: &'k KeyRecord,
    schedule: &'k RotationSchedule,
    master_keys: &'k MasterKeys,
    context: &'k RevocationContext,
    now: Time,
    changes: Vec<Change>,
}

impl<'k> KeyringChange<'k> {
    /// Starts an empty change.
    ///
    /// # Errors
    ///
    /// If there is no current signing key.
    pub(super) fn new(
        stored: &'k [KeyRecord],
        schedule: &'k RotationSchedule,
        master_keys: &'k MasterKeys,
        context: &'k RevocationContext,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let current = signing_key_in(stored, KeyState::Current)
            .ok_or(ActiveKeysError::Missing("current signing key"))?;
        Ok(Self { stored, current, schedule, master_keys, context, now, changes: Vec::new() })
    }

    /// The changes to commit.
    pub(super) fn changes(self) -> Vec<Change> {
        self.changes
    }

    /// Adds the step that is due by the schedule, if any.
    pub(super) fn step(
        &mut self,
        max_access_lifetime: Duration,
    ) -> Result<ScheduleDecision, ActiveKeysError> {
        let decision = self.schedule.evaluate(self.stored, max_access_lifetime, self.now);
        match &decision {
            ScheduleDecision::Run(RotationStep::Publish) => self.publish(None).map(|_| ())?,
            ScheduleDecision::Run(RotationStep::Activate) => {
                self.activate(self.usable_next_key(), KeyState::Retired)?;
            }
            ScheduleDecision::Run(RotationStep::Remove(id)) => {
                self.stored.iter().filter(|key| key.id == *id).for_each(|key| self.remove(key));
            }
            ScheduleDecision::WaitUntil(_) => {}
        }
        Ok(decision)
    }

    /// Activates the next key, at once or when its publication period ends.
    pub(super) fn rotate(&mut self, at: ActivateAt) -> Result<RotatedKeys, ActiveKeysError> {
        let next = self.usable_next_key();
        let published = next.map_or(self.now, |next| next.created_at) + self.schedule.publication_period();
        match (at, next) {
            (ActivateAt::OncePublished, None) => {
                Ok(RotatedKeys { id: self.publish(Some(published))?, activated_at: published })
            }
            (ActivateAt::OncePublished, Some(next)) if published > self.now => {
                // Unchanged if it was requested before, or is due by then anyway.
                if self.schedule.activation_time(next, self.current).is_none_or(|at| at > published) {
                    self.schedule_activation(next, published);
                }
                Ok(RotatedKeys { id: next.id.clone(), activated_at: published })
            }
            (ActivateAt::OncePublished | ActivateAt::Immediately, next) => {
                Ok(RotatedKeys { id: self.activate(next, KeyState::Retired)?, activated_at: self.now })
            }
        }
    }

    /// Revokes a signing key for all verifiers; the entry never expires. Adds nothing if the key was revoked before.
    pub(super) fn revoke(&mut self, id: &KeyId) -> Result<(), ServiceError> {
        let matches_id = |key: &&KeyRecord| key.id == *id && key.purpose == KeyPurpose::Signing;
        let key = self.stored.iter().find(matches_id).ok_or(ClientError::NotFound("key"))?;
        let (subject, reason) = (RevocationSubject::Key(id.clone()), self.context.reason);
        let revoked = Change::append_revocation(NewRevocation {
            subject,
            reason,
            at: self.now,
            remember_until: None,
            status_index: None,
        });
        match key.state {
            KeyState::Revoked => return Ok(()),
            KeyState::Current => {
                // Even if it was published recently, more verifiers know the next key than a new one.
                self.activate(signing_key_in(self.stored, KeyState::Next), KeyState::Revoked)?;
            }
            KeyState::Next => {
                self.replace(self.current.next_revision());
                self.revoke_key(key);
                self.create_next(self.schedule.algorithm_after(self.current), None)?;
            }
            KeyState::Retired | KeyState::Removed => self.revoke_key(key),
        }
        self.changes.push(revoked);
        Ok(())
    }

    /// Publishes `key` as the next key, in place of the existing one, which has signed nothing. It is activated when that
    /// one would have been, but not before its publication period ends.
    pub(super) fn import(&mut self, key: &SigningKey) -> Result<KeyId, ServiceError> {
        let algorithm = self.schedule.algorithm_after(self.current);
        if key.algorithm() != algorithm {
            let detail =
                format!("the algorithm is {}, but the next key must have {algorithm}", key.algorithm());
            return Err(invalid_key(detail));
        }
        let new = sealed_signing(key, self.master(), self.now)?;
        if let Some(existing) = self.stored.iter().find(|stored| stored.id == new.id) {
            return Err(invalid_key(format!("{} already exists ({})", existing.id, existing.state.as_str())));
        }
        let activated_at = signing_key_in(self.stored, KeyState::Next).and_then(|next| next.activated_at);
        self.replace(self.current.next_revision());
        self.remove_next();
        Ok(self.add(AuditEventKind::KeyImported, KeyRecord { activated_at, ..new }))
    }

    /// Creates a new refresh token key and retires the current one.
    pub(super) fn rotate_refresh_token_key(&mut self) -> Result<KeyId, ActiveKeysError> {
        let current = find_key(self.stored, KeyPurpose::RefreshToken, KeyState::Current);
        let current = current.ok_or(ActiveKeysError::Missing("current refresh token key"))?;
        let new = new_refresh_token_key(self.master(), self.now)?.activated(self.now);
        self.replace(self.current.next_revision());
        self.replace(current.with_state(KeyState::Retired, self.now));
        self.record_event(AuditEventKind::KeyRetired, current);
        Ok(self.insert(new))
    }

    /// Seals every key with another master key. Adds nothing if all keys are sealed with it already.
    pub(super) fn reseal(&mut self, to: &SealingKey) -> Result<(), ActiveKeysError> {
        let live = self.stored.iter().filter(|key| key.state.needs_secret());
        for key in live.filter(|key| key.open(to).is_err()) {
            let sealed = key
                .resealed(self.master_keys.sealing_key_of(key), to)
                .map_err(|error| ActiveKeysError::MasterKey(key.id.clone(), error))?;
            self.replace(sealed);
        }
        if !self.changes.is_empty() {
            let event = self.context.event(AuditEventKind::MasterKeyReplaced, self.now);
            self.changes.push(Change::record_event(event));
        }
        Ok(())
    }

    /// Publishes a new next key in place of the existing one. It is activated at `activate_at`, or by the schedule.
    fn publish(&mut self, activate_at: Option<Time>) -> Result<KeyId, ActiveKeysError> {
        self.replace(self.current.next_revision());
        self.remove_next();
        self.create_next(self.schedule.algorithm_after(self.current), activate_at)
    }

    /// Activates `next`, or a new key without one. Changes the current key to the state `to`, and publishes a new next key.
    fn activate(&mut self, next: Option<&KeyRecord>, to: KeyState) -> Result<KeyId, ActiveKeysError> {
        self.replace(self.current.with_state(to, self.now));
        self.record_event(event_kind(to), self.current);
        let activated = match next {
            Some(next) => {
                let activated = next.activated(self.now);
                self.replace(activated.clone());
                activated
            }
            None => {
                self.remove_next();
                let algorithm = self.schedule.algorithm_after(self.current);
                let activated = new_current(algorithm, self.master(), self.now)?;
                self.insert(activated.clone());
                activated
            }
        };
        self.record_event(AuditEventKind::KeyActivated, &activated);
        self.create_next(self.schedule.algorithm_after(&activated), None)?;
        Ok(activated.id)
    }

    /// Schedules the activation of the next key for `at`.
    fn schedule_activation(&mut self, next: &KeyRecord, at: Time) {
        self.replace(next.scheduled_for(at));
        self.record_event(AuditEventKind::RotationRequested, next);
    }

    /// Removes a key that is no longer needed, with its secret.
    fn remove(&mut self, key: &KeyRecord) {
        self.replace(key.with_state(KeyState::Removed, self.now));
        self.record_event(AuditEventKind::KeyRemoved, key);
    }

    /// The master key for new keys: the one of the current key, so that a concurrent reseal conflicts.
    fn master(&self) -> &'k SealingKey {
        self.master_keys.sealing_key_of(self.current)
    }

    fn usable_next_key(&self) -> Option<&'k KeyRecord> {
        self.schedule.usable_next_key(self.stored, self.current)
    }

    fn revoke_key(&mut self, key: &KeyRecord) {
        self.replace(key.with_state(KeyState::Revoked, self.now));
        self.record_event(AuditEventKind::KeyRevoked, key);
    }

    fn remove_next(&mut self) {
        if let Some(next) = signing_key_in(self.stored, KeyState::Next) {
            self.remove(next);
        }
    }

    fn create_next(
        &mut self,
        algorithm: Algorithm,
        activate_at: Option<Time>,
    ) -> Result<KeyId, ActiveKeysError> {
        let new = new_signing(algorithm, self.master(), self.now)?;
        Ok(self.insert(KeyRecord { activated_at: activate_at, ..new }))
    }

    fn insert(&mut self, key: KeyRecord) -> KeyId {
        self.add(AuditEventKind::KeyCreated, key)
    }

    fn add(&mut self, kind: AuditEventKind, key: KeyRecord) -> KeyId {
        self.record_event(kind, &key);
        let id = key.id.clone();
        self.changes.push(Change::insert_key(key));
        id
    }

    fn replace(&mut self, key: KeyRecord) {
        self.changes.push(Change::replace_key(key));
    }

    /// Adds an audit event about `key`. Only a revocation has a reason.
    fn record_event(&mut self, kind: AuditEventKind, key: &KeyRecord) {
        let event = self.context.event(kind, self.now);
        let event = match kind {
            AuditEventKind::KeyRevoked => event.with_reason(self.context.reason),
            _ => event,
        };
        let name = match key.purpose {
            KeyPurpose::Signing => key.id.to_string(),
            KeyPurpose::RefreshToken => format!("refresh token key {}", key.id),
        };
        self.changes.push(Change::record_event(event.with_detail(name)));
    }
}

/// Why a key cannot be imported.
fn invalid_key(detail: String) -> ServiceError {
    ClientError::Field { field: "key", detail }.into()
}

/// The audit event for a key that changes to this state.
fn event_kind(state: KeyState) -> AuditEventKind {
    match state {
        KeyState::Next => AuditEventKind::KeyCreated,
        KeyState::Current => AuditEventKind::KeyActivated,
        KeyState::Retired => AuditEventKind::KeyRetired,
        KeyState::Removed => AuditEventKind::KeyRemoved,
        KeyState::Revoked => AuditEventKind::KeyRevoked,
    }
}
