//! Key changes: by the schedule, on request, by import, and by revocation.

use std::sync::Arc;
use std::time::Duration;

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
use crate::store::{AppliedChanges, Change, CommitOutcome, JobLock, Transaction, TransactionPart};

/// The maximum number of steps in one run. A schedule with zero durations would otherwise never end.
const MAX_STEPS: usize = 32;

/// The job of the scheduled rotation. Two nodes that both find a step due must not take it twice.
pub const ROTATION_JOB: &str = "key_rotation";

/// How long a node holds the lock after a step.
const LOCK_DURATION: Duration = Duration::from_secs(60);

impl Keyring {
    /// Runs the steps of the schedule that are due at `now`, one commit each, and loads the changes of other processes.
    /// Returns the time of the next step; `None` if no step is due before a rotation is requested.
    ///
    /// `now` must come from a clock whose jumps are checked: after a false jump forward, keys would be removed whose tokens
    /// are still valid.
    ///
    /// # Errors
    ///
    /// If the keys cannot be read or a commit failed. Earlier steps stay committed.
    pub async fn run_due_rotation(&self, now: Time) -> Result<Option<Time>, ServiceError> {
        let context = RevocationContext {
            actor: Actor::System,
            reason: EndReason::Replaced,
            client_info: ClientInfo::default(),
        };
        let max_access_lifetime = self.retention.max_access_lifetime();
        for _ in 0..MAX_STEPS {
            let step = |change: &mut KeyringChange<'_>| Ok(change.step(max_access_lifetime)?);
            let Some((decision, _)) =
                self.change_with_lock(self.rotation_lock(), &context, now, step).await?
            else {
                return Ok(Some(now + LOCK_DURATION));
            };
            match decision {
                ScheduleDecision::Run(_) => {}
                ScheduleDecision::WaitUntil(until) => return Ok(until),
            }
        }
        Ok(Some(now))
    }

    /// The lock of the scheduled rotation. It is taken in the commit of a step, so it costs no commit of its own.
    fn rotation_lock(&self) -> Option<JobLock> {
        self.node.map(|holder| JobLock { job: ROTATION_JOB, holder })
    }

    /// Requests or performs a rotation of the signing key. What the previous key has signed stays valid. A second request
    /// before the rotation changes nothing.
    ///
    /// # Errors
    ///
    /// If the commit failed. Then nothing has changed.
    pub async fn rotate(
        &self,
        at: ActivateAt,
        context: &RevocationContext,
        now: Time,
    ) -> Result<RotatedKeys, ServiceError> {
        Ok(self.change(context, now, |change| Ok(change.rotate(at)?)).await?.0)
    }

    /// Imports a key as the next one. It is published now, and activated by the schedule or a requested rotation, but not
    /// before every verifier must have seen it. The previous next key has signed nothing and is removed. Returns the id.
    ///
    /// # Errors
    ///
    /// [`ClientError::Field`](crate::ClientError::Field) if the key has another algorithm than the next key must have, or if
    /// the store contains it already, in any state. If the commit failed, nothing has changed.
    pub async fn import(
        &self,
        key: &SigningKey,
        context: &RevocationContext,
        now: Time,
    ) -> Result<KeyId, ServiceError> {
        Ok(self.change(context, now, |change| change.import(key)).await?.0)
    }

    /// Creates a new refresh token key for new sessions. Existing sessions keep the key that they started with, so no user
    /// is logged out. Returns the id of the new key.
    ///
    /// # Errors
    ///
    /// If the commit failed. Then nothing has changed.
    pub async fn rotate_refresh_token_key(
        &self,
        context: &RevocationContext,
        now: Time,
    ) -> Result<KeyId, ServiceError> {
        Ok(self.change(context, now, |change| Ok(change.rotate_refresh_token_key()?)).await?.0)
    }

    /// Revokes a signing key, and with it everything that it ever signed. The revocation log entry never expires. If the key
    /// is the current one, the next key is activated in the same commit. Returns the entry; `None` if the key was revoked
    /// before.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`](crate::ClientError::NotFound) if there is no such key. If the commit failed, nothing has
    /// changed.
    pub async fn revoke(
        &self,
        id: &KeyId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<Option<RevocationEntry>, ServiceError> {
        let (_, mut applied) = self.change(context, now, |change| change.revoke(id)).await?;
        Ok(applied.entries.pop())
    }

    /// Seals every key with the master key `to`, in one commit. Nothing else changes, and no user is logged out.
    ///
    /// # Errors
    ///
    /// If the commit failed. If the store has failed, it is unknown whether the commit was applied: keep both master keys
    /// until the store is open again.
    pub async fn reseal(
        &self,
        to: &SealingKey,
        context: &RevocationContext,
        now: Time,
    ) -> Result<(), ServiceError> {
        // Before anything is sealed with it, so that concurrent readers can open the keys with either master key.
        let current = self.master_keys.load().current.clone();
        self.master_keys.store(Arc::new(MasterKeys { current, next: Some(to.clone()) }));
        self.change(context, now, |change| Ok(change.reseal(to)?)).await?;
        self.master_keys.store(Arc::new(MasterKeys::single(to.clone())));
        Ok(())
    }

    /// Builds a change from the stored keys, commits it and loads the result. After a conflict it starts again. An empty
    /// change only loads what other processes have changed.
    async fn change<T>(
        &self,
        context: &RevocationContext,
        now: Time,
        build: impl Fn(&mut KeyringChange<'_>) -> Result<T, ServiceError>,
    ) -> Result<(T, AppliedChanges), ServiceError> {
        self.change_with_lock(None, context, now, build)
            .await?
            .ok_or_else(|| InternalError::Contention.into())
    }

    /// As [`change`](Self::change), and takes `lock` in the same commit. `None` if another node holds it; then only the
    /// changes of that node are loaded.
    async fn change_with_lock<T>(
        &self,
        lock: Option<JobLock>,
        context: &RevocationContext,
        now: Time,
        build: impl Fn(&mut KeyringChange<'_>) -> Result<T, ServiceError>,
    ) -> Result<Option<(T, AppliedChanges)>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let stored = self.store.keys().await?;
            let (outcome, changes) = {
                let master_keys = self.master_keys.load();
                let mut change = KeyringChange::new(&stored, &self.schedule, &master_keys, context, now)?;
                (build(&mut change)?, change.changes())
            };
            if changes.is_empty() {
                self.load(&stored)?;
                return Ok(Some((outcome, AppliedChanges::default())));
            }
            let lock = lock.map(|lock| Change::take_job_lock(lock, now, now + LOCK_DURATION));
            let is_locked = lock.is_some();
            let transaction = Transaction::new(lock.into_iter().chain(changes).collect::<Vec<_>>());
            match self.store.commit(&transaction).await? {
                CommitOutcome::Applied(applied) => {
                    self.reload().await?;
                    return Ok(Some((outcome, applied)));
                }
                CommitOutcome::Conflict(TransactionPart::Change(0)) if is_locked => {
                    self.reload().await?;
                    return Ok(None);
                }
                CommitOutcome::Conflict(_) => {}
            }
        }
        Err(InternalError::Contention.into())
    }
}
