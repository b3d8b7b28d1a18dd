//! How the keys change: by the schedule, by hand, and in an emergency.

use std::sync::Arc;

use counterfoil_jose::{SealingKey, SigningKey, Time};
use counterfoil_verify::{KeyId, RevocationEntry};

use crate::model::audit_event::Actor;
use crate::model::session::{ClientInfo, EndReason};
use crate::services::keys::active_keys::MasterKeys;
use crate::services::keys::keyring::Keyring;
use crate::services::keys::keyring::change::{ActivateAt, KeyringChange, RotatedKeys};
use crate::services::keys::rotation_schedule::ScheduleDecision;
use crate::services::revoker::RevocationContext;
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{AppliedChanges, CommitOutcome};

/// How many steps are taken in one go. A schedule without any time in it would never come to rest.
const MAX_STEPS: usize = 32;

impl Keyring {
    /// Does what the schedule wants done at `now`, a commit for each step, and takes up what others have done.
    /// Returns when there is more to do; `None` if nothing is until somebody asks for it.
    ///
    /// `now` is a settled time: a leap that is taken back would have dropped keys whose tokens still live.
    ///
    /// # Errors
    ///
    /// If the keys could not be read or a step could not be made durable; what was done until then is done.
    pub async fn run_due_rotation(&self, now: Time) -> Result<Option<Time>, ServiceError> {
        let context = RevocationContext {
            actor: Actor::System,
            reason: EndReason::Replaced,
            client_info: ClientInfo::default(),
        };
        let max_access_lifetime = self.retention.max_access_lifetime();
        for _ in 0..MAX_STEPS {
            let (decision, _) =
                self.change(&context, now, |change| Ok(change.step(max_access_lifetime)?)).await?;
            match decision {
                ScheduleDecision::Run(_) => {}
                ScheduleDecision::WaitUntil(until) => return Ok(until),
            }
        }
        Ok(Some(now))
    }

    /// Begins a rotation of the key that signs, or makes it at once. What the one before it has signed stays good.
    /// To ask again before it has happened changes nothing.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then everything is as it was.
    pub async fn rotate(
        &self,
        at: ActivateAt,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RotatedKeys, ServiceError> {
        Ok(self.change(context, now, |change| Ok(change.rotate(at)?)).await?.0)
    }

    /// Takes in a key that was made elsewhere, as the next one: it is published now, and signs when the schedule
    /// or a rotation that was asked for says so, but not before every verifier must have seen it. The next key that
    /// there was has signed nothing, and is dropped. Returns its name.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`](crate::ClientError::Field) if it is for another algorithm than the next key is to be, or is or
    /// was here before, in whatever state. If it could not be made durable everything is as it was.
    pub async fn import(
        &self,
        key: &SigningKey,
        context: &RevocationContext,
        now: Time,
    ) -> Result<KeyId, ServiceError> {
        Ok(self.change(context, now, |change| change.import(key)).await?.0)
    }

    /// Makes the refresh tokens of new logins by a new pepper. Those of older ones turn on by the pepper that
    /// they were begun with, so nobody is logged out. Returns the name of the new one.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then everything is as it was.
    pub async fn rotate_refresh_token_key(
        &self,
        context: &RevocationContext,
        now: Time,
    ) -> Result<KeyId, ServiceError> {
        Ok(self.change(context, now, |change| Ok(change.rotate_refresh_token_key()?)).await?.0)
    }

    /// Revokes a signing key: nothing that it ever signed is good, and that is never forgotten. Where it signs
    /// now, the next key does from here on, in the same commit. Returns the entry of the log; none if the key was
    /// revoked before.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`](crate::ClientError::NotFound) if there is no such key. If it could not be made durable
    /// everything is as it was.
    pub async fn revoke(
        &self,
        id: &KeyId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Option<RevocationEntry>, ServiceError> {
        let (_, mut applied) = self.change(context, now, |change| change.revoke(id)).await?;
        Ok(applied.entries.pop())
    }

    /// Seals every key under the master key `to`, in one commit. Nothing else changes, and nobody is logged out.
    ///
    /// # Errors
    ///
    /// If it could not be made durable. Whether it was is unknown if the store has failed: until it is opened
    /// anew, both master keys are to be kept.
    pub async fn reseal(
        &self,
        to: &SealingKey,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        // Before anything is sealed under it: whoever reads the keys from now on can open either.
        let current = self.master_keys.load().current.clone();
        self.master_keys.store(Arc::new(MasterKeys { current, next: Some(to.clone()) }));
        self.change(context, now, |change| Ok(change.reseal(to)?)).await?;
        self.master_keys.store(Arc::new(MasterKeys::single(to.clone())));
        Ok(())
    }

    /// Has a change of the keys written from what is kept and commits it, anew if somebody was faster; then it is
    /// taken up. A draft without changes only takes up what others have done.
    async fn change<T>(
        &self,
        context: &RevocationContext,
        now: Time,
        write: impl Fn(&mut KeyringChange<'_>) -> Result<T, ServiceError>,
    ) -> Result<(T, AppliedChanges), ServiceError> {
        for _ in 0..ATTEMPTS {
            let stored = self.store.keys().await?;
            let (outcome, changes) = {
                let master_keys = self.master_keys.load();
                let mut change = KeyringChange::new(&stored, &self.schedule, &master_keys, context, now)?;
                (write(&mut change)?, change.changes())
            };
            if changes.is_empty() {
                self.load(&stored)?;
                return Ok((outcome, AppliedChanges::default()));
            }
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                self.reload().await?;
                return Ok((outcome, applied));
            }
        }
        Err(InternalError::Contention.into())
    }
}
