//! The table `job_locks`: the locks of jobs that must run on one node only.

use rusqlite::{Connection, params};

use counterfoil_core::store::{JobLock, JobLockOp};
use counterfoil_jose::Time;

use super::columns::unix_ms;

/// Takes, renews or releases a lock; `false` if another node holds it.
pub(crate) fn change(connection: &Connection, operation: JobLockOp) -> rusqlite::Result<bool> {
    match operation {
        JobLockOp::Take { lock, now, until } => take(connection, lock, now, until),
        JobLockOp::Release(lock) => release(connection, lock).map(|()| true),
    }
}

fn take(connection: &Connection, lock: JobLock, now: Time, until: Time) -> rusqlite::Result<bool> {
    let taken = connection
        .prepare_cached(
            "INSERT INTO job_locks (job, holder, expires_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE holder = excluded.holder OR expires_at <= ?4",
        )?
        .execute(params![lock.job, lock.holder.as_bytes(), unix_ms(until), unix_ms(now)])?;
    Ok(taken == 1)
}

fn release(connection: &Connection, lock: JobLock) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM job_locks WHERE job = ?1 AND holder = ?2")?
        .execute(params![lock.job, lock.holder.as_bytes()])?;
    Ok(())
}

/// Whether the node holds the lock at `now`.
pub(crate) fn is_held(connection: &Connection, lock: JobLock, now: Time) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM job_locks WHERE job = ?1 AND holder = ?2 AND expires_at > ?3")?
        .exists(params![lock.job, lock.holder.as_bytes(), unix_ms(now)])
}

/// Deletes every lock. Only one process can have the database open, so the nodes that held them have ended.
pub(crate) fn delete_all(connection: &Connection) -> rusqlite::Result<()> {
    // A start on a full disk must not fail because of locks that do not exist.
    if connection.prepare("SELECT 1 FROM job_locks LIMIT 1")?.exists([])? {
        connection.execute("DELETE FROM job_locks", [])?;
    }
    Ok(())
}
