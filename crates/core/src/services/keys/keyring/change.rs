//! A change of the keys while it is being written: from what was read, for one commit.

use std::time::Duration;

use counterfoil_jose::{Algorithm, SealingKey, SigningKey, Time};
use counterfoil_verify::{KeyId, RevocationSubject};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::ServiceError;
use crate::services::keys::active_keys::{
    ActiveKeysError, MasterKeys, new_refresh_token_key, new_signing, sealed_signing,
};
use crate::services::keys::rotation_schedule::{
    RotationSchedule, RotationStep, ScheduleDecision, find_key, signing_key_in,
};
use crate::services::revoker::RevocationContext;
use crate::store::Change;

/// When the next key is to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivateAt {
    /// As soon as every verifier must have seen it.
    OncePublished,
    /// At once. A verifier that has not seen it has to fetch the public keys again, or refuses good tokens.
    Immediately,
}

/// What a rotation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedKeys {
    /// The key that signs, or is to sign.
    pub id: KeyId,
    /// From when on.
    pub activated_at: Time,
}

/// The changes that lead from the keys as they were `stored` to others.
///
/// Whoever adds a key puts the current one in its own place as well, with the next revision: of two who have read
/// the same keys one loses, and judges again. So there is never a second next key, nor one under a master key
/// that has been replaced meanwhile.
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
    /// Nothing yet.
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

    /// What it came to.
    pub(super) fn changes(self) -> Vec<Change> {
        self.changes
    }

    /// The step that the schedule wants, if it wants one.
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

    /// Has the next key sign, at once or when it is known.
    pub(super) fn rotate(&mut self, at: ActivateAt) -> Result<RotatedKeys, ActiveKeysError> {
        let next = self.usable_next_key();
        let known = next.map_or(self.now, |next| next.created_at) + self.schedule.publication_period();
        match (at, next) {
            (ActivateAt::OncePublished, None) => {
                Ok(RotatedKeys { id: self.publish(Some(known))?, activated_at: known })
            }
            (ActivateAt::OncePublished, Some(next)) if known > self.now => {
                // Asked for before, or due by then anyway: nothing is written.
                if self.schedule.activation_time(next, self.current).is_none_or(|at| at > known) {
                    self.schedule_activation(next, known);
                }
                Ok(RotatedKeys { id: next.id.clone(), activated_at: known })
            }
            (ActivateAt::OncePublished | ActivateAt::Immediately, next) => {
                Ok(RotatedKeys { id: self.activate(next, KeyState::Retired)?, activated_at: self.now })
            }
        }
    }

    /// Revokes a signing key: for ever, and told to every verifier. Nothing is written where it was before.
    pub(super) fn revoke(&mut self, id: &KeyId) -> Result<(), ServiceError> {
        let matches_id = |key: &&KeyRecord| key.id == *id && key.purpose == KeyPurpose::Signing;
        let key = self.stored.iter().find(matches_id).ok_or(ClientError::NotFound("key"))?;
        let (subject, reason) = (RevocationSubject::Key(id.clone()), self.context.reason);
        let revoked = Change::AppendRevocation { subject, reason, at: self.now, remember_until: None };
        match key.state {
            KeyState::Revoked => return Ok(()),
            KeyState::Current => {
                // Published or not so long ago, it is better known than a new one.
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

    /// Publishes `key` as the next one, in the place of the one that there is, which has signed nothing. It signs
    /// when that one would have, but not before it is known.
    pub(super) fn import(&mut self, key: &SigningKey) -> Result<KeyId, ServiceError> {
        let algorithm = self.schedule.algorithm_after(self.current);
        if key.algorithm() != algorithm {
            return Err(invalid_key(format!(
                "it is for {}, and the next one is to be for {algorithm}",
                key.algorithm()
            )));
        }
        let new = sealed_signing(key, self.master(), self.now)?;
        if let Some(existing) = self.stored.iter().find(|stored| stored.id == new.id) {
            return Err(invalid_key(format!(
                "{} is here already ({})",
                existing.id,
                existing.state.as_str()
            )));
        }
        let activated_at = signing_key_in(self.stored, KeyState::Next).and_then(|next| next.activated_at);
        self.replace(self.current.next_revision());
        self.remove_next();
        Ok(self.add(AuditEventKind::KeyImported, KeyRecord { activated_at, ..new }))
    }

    /// Makes new refresh families by another pepper; the one before it is retired.
    pub(super) fn rotate_refresh_token_key(&mut self) -> Result<KeyId, ActiveKeysError> {
        let current = find_key(self.stored, KeyPurpose::RefreshToken, KeyState::Current);
        let current = current.ok_or(ActiveKeysError::Missing("current pepper"))?;
        let new = new_refresh_token_key(self.master(), self.now)?.activated(self.now);
        self.replace(self.current.next_revision());
        self.replace(current.with_state(KeyState::Retired, self.now));
        self.record_event(AuditEventKind::KeyRetired, current);
        Ok(self.insert(new))
    }

    /// Seals every key under another master key. Nothing is written where each of them is already.
    pub(super) fn reseal(&mut self, to: &SealingKey) -> Result<(), ActiveKeysError> {
        let live = self.stored.iter().filter(|key| key.state.needs_secret());
        for key in live.filter(|key| key.open(to).is_err()) {
            let sealed = key
                .resealed(self.master_keys.sealing_key_of(key), to)
                .map_err(|error| ActiveKeysError::MasterKey(key.id.clone(), error))?;
            self.replace(sealed);
        }
        if !self.changes.is_empty() {
            let context = self.context;
            let event = AuditEvent::by_actor(
                AuditEventKind::MasterKeyReplaced,
                context.actor.clone(),
                &context.client_info,
                self.now,
            );
            self.changes.push(Change::RecordEvent(Box::new(event)));
        }
        Ok(())
    }

    /// Publishes a new next key in the place of the one that there is, if any; it signs from `wanted` on, or when
    /// the schedule says so.
    fn publish(&mut self, wanted: Option<Time>) -> Result<KeyId, ActiveKeysError> {
        self.replace(self.current.next_revision());
        self.remove_next();
        self.create_next(self.schedule.algorithm_after(self.current), wanted)
    }

    /// Has `next` sign from now on, a new key where there is none. The key that signs now gets into another state,
    /// and a new next key is published.
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
                let activated = new_signing(algorithm, self.master(), self.now)?.activated(self.now);
                self.insert(activated.clone());
                activated
            }
        };
        self.record_event(AuditEventKind::KeyActivated, &activated);
        self.create_next(self.schedule.algorithm_after(&activated), None)?;
        Ok(activated.id)
    }

    /// Has the next key sign from `at` on, which is later.
    fn schedule_activation(&mut self, next: &KeyRecord, at: Time) {
        self.replace(next.scheduled_for(at));
        self.record_event(AuditEventKind::RotationRequested, next);
    }

    /// Drops a key that nobody needs any more.
    fn remove(&mut self, key: &KeyRecord) {
        self.replace(key.with_state(KeyState::Removed, self.now));
        self.record_event(AuditEventKind::KeyRemoved, key);
    }

    /// What new keys are sealed under: whatever the current one is, so that no other commit comes between.
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

    fn create_next(&mut self, algorithm: Algorithm, wanted: Option<Time>) -> Result<KeyId, ActiveKeysError> {
        let new = new_signing(algorithm, self.master(), self.now)?;
        Ok(self.insert(KeyRecord { activated_at: wanted, ..new }))
    }

    fn insert(&mut self, key: KeyRecord) -> KeyId {
        self.add(AuditEventKind::KeyCreated, key)
    }

    fn add(&mut self, kind: AuditEventKind, key: KeyRecord) -> KeyId {
        self.record_event(kind, &key);
        let id = key.id.clone();
        self.changes.push(Change::InsertKey(Box::new(key)));
        id
    }

    fn replace(&mut self, key: KeyRecord) {
        self.changes.push(Change::ReplaceKey(Box::new(key)));
    }

    /// A line of the journal about `key`. Why is told of a revocation; the rest is the course of things.
    fn record_event(&mut self, kind: AuditEventKind, key: &KeyRecord) {
        let event =
            AuditEvent::by_actor(kind, self.context.actor.clone(), &self.context.client_info, self.now);
        let event = match kind {
            AuditEventKind::KeyRevoked => event.with_reason(self.context.reason),
            _ => event,
        };
        let name = match key.purpose {
            KeyPurpose::Signing => key.id.to_string(),
            KeyPurpose::RefreshToken => format!("refresh token key {}", key.id),
        };
        self.changes.push(Change::RecordEvent(Box::new(event.with_detail(name))));
    }
}

/// Why a key does not come in.
fn invalid_key(detail: String) -> ServiceError {
    ClientError::Field { field: "key", detail }.into()
}

/// What the journal says of a key that gets into this state.
fn event_kind(state: KeyState) -> AuditEventKind {
    match state {
        KeyState::Next => AuditEventKind::KeyCreated,
        KeyState::Current => AuditEventKind::KeyActivated,
        KeyState::Retired => AuditEventKind::KeyRetired,
        KeyState::Removed => AuditEventKind::KeyRemoved,
        KeyState::Revoked => AuditEventKind::KeyRevoked,
    }
}
