//! The table `job_locks`: the locks of jobs that must run on one node only.

use counterfoil_core::store::{JobLock, JobLockOp};
use counterfoil_jose::Time;

use super::columns::unix_ms;
use crate::statement::{Statement, required, required_row, statement};

/// Takes, renews or releases a lock. To take one that another node holds conflicts.
pub(crate) fn change<'p>(operation: JobLockOp) -> Statement<'p> {
    match operation {
        JobLockOp::Take { lock, now, until } => take(lock, now, until),
        JobLockOp::Release(lock) => statement!(
            "DELETE FROM job_locks WHERE job = $1 AND holder = $2",
            lock.job,
            lock.holder.as_bytes().to_vec()
        ),
    }
}

fn take<'p>(lock: JobLock, now: Time, until: Time) -> Statement<'p> {
    statement!(
        required!(
            "INSERT INTO job_locks AS held (job, holder, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE held.holder = excluded.holder OR held.expires_at <= $4"
        ),
        lock.job,
        lock.holder.as_bytes().to_vec(),
        unix_ms(until),
        unix_ms(now)
    )
}

/// Requires that the node holds the lock at `now`.
pub(crate) fn require_held<'p>(lock: JobLock, now: Time) -> Statement<'p> {
    statement!(
        required_row!("SELECT 1 FROM job_locks WHERE job = $1 AND holder = $2 AND expires_at > $3"),
        lock.job,
        lock.holder.as_bytes().to_vec(),
        unix_ms(now)
    )
}
