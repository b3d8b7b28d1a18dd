//! The one writer: a thread that commits what is queued in one transaction, and then answers each caller.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, StoreError};
use counterfoil_jose::Time;

use crate::error_class;
use crate::file_lock::Owner;
use crate::reader::Readers;
use crate::state::State;
use crate::write_request::Job;

/// How many jobs may wait. Beyond that callers are told at once that the store can't be used now, which is
/// better than to make everybody wait for longer and longer.
const QUEUE: usize = 4096;

/// How many jobs share one transaction, and one sync of the disk.
const BATCH: usize = 256;

/// How many pages the write-ahead log may have before they are brought into the database.
const PAGES_BEFORE_CHECKPOINT: u32 = 1000;

/// How long to wait before room is made again on a disk that is full.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Who is told of every commit.
pub(crate) type Witnesses = RwLock<Vec<Arc<dyn CommitListener>>>;

/// What the thread of the writer works with.
pub(crate) struct Writer {
    connection: Connection,
    state: Arc<State>,
    witnesses: Arc<Witnesses>,
    readers: Arc<Readers>,
    figures: Arc<StoreMetrics>,
    /// The newest time that the database is known to hold.
    newest: Time,
    /// When room was last made on a full disk.
    made_room: Option<Instant>,
    /// Dropped after the connection: fields are dropped in their order.
    _owner: Arc<Owner>,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        state: Arc<State>,
        witnesses: Arc<Witnesses>,
        readers: Arc<Readers>,
        figures: Arc<StoreMetrics>,
        owner: Arc<Owner>,
    ) -> rusqlite::Result<Self> {
        let newest = crate::metadata::newest_time(&connection)?;
        Ok(Self { connection, state, witnesses, readers, figures, newest, made_room: None, _owner: owner })
    }

    /// Starts the thread; it ends when told to close or when nobody can ask for anything any more.
    pub(crate) fn start(self) -> std::io::Result<(SyncSender<Job>, JoinHandle<()>)> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || self.run(&jobs))?;
        Ok((queue, thread))
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        // If anything here panics, the witnesses may not have been told what they should know.
        let guard = PoisonsOnPanic(Arc::clone(&self.state), Arc::clone(&self.witnesses));
        let mut closing = None;
        while closing.is_none()
            && let Ok(first) = jobs.recv()
        {
            let (batch, close) = next_batch(first, jobs);
            closing = close;
            self.settle(batch);
            self.checkpoint_if_due();
        }
        self.close();
        drop((self, guard));
        if let Some(close) = closing {
            close.answer();
        }
        for late in jobs.try_iter() {
            late.fail(StoreError::Closed);
        }
    }

    /// Commits a batch, tells the witnesses, and answers; in that order.
    fn settle(&mut self, mut batch: Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        if self.state.is_poisoned() {
            self.count_failed(&batch);
            return batch.into_iter().for_each(|job| job.fail(StoreError::Poisoned));
        }
        let since = Instant::now();
        if let Err(failed) = self.commit(&mut batch) {
            self.count_failed(&batch);
            return self.fail(batch, failed);
        }
        self.count(&batch, since);
        // Dropped before the batch: a caller who loses the answer to a panic finds the store poisoned already.
        let _guard = PoisonsOnPanic(Arc::clone(&self.state), Arc::clone(&self.witnesses));
        let witnesses = self.witnesses.read().unwrap_or_else(PoisonError::into_inner);
        for job in &batch {
            job.show(&witnesses);
        }
        for job in batch {
            job.answer();
        }
    }

    /// Counts a batch that was committed, before anybody who is answered can ask for the figures.
    fn count(&self, batch: &[Job], since: Instant) {
        let now = Instant::now();
        self.figures.transactions.record(now - since);
        for since in batch.iter().filter_map(Job::since) {
            self.figures.commits.record(now.saturating_duration_since(since));
        }
        self.figures.is_refusing.store(false, Ordering::Relaxed);
        self.figures.end(batch.len());
    }

    fn count_failed(&self, batch: &[Job]) {
        self.figures.is_refusing.store(true, Ordering::Relaxed);
        self.figures.fail(batch.len());
        self.figures.end(batch.len());
    }

    /// Carries out a batch in one transaction.
    fn commit(&mut self, batch: &mut [Job]) -> Result<(), Failed> {
        let newest = match self.carry_out(batch) {
            Ok(newest) => newest,
            Err(error) => {
                // Nothing of it was committed. SQLite may have rolled back by itself.
                let rolled_back = self.connection.is_autocommit() || self.rollback().is_ok();
                let is_certain = rolled_back && !error_class::is_failed_sync(&error);
                return Err(Failed { error, is_certain });
            }
        };
        if let Err(error) = self.execute("COMMIT") {
            let open = error_class::leaves_open_what_was_committed(&error);
            let is_certain = !open && (self.connection.is_autocommit() || self.rollback().is_ok());
            return Err(Failed { error, is_certain });
        }
        self.newest = newest;
        Ok(())
    }

    /// Carries out every job of the batch; tells the newest time that the database then holds.
    fn carry_out(&self, batch: &mut [Job]) -> rusqlite::Result<Time> {
        self.execute("BEGIN IMMEDIATE")?;
        for job in &mut *batch {
            job.carry_out(&self.connection)?;
        }
        let newest = batch.iter().map(Job::newest_time).max().unwrap_or_default();
        if newest > self.newest {
            crate::metadata::raise_newest_time(&self.connection, newest)?;
        }
        Ok(newest.max(self.newest))
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn rollback(&self) -> rusqlite::Result<()> {
        self.execute("ROLLBACK")
    }

    /// Tells every caller of a batch that it failed, and if nobody knows what became of it, ends the store.
    fn fail(&mut self, batch: Vec<Job>, failed: Failed) {
        let error = Arc::new(failed.error);
        if failed.is_certain {
            tracing::warn!(%error, jobs = batch.len(), "a commit was refused; nothing was changed");
            batch.into_iter().for_each(|job| job.fail(error_class::told_again(&error)));
            self.make_room(&error);
        } else {
            self.poison(&error);
            batch.into_iter().for_each(|job| job.fail(StoreError::Poisoned));
        }
    }

    /// Where the disk is full, brings the log into the database: if that has room for it, the log begins anew in the
    /// place that it has, and the next commit needs no more. Tried once a second, as it may be in vain.
    fn make_room(&mut self, error: &rusqlite::Error) {
        let is_due = self.made_room.is_none_or(|at| at.elapsed() >= BETWEEN_TRIES);
        if is_due && error_class::is_full(error) {
            self.made_room = Some(Instant::now());
            self.checkpoint("PASSIVE");
        }
    }

    /// Refuses everything from here on, and lets the memory in front forget what it holds.
    fn poison(&self, error: &rusqlite::Error) {
        tracing::error!(%error, "a commit failed with unknown outcome; the store must be opened anew");
        poison(&self.state, &self.witnesses);
    }

    /// Brings the write-ahead log into the database when it has grown long. Nobody waits for it.
    fn checkpoint_if_due(&self) {
        if self.state.is_poisoned() {
            return;
        }
        match self.pages_in_log() {
            Ok(pages) if pages >= PAGES_BEFORE_CHECKPOINT => self.checkpoint("PASSIVE"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the length of the write-ahead log cannot be read"),
        }
    }

    /// How many pages wait in the log, without touching them.
    fn pages_in_log(&self) -> rusqlite::Result<u32> {
        self.connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| {
            let (all, done): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(u32::try_from(all - done).unwrap_or(0))
        })
    }

    /// A checkpoint that fails changes nothing: the log still has every page. But where a sync has failed, a
    /// later one may succeed without having written what the kernel dropped, and the log would be forgotten.
    fn checkpoint(&self, mode: &str) {
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        match done {
            Ok(()) => {}
            Err(error) if error_class::is_failed_sync(&error) => self.poison(&error),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be brought in; it grows"),
        }
    }

    /// Leaves a database without a log behind, unless nobody knows what the log holds: then the next start is
    /// to read it, and bring it to the disk, before anything is built upon it (`resync`).
    fn close(&self) {
        let is_poisoned = self.state.is_poisoned();
        self.state.close();
        self.readers.close();
        if is_poisoned {
            // Without it closing is as good: SQLite brings in only what it knows to be committed.
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        } else {
            self.checkpoint("TRUNCATE");
        }
    }
}

/// Why a batch was not committed, and whether it is certain that nothing of it was.
struct Failed {
    error: rusqlite::Error,
    is_certain: bool,
}

/// What is queued now, in its order, up to a limit or up to the order to close.
fn next_batch(first: Job, jobs: &Receiver<Job>) -> (Vec<Job>, Option<Job>) {
    let mut batch = Vec::new();
    for job in std::iter::once(first).chain(jobs.try_iter()).take(BATCH) {
        if matches!(job, Job::Close(_)) {
            return (batch, Some(job));
        }
        batch.push(job);
    }
    (batch, None)
}

fn poison(state: &State, witnesses: &Witnesses) {
    if state.poison() {
        for witness in witnesses.read().unwrap_or_else(PoisonError::into_inner).iter() {
            witness.failed();
        }
    }
}

/// Poisons the store if the writer panics: a witness may not have been told what it should know.
struct PoisonsOnPanic(Arc<State>, Arc<Witnesses>);

impl Drop for PoisonsOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            poison(&self.0, &self.1);
        }
    }
}
