//! The locks of the background jobs, of which one node runs each.

use std::time::Duration;

use counterfoil_core::services::keys::keyring::ROTATION_JOB;
use counterfoil_core::store::{Change, CommitOutcome, JobLock, NodeId, Store, StoreError};
use counterfoil_jose::Time;

/// The job of the purge.
pub(crate) const PURGE_JOB: &str = "purge";

/// How long a node holds the lock of the purge: longer than the interval of maintenance, so that one node keeps it.
pub(crate) const PURGE_LOCK_DURATION: Duration = Duration::from_secs(3 * 60);

/// Takes or renews the lock of the purge. False if another node purges.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn take_purge(store: &dyn Store, node: NodeId, now: Time) -> Result<bool, StoreError> {
    let lock = JobLock { job: PURGE_JOB, holder: node };
    let take = Change::take_job_lock(lock, now, now + PURGE_LOCK_DURATION);
    Ok(matches!(store.commit(&[take].into()).await?, CommitOutcome::Applied(_)))
}

/// Releases the locks of all jobs, so that another node need not wait until they expire.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn release(store: &dyn Store, node: NodeId) -> Result<(), StoreError> {
    let release = |job| Change::release_job_lock(JobLock { job, holder: node });
    store.commit(&[PURGE_JOB, ROTATION_JOB].map(release).into()).await.map(drop)
}
