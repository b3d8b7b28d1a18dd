//! The bounded queue of the password hash pool, and the loop of the threads that work on it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

use counterfoil_core::histogram::Histogram;
use counterfoil_core::services::password_hasher::{HashMemory, HashingError, Requester};

use crate::passwords::fair_queue::FairQueue;

/// The `nice` value of the hash threads: a low priority, so that other requests are answered first. Not the lowest: one
/// client that connects without end keeps all cores busy, and must not delay the logins of others by seconds. At 10, Linux
/// gives a hash thread a tenth of a contended core; at 19, a seventieth.
///
/// `cargo xtask soak load-spike` measures it together with admission control, where the figures are stated.
const NICE: i32 = 10;

/// How much longer than twice the queue timeout a job may wait before the pool counts as stuck: the time for
/// one hash on a machine under heavy load.
pub(super) const STUCK_MARGIN: Duration = Duration::from_secs(5);

/// The limits of a hash pool.
#[derive(Debug, Clone, Copy)]
pub struct HashPoolOptions {
    /// The number of passwords that are hashed at the same time; at least one.
    pub threads: usize,
    /// The number of further passwords that may wait.
    pub queue_size: usize,
    /// The percentage of the threads and the queue that one client IP, and one account, may use; 100: no share applies.
    pub max_share: u8,
    /// How many refused logins may wait for the time of the slowest scheme without a verification; of one client IP no
    /// more than its share. Further ones are answered at once.
    pub max_delayed_refusals: usize,
    /// How long a password may wait. After that it is rejected and not hashed.
    pub queue_timeout: Duration,
    /// How long a thread keeps its memory without work.
    pub idle_timeout: Duration,
}

impl HashPoolOptions {
    /// The part of `total` that one client IP or account may use: at least two, since a request may hash again before its
    /// first hash is counted as done.
    pub(super) fn share_of(&self, total: usize) -> usize {
        match self.max_share {
            100.. => usize::MAX,
            percent => (total.saturating_mul(percent.into()) / 100).max(2),
        }
    }
}

impl Default for HashPoolOptions {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().map_or(1, usize::from),
            queue_size: 64,
            max_share: 25,
            max_delayed_refusals: 1024,
            queue_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// The metrics of a hash pool.
#[derive(Debug, Default)]
pub(crate) struct HashPoolMetrics {
    /// The time that each password waited for a thread.
    pub queue_time: Histogram,
    /// The time that each password took on its thread.
    pub duration: Histogram,
    /// Passwords rejected because the queue was full.
    pub rejected_queue_full: Counter,
    /// Passwords rejected because their client IP or account had used its share.
    pub rejected_share: Counter,
    /// Passwords rejected because they had waited longer than the queue timeout.
    pub rejected_timeout: Counter,
}

/// The work of a job. It gets the memory of a thread, or the error if the job is rejected, and returns what answers the caller.
pub(super) type Work = dyn FnOnce(Result<&mut HashMemory, HashingError>) -> Box<dyn FnOnce()> + Send;

/// One password to hash, check or validate.
pub(super) struct Job {
    requester: Requester,
    queued_at: Instant,
    work: Box<Work>,
}

/// The jobs that wait, shared by all threads of a pool.
#[derive(Debug)]
pub(super) struct HashQueue {
    options: HashPoolOptions,
    state: Mutex<State>,
    changed: Condvar,
    /// The number of threads that hold memory.
    allocated_threads: AtomicUsize,
    pub(super) metrics: HashPoolMetrics,
}

#[derive(Debug)]
struct State {
    jobs: FairQueue<Job>,
    is_closed: bool,
}

impl Job {
    pub(super) fn new(requester: Requester, work: Box<Work>) -> Self {
        Self { requester, queued_at: Instant::now(), work }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("queued_at", &self.queued_at).finish_non_exhaustive()
    }
}

impl HashQueue {
    pub(super) fn new(options: HashPoolOptions) -> Self {
        let share = options.share_of(options.threads.saturating_add(options.queue_size));
        let state = State { jobs: FairQueue::new(options.queue_size, share), is_closed: false };
        Self {
            options,
            state: Mutex::new(state),
            changed: Condvar::new(),
            allocated_threads: AtomicUsize::new(0),
            metrics: HashPoolMetrics::default(),
        }
    }

    /// Queues `job`, or rejects it if the queue is full or the share of its requester is used. Another one is rejected in its
    /// place if its source has more.
    pub(super) fn push(&self, job: Job) -> Result<(), HashingError> {
        let pushed = self.state().jobs.push(job.requester, job);
        if let Some(displaced) = self.count_rejection(pushed)? {
            self.metrics.rejected_share.inc();
            (displaced.work)(Err(HashingError::ShareExceeded))();
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Fails if a job would be rejected now, and counts a rejection then.
    pub(super) fn check_capacity(&self, requester: &Requester) -> Result<(), HashingError> {
        let checked = self.state().jobs.check(requester);
        self.count_rejection(checked)
    }

    fn count_rejection<T>(&self, result: Result<T, HashingError>) -> Result<T, HashingError> {
        match &result {
            Err(HashingError::ShareExceeded) => self.metrics.rejected_share.inc(),
            Err(_) => self.metrics.rejected_queue_full.inc(),
            Ok(_) => 0,
        };
        result
    }

    /// The number of jobs that wait for a thread.
    pub(super) fn len(&self) -> usize {
        self.state().jobs.len()
    }

    /// The number of threads that hold memory.
    pub(super) fn allocated_threads(&self) -> usize {
        self.allocated_threads.load(Ordering::SeqCst)
    }

    /// Whether the oldest job has waited far longer than the queue timeout: no thread takes jobs any more.
    pub(super) fn is_stuck_at(&self, now: Instant) -> bool {
        let max_wait = self.options.queue_timeout * 2 + STUCK_MARGIN;
        let is_late = |job: &Job| now.saturating_duration_since(job.queued_at) > max_wait;
        self.state().jobs.oldest().any(is_late)
    }

    /// Drops all jobs that wait, and ends the threads after the job that they work on.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// Works on jobs until the queue is closed.
    pub(super) fn run_thread(&self, mut memory: HashMemory) {
        // Where the system does not allow this, hash threads have the same priority as request threads.
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut is_allocated = false;
        while let Some(job) = self.next(&mut memory, &mut is_allocated) {
            let requester = job.requester;
            self.run_job(job, &mut memory, &mut is_allocated);
            self.state().jobs.finish(&requester);
        }
        self.release_memory(&mut memory, &mut is_allocated);
    }

    /// Runs a job, or rejects it if it has waited too long.
    fn run_job(&self, job: Job, memory: &mut HashMemory, is_allocated: &mut bool) {
        let waited = job.queued_at.elapsed();
        self.metrics.queue_time.record(waited);
        if waited > self.options.queue_timeout {
            self.metrics.rejected_timeout.inc();
            return (job.work)(Err(HashingError::Busy))();
        }
        if !*is_allocated {
            *is_allocated = true;
            self.allocated_threads.fetch_add(1, Ordering::SeqCst);
        }
        let started = Instant::now();
        // After a panic the memory may be half written. The next hash overwrites all of it.
        let answer = catch_unwind(AssertUnwindSafe(|| (job.work)(Ok(memory))));
        // Before the caller is answered and can read the metrics.
        self.metrics.duration.record(started.elapsed());
        match answer {
            Ok(answer) => answer(),
            Err(_) => tracing::error!("a password hash panicked"),
        }
    }

    /// The next job; `None` when the queue is closed. Releases the memory after the idle timeout without a
    /// job.
    fn next(&self, memory: &mut HashMemory, is_allocated: &mut bool) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some((_, job)) = state.jobs.pop() {
                return Some(job);
            }
            if !*is_allocated {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, timeout) = self
                .changed
                .wait_timeout(state, self.options.idle_timeout)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.jobs.len() == 0 {
                drop(state);
                self.release_memory(memory, is_allocated);
                state = self.state();
            }
        }
    }

    fn release_memory(&self, memory: &mut HashMemory, is_allocated: &mut bool) {
        memory.release_memory();
        if std::mem::take(is_allocated) {
            self.allocated_threads.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No critical section in this file can panic, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
