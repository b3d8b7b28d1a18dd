//! A change of the keys while it is being written: from what was read, for one commit.

use std::time::Duration;

use counterfoil_jose::{Algorithm, SealingKey, SigningKey, Time};
use counterfoil_verify::{KeyId, Subject};

use crate::client_error::ClientError;
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::ServiceError;
use crate::services::keys::active_keys::{
    ActiveKeysError, MasterKeys, new_pepper, new_signing, sealed_signing,
};
use crate::services::keys::rotation_schedule::{
    RotationSchedule, RotationStep, ScheduleDecision, find, signing,
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
    pub from: Time,
}

/// The changes that lead from the keys as they were `kept` to others.
///
/// Whoever adds a key puts the current one in its own place as well, with the next revision: of two who have read
/// the same keys one loses, and judges again. So there is never a second next key, nor one under a master key
/// that has been replaced meanwhile.
pub(super) struct KeyringChange<'k> {
    kept: &'k [KeyRecord],
    current: &'k KeyRecord,
    schedule: &'k RotationSchedule,
    masters: &'k MasterKeys,
    reason: &'k RevocationContext,
    now: Time,
    changes: Vec<Change>,
}

impl<'k> KeyringChange<'k> {
    /// Nothing yet.
    ///
    /// # Errors
    ///
    /// If there is no current signing key.
    pub(super) fn of(
        kept: &'k [KeyRecord],
        schedule: &'k RotationSchedule,
        masters: &'k MasterKeys,
        reason: &'k RevocationContext,
        now: Time,
    ) -> Result<Self, ActiveKeysError> {
        let current =
            signing(kept, KeyState::Current).ok_or(ActiveKeysError::Missing("current signing key"))?;
        Ok(Self { kept, current, schedule, masters, reason, now, changes: Vec::new() })
    }

    /// What it came to.
    pub(super) fn changes(self) -> Vec<Change> {
        self.changes
    }

    /// The step that the schedule wants, if it wants one.
    pub(super) fn step(&mut self, longest_access: Duration) -> Result<ScheduleDecision, ActiveKeysError> {
        let judged = self.schedule.judge(self.kept, longest_access, self.now);
        match &judged {
            ScheduleDecision::Run(RotationStep::Publish) => self.publish(None).map(|_| ())?,
            ScheduleDecision::Run(RotationStep::Activate) => {
                self.hand_over(self.fitting_next(), KeyState::Retired)?;
            }
            ScheduleDecision::Run(RotationStep::Remove(id)) => {
                self.kept.iter().filter(|key| key.id == *id).for_each(|key| self.drop(key));
            }
            ScheduleDecision::WaitUntil(_) => {}
        }
        Ok(judged)
    }

    /// Has the next key sign, at once or when it is known.
    pub(super) fn rotate(&mut self, when: ActivateAt) -> Result<RotatedKeys, ActiveKeysError> {
        let next = self.fitting_next();
        let known = next.map_or(self.now, |next| next.created_at) + self.schedule.known_after();
        match (when, next) {
            (ActivateAt::OncePublished, None) => {
                Ok(RotatedKeys { id: self.publish(Some(known))?, from: known })
            }
            (ActivateAt::OncePublished, Some(next)) if known > self.now => {
                // Asked for before, or due by then anyway: nothing is written.
                if self.schedule.begins_at(next, self.current).is_none_or(|at| at > known) {
                    self.want(next, known);
                }
                Ok(RotatedKeys { id: next.id.clone(), from: known })
            }
            (ActivateAt::OncePublished | ActivateAt::Immediately, next) => {
                Ok(RotatedKeys { id: self.hand_over(next, KeyState::Retired)?, from: self.now })
            }
        }
    }

    /// Revokes a signing key: for ever, and told to every verifier. Nothing is written where it was before.
    pub(super) fn revoke(&mut self, id: &KeyId) -> Result<(), ServiceError> {
        let is_meant = |key: &&KeyRecord| key.id == *id && key.purpose == KeyPurpose::Signing;
        let key = self.kept.iter().find(is_meant).ok_or(ClientError::NotFound("key"))?;
        let (subject, cause) = (Subject::Key(id.clone()), self.reason.cause);
        let revoked = Change::AppendRevocation { subject, cause, at: self.now, until: None };
        match key.state {
            KeyState::Revoked => return Ok(()),
            KeyState::Current => {
                // Published or not so long ago, it is better known than a new one.
                self.hand_over(signing(self.kept, KeyState::Next), KeyState::Revoked)?;
            }
            KeyState::Next => {
                self.swap(self.current.touched());
                self.end(key);
                self.make_next(self.schedule.algorithm_after(self.current), None)?;
            }
            KeyState::Retired | KeyState::Removed => self.end(key),
        }
        self.changes.push(revoked);
        Ok(())
    }

    /// Publishes `key` as the next one, in the place of the one that there is, which has signed nothing. It signs
    /// when that one would have, but not before it is known.
    pub(super) fn bring_in(&mut self, key: &SigningKey) -> Result<KeyId, ServiceError> {
        let algorithm = self.schedule.algorithm_after(self.current);
        if key.algorithm() != algorithm {
            return Err(unfit(format!(
                "it is for {}, and the next one is to be for {algorithm}",
                key.algorithm()
            )));
        }
        let new = sealed_signing(key, self.master(), self.now)?;
        if let Some(there) = self.kept.iter().find(|kept| kept.id == new.id) {
            return Err(unfit(format!("{} is here already ({})", there.id, there.state.as_str())));
        }
        let used_from = signing(self.kept, KeyState::Next).and_then(|next| next.used_from);
        self.swap(self.current.touched());
        self.drop_next();
        Ok(self.add(AuditEventKind::KeyImported, KeyRecord { used_from, ..new }))
    }

    /// Makes new refresh families by another pepper; the one before it is retired.
    pub(super) fn turn_pepper(&mut self) -> Result<KeyId, ActiveKeysError> {
        let current = find(self.kept, KeyPurpose::RefreshToken, KeyState::Current);
        let current = current.ok_or(ActiveKeysError::Missing("current pepper"))?;
        let new = new_pepper(self.master(), self.now)?.in_use(self.now);
        self.swap(self.current.touched());
        self.swap(current.in_state(KeyState::Retired, self.now));
        self.tell(AuditEventKind::KeyRetired, current);
        Ok(self.insert(new))
    }

    /// Seals every key under another master key. Nothing is written where each of them is already.
    pub(super) fn reseal(&mut self, to: &SealingKey) -> Result<(), ActiveKeysError> {
        let live = self.kept.iter().filter(|key| key.state.is_live());
        for key in live.filter(|key| key.open(to).is_err()) {
            let sealed = key
                .sealed_anew(self.masters.of(key), to)
                .map_err(|error| ActiveKeysError::MasterKey(key.id.clone(), error))?;
            self.swap(sealed);
        }
        if !self.changes.is_empty() {
            let reason = self.reason;
            let event = AuditEvent::by(
                AuditEventKind::MasterKeyReplaced,
                reason.actor.clone(),
                &reason.from,
                self.now,
            );
            self.changes.push(Change::Record(Box::new(event)));
        }
        Ok(())
    }

    /// Publishes a new next key in the place of the one that there is, if any; it signs from `wanted` on, or when
    /// the schedule says so.
    fn publish(&mut self, wanted: Option<Time>) -> Result<KeyId, ActiveKeysError> {
        self.swap(self.current.touched());
        self.drop_next();
        self.make_next(self.schedule.algorithm_after(self.current), wanted)
    }

    /// Has `next` sign from now on, a new key where there is none. The key that signs now gets into another state,
    /// and a new next key is published.
    fn hand_over(&mut self, next: Option<&KeyRecord>, to: KeyState) -> Result<KeyId, ActiveKeysError> {
        self.swap(self.current.in_state(to, self.now));
        self.tell(kind_of(to), self.current);
        let taken = match next {
            Some(next) => {
                let taken = next.in_use(self.now);
                self.swap(taken.clone());
                taken
            }
            None => {
                self.drop_next();
                let algorithm = self.schedule.algorithm_after(self.current);
                let taken = new_signing(algorithm, self.master(), self.now)?.in_use(self.now);
                self.insert(taken.clone());
                taken
            }
        };
        self.tell(AuditEventKind::KeyTaken, &taken);
        self.make_next(self.schedule.algorithm_after(&taken), None)?;
        Ok(taken.id)
    }

    /// Has the next key sign from `at` on, which is later.
    fn want(&mut self, next: &KeyRecord, at: Time) {
        self.swap(next.wanted_from(at));
        self.tell(AuditEventKind::RotationAsked, next);
    }

    /// Drops a key that nobody needs any more.
    fn drop(&mut self, key: &KeyRecord) {
        self.swap(key.in_state(KeyState::Removed, self.now));
        self.tell(AuditEventKind::KeyDropped, key);
    }

    /// What new keys are sealed under: whatever the current one is, so that no other commit comes between.
    fn master(&self) -> &'k SealingKey {
        self.masters.of(self.current)
    }

    fn fitting_next(&self) -> Option<&'k KeyRecord> {
        self.schedule.fitting_next(self.kept, self.current)
    }

    fn end(&mut self, key: &KeyRecord) {
        self.swap(key.in_state(KeyState::Revoked, self.now));
        self.tell(AuditEventKind::KeyRevoked, key);
    }

    fn drop_next(&mut self) {
        if let Some(next) = signing(self.kept, KeyState::Next) {
            self.drop(next);
        }
    }

    fn make_next(&mut self, algorithm: Algorithm, wanted: Option<Time>) -> Result<KeyId, ActiveKeysError> {
        let new = new_signing(algorithm, self.master(), self.now)?;
        Ok(self.insert(KeyRecord { used_from: wanted, ..new }))
    }

    fn insert(&mut self, key: KeyRecord) -> KeyId {
        self.add(AuditEventKind::KeyMade, key)
    }

    fn add(&mut self, kind: AuditEventKind, key: KeyRecord) -> KeyId {
        self.tell(kind, &key);
        let id = key.id.clone();
        self.changes.push(Change::InsertKey(Box::new(key)));
        id
    }

    fn swap(&mut self, key: KeyRecord) {
        self.changes.push(Change::ReplaceKey(Box::new(key)));
    }

    /// A line of the journal about `key`. Why is told of a revocation; the rest is the course of things.
    fn tell(&mut self, kind: AuditEventKind, key: &KeyRecord) {
        let event = AuditEvent::by(kind, self.reason.actor.clone(), &self.reason.from, self.now);
        let event = match kind {
            AuditEventKind::KeyRevoked => event.because(self.reason.cause),
            _ => event,
        };
        let name = match key.purpose {
            KeyPurpose::Signing => key.id.to_string(),
            KeyPurpose::RefreshToken => format!("pepper {}", key.id),
        };
        self.changes.push(Change::Record(Box::new(event.telling(name))));
    }
}

/// Why a key does not come in.
fn unfit(detail: String) -> ServiceError {
    ClientError::Field { field: "key", detail }.into()
}

/// What the journal says of a key that gets into this state.
fn kind_of(state: KeyState) -> AuditEventKind {
    match state {
        KeyState::Next => AuditEventKind::KeyMade,
        KeyState::Current => AuditEventKind::KeyTaken,
        KeyState::Retired => AuditEventKind::KeyRetired,
        KeyState::Removed => AuditEventKind::KeyDropped,
        KeyState::Revoked => AuditEventKind::KeyRevoked,
    }
}
