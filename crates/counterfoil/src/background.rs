//! Background jobs: maintenance every minute, last-seen times every second, the key rotation schedule, and counts for the
//! console.

mod population;
#[cfg(test)]
mod tests;
mod user_checks;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use counterfoil_core::store::{ExpiryEvents, StoreError, complete_all_session_ends};
use counterfoil_jose::{Time, random};

use crate::app::App;
use crate::background::user_checks::UserChecks;
use crate::clock::ClockJumpPending;
use crate::clock::checkpoint;
use crate::passwords::scheme_scan::measure_stored_schemes;
use crate::runtime::error_chain::error_chain;
use crate::runtime::task::{RESTART_DELAY, Task, run_on_blocking_thread, supervise};
use crate::store::shutdown_mark::abandoned::AbandonedMarks;
use crate::store::{audit_log, job_locks, last_seen, shutdown_mark};

/// The interval of maintenance, plus or minus [`JITTER`].
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);
/// The random part of the interval, so that nodes do not all use the store at the same moment.
const JITTER: Duration = Duration::from_secs(5);
/// How often the clock is read, so that a jump is detected even without requests.
const CLOCK_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// The shortest time between two runs of the key rotation, whatever its schedule says.
const MIN_KEY_ROTATION_DELAY: Duration = Duration::from_millis(100);
/// The number of rows that one purge deletes, and the pause until the next one, in which other writes
/// proceed.
const PURGE_BATCH_SIZE: u32 = 256;
const PURGE_PAUSE: Duration = Duration::from_millis(20);
/// How often all users are read to find the schemes of their password hashes.
const SCHEME_SCAN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts all jobs. A panic in one job ends neither that job nor the others.
pub(crate) fn start(app: App) -> Task {
    let user_checks = UserChecks::new(&app);
    Task::spawn(async move {
        tokio::join!(
            supervise("maintenance", RESTART_DELAY, || maintain_periodically(app.clone())),
            supervise("key rotation", RESTART_DELAY, || rotate_keys_on_schedule(app.clone())),
            supervise("password schemes", RESTART_DELAY, || measure_schemes_daily(app.clone())),
            supervise("last seen", RESTART_DELAY, || write_last_seen_periodically(
                app.clone(),
                user_checks.clone()
            )),
            supervise("population count", RESTART_DELAY, || async {
                population::count_on_demand(&app).await
            }),
            supervise("user checks", RESTART_DELAY, || async { user_checks.run(&app).await }),
        );
    })
}

async fn write_last_seen_periodically(app: App, user_checks: UserChecks) {
    let (mut last_sign, mut is_failing) = (app.parts.started_at, false);
    loop {
        sleep(last_seen::BATCH_INTERVAL).await;
        write_sign_of_life(&app, &mut last_sign, &mut is_failing).await;
        let used = app.parts.session_cache.take_last_seen();
        user_checks.add(&used);
        if let Err(error) = last_seen::write(&*app.parts.store, &used).await {
            tracing::warn!(%error, "some last-seen times of sessions could not be written");
        }
    }
}

/// Writes one small commit each minute, and after the last of a series of refreshes, so that after a crash their used tokens
/// stay used. It is not a part of maintenance, whose purge may take long. It is tried each second until it is written, with one
/// warning.
async fn write_sign_of_life(app: &App, last_sign: &mut Time, is_failing: &mut bool) {
    let (now, grace) = (app.parts.clock.checkpoint(), app.parts.refresh_grace.length);
    let last_rotation = app.parts.issuer.last_rotation();
    if !shutdown_mark::is_sign_of_life_due(last_rotation, *last_sign, grace, now) {
        return;
    }
    match shutdown_mark::write_sign_of_life(&*app.parts.store, &app.parts.state_keys, now).await {
        Ok(()) => (*last_sign, *is_failing) = (now, false),
        Err(error) if !mem::replace(is_failing, true) => {
            tracing::warn!(%error, "the sign of life of this process could not be written");
        }
        Err(_) => {}
    }
}

/// Measures the schemes of the stored password hashes.
async fn measure_schemes_daily(app: App) {
    loop {
        if let Err(error) = measure_stored_schemes(&*app.parts.store, &app.parts.hashing).await {
            tracing::warn!(%error, "the schemes of the stored password hashes could not be read");
        }
        sleep(SCHEME_SCAN_INTERVAL).await;
    }
}

/// Runs the key rotation when its schedule says, on request, and at least every [`MAINTENANCE_INTERVAL`].
async fn rotate_keys_on_schedule(app: App) {
    loop {
        let due = Instant::now() + run_key_rotation(&app).await;
        tokio::select! {
            () = sleep_until(due) => {}
            () = app.parts.key_schedule_changed.notified() => {}
        }
    }
}

async fn maintain_periodically(app: App) {
    // What a crash has interrupted.
    if let Err(error) = complete_all_session_ends(&*app.parts.store).await {
        tracing::warn!(%error, "revoked sessions are not marked as ended yet; it is retried within a minute");
    }
    let mut abandoned_marks = AbandonedMarks::default();
    loop {
        let next = Instant::now() + MAINTENANCE_INTERVAL - JITTER + random_jitter();
        while Instant::now() < next {
            // Reading the clock makes it check the wall clock for a jump.
            app.now();
            let metrics = &app.parts.metrics;
            metrics.recent_logins.note(app.parts.clock.uptime(), metrics.login_totals());
            sleep_until(next.min(Instant::now() + CLOCK_POLL_INTERVAL)).await;
        }
        if let Err(error) = run_maintenance(&app).await {
            tracing::warn!(%error, "maintenance failed; it is retried within a minute");
        }
        let (store, keys) = (&*app.parts.store, &app.parts.state_keys);
        if let Err(error) = abandoned_marks.remove(store, keys, Instant::now().into_std()).await {
            tracing::warn!(%error, "marks of processes that crashed long ago could not be removed");
        }
    }
}

/// Saves the clock checkpoint and the revocation log position, records counted failures, marks revoked sessions as ended,
/// and purges expired records from memory and the store. Each step is complete in itself, so maintenance may stop after
/// any of them.
pub(crate) async fn run_maintenance(app: &App) -> Result<(), StoreError> {
    let (store, keys, clock) = (&*app.parts.store, &app.parts.state_keys, &app.parts.clock);
    checkpoint::save(store, keys, clock).await?;
    app.save_rollback_guard().await;
    app.parts.feed.forget_former_leases().await?;
    complete_all_session_ends(&*app.parts.store).await?;
    // A purge cannot be undone, so nothing is purged by a clock jump that may be taken back: a revoked token
    // would be valid again if its revocation were purged too early.
    let Ok(now) = app.now_to_issue() else { return Ok(()) };
    app.parts.session_cache.revocations().prune(now);
    app.parts.feed.prune(now);
    app.parts.accounts.record_counted_failures(Some(now)).await?;
    if !job_locks::take_purge(&*app.parts.store, app.parts.node_id, now).await? {
        return Ok(());
    }
    purge(app, now).await
}

/// Purges the store and the audit log in turns: a portion of expired sessions adds events to the log.
async fn purge(app: &App, now: Time) -> Result<(), StoreError> {
    let (store, settings) = (&*app.parts.store, &app.settings().audit_log);
    let expiries = if settings.records_expiries { ExpiryEvents::Record } else { ExpiryEvents::Omit };
    loop {
        let purged = store.purge(now, PURGE_BATCH_SIZE, expiries).await?;
        audit_log::purge(store, settings, &app.parts.audit_log_limit, (PURGE_BATCH_SIZE, PURGE_PAUSE), now)
            .await?;
        if purged < u64::from(PURGE_BATCH_SIZE) {
            return Ok(());
        }
        sleep(PURGE_PAUSE).await;
    }
}

/// Runs the key rotation that is due, and loads key changes of other nodes or of requests that ended after
/// their commit. Returns the time until the next run.
///
/// While a clock jump is pending, no key is activated or removed.
async fn run_key_rotation(app: &App) -> Duration {
    let rotated = match app.now_to_issue() {
        Ok(now) => {
            let keys = Arc::clone(&app.parts.keys);
            let rotated = run_on_blocking_thread(async move { keys.run_due_rotation(now).await }).await;
            rotated.map(|next| next.map_or(MAINTENANCE_INTERVAL, |next| next.since(now)))
        }
        Err(ClockJumpPending) => app.parts.keys.reload().await.map(|()| CLOCK_POLL_INTERVAL),
    };
    let failure = match rotated {
        Ok(delay) => {
            app.parts.has_stale_keys.store(false, Ordering::Relaxed);
            return delay.clamp(MIN_KEY_ROTATION_DELAY, MAINTENANCE_INTERVAL);
        }
        Err(failure) => failure,
    };
    // A rotation that could not be written is an error of the store, and reported as such. The keys in the
    // store are loaded all the same.
    let reload_failure = app.parts.keys.reload().await.err();
    app.parts.has_stale_keys.store(reload_failure.is_some(), Ordering::Relaxed);
    // The whole error chain names the key and the cause, for an operator who sees `keys` fail at `/readyz`.
    let error = error_chain(reload_failure.as_ref().unwrap_or(&failure));
    tracing::error!(error, "key rotation failed; it is retried within a minute");
    MAINTENANCE_INTERVAL
}

/// A random time of up to twice [`JITTER`], or zero if the operating system provides no randomness.
fn random_jitter() -> Duration {
    let random = random::bytes().map_or(0, u16::from_be_bytes);
    JITTER * 2 * u32::from(random) / u32::from(u16::MAX)
}
