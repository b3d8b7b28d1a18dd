//! Where passwords are hashed: a few threads, a short queue, and nobody waits for longer than a deadline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::oneshot;

use counterfoil_core::credentials::password::{Argon2Cost, PasswordHash, PlaintextPassword};
use counterfoil_core::histogram::Histogram;
use counterfoil_core::services::password_hasher::{HashMemory, HashingError, PasswordCheck, PasswordHasher};
use counterfoil_core::services::password_policy::{NewPassword, PasswordError};

/// How much less urgent than answering requests a hash is (`nice`): it runs where nothing else wants to, and where all
/// processors are busy a login is what waits.
const PRIORITY: i32 = 19;

/// Beyond twice the deadline: for how long the threads may be at one hash each, on a machine that has much to do.
const STUCK: Duration = Duration::from_secs(5);

/// How a pool is sized.
#[derive(Debug, Clone, Copy)]
pub struct PoolSize {
    /// How many passwords are hashed at a time; at least one.
    pub threads: usize,
    /// How many more may wait.
    pub waiting: usize,
    /// How long one may wait; whoever waited longer is told to come back, and nothing is hashed for them.
    pub deadline: Duration,
    /// After how long without work a thread gives its memory back.
    pub idle: Duration,
}

impl Default for PoolSize {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().map_or(1, usize::from),
            waiting: 64,
            deadline: Duration::from_secs(5),
            idle: Duration::from_secs(30),
        }
    }
}

/// Hashes passwords on threads of its own, each with its own memory.
///
/// A storm of logins takes as much memory as there are threads, and makes as long a queue as was allowed;
/// all others are told at once to come back. When it is dropped the threads finish what they are at and end.
///
/// ```
/// use counterfoil::passwords::hash_pool::{HashPool, PoolSize};
/// use counterfoil_core::credentials::password::Argon2Cost;
///
/// let pool = HashPool::start(Argon2Cost::default(), PoolSize { threads: 2, ..PoolSize::default() })?;
/// assert_eq!(pool.holding_memory(), 0, "nothing was hashed yet");
/// # Ok::<(), counterfoil_core::services::password_hasher::HashingError>(())
/// ```
#[derive(Debug)]
pub(crate) struct HashPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    size: PoolSize,
    queue: Mutex<Queue>,
    work: Condvar,
    /// How many threads hold memory to hash in.
    warm: AtomicUsize,
    figures: PoolFigures,
}

/// What a pool has had to do so far.
#[derive(Debug, Default)]
pub(crate) struct PoolFigures {
    /// How long each password waited for a thread.
    pub waited: Histogram,
    /// How long each was at work.
    pub took: Histogram,
    /// How many were refused because too many waited.
    pub full: AtomicU64,
    /// How many were refused because they had waited for too long.
    pub late: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

/// One password and whoever waits for it.
struct Job {
    since: Instant,
    work: Box<Work>,
}

/// What is done at a bench, or instead of it where there is none in time.
type Work = dyn FnOnce(Result<&mut HashMemory, HashingError>) + Send;

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("since", &self.since).finish_non_exhaustive()
    }
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub(crate) fn start(cost: Argon2Cost, size: PoolSize) -> Result<Self, HashingError> {
        let bench = HashMemory::new(cost)?;
        let shared = Arc::new(Shared {
            size,
            queue: Mutex::default(),
            work: Condvar::new(),
            warm: AtomicUsize::new(0),
            figures: PoolFigures::default(),
        });
        let threads = (0..size.threads.max(1))
            .map(|number| {
                let (shared, bench) = (Arc::clone(&shared), bench.another());
                let thread = thread::Builder::new().name(format!("hashing-{number}"));
                thread.spawn(move || shared.work_at(bench)).expect("the system gives a thread at start")
            })
            .collect();
        Ok(Self { shared, threads })
    }

    /// How many threads hold memory at the moment.
    pub(crate) fn holding_memory(&self) -> usize {
        self.shared.warm.load(Ordering::SeqCst)
    }

    /// What it has had to do so far.
    pub(crate) fn figures(&self) -> &PoolFigures {
        &self.shared.figures
    }

    /// How many passwords wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue().jobs.len()
    }

    /// Says at once if there is no room for another password, before anything is read or looked up for it. It is
    /// judged again when the password comes.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`], whoever the password is of.
    pub(crate) fn expect_room(&self) -> Result<(), HashingError> {
        self.shared.expect_room(&self.shared.queue())
    }

    /// Whether somebody waits for far longer than anybody should: the threads take nothing any more.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck_at(Instant::now())
    }

    fn is_stuck_at(&self, now: Instant) -> bool {
        let patience = self.shared.size.deadline * 2 + STUCK;
        self.shared
            .queue()
            .jobs
            .front()
            .is_some_and(|job| now.saturating_duration_since(job.since) > patience)
    }

    /// Has `work` done by a thread, or says that there is too much of it.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut HashMemory) -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let (answer, answered) = oneshot::channel();
        let work = move |bench: Result<&mut HashMemory, HashingError>| {
            // Whoever has gone away need not be hashed for.
            if !answer.is_closed() {
                let _ = answer.send(bench.and_then(work));
            }
        };
        self.shared.queue_up(Job { since: Instant::now(), work: Box::new(work) })?;
        // A thread that panicked at this very password drops the sender.
        answered.await.unwrap_or(Err(HashingError::Busy))
    }
}

#[async_trait]
impl PasswordHasher for HashPool {
    async fn make(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError> {
        self.ask(move |bench| bench.make(&password)).await
    }

    async fn check(
        &self,
        password: PlaintextPassword,
        kept: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError> {
        self.ask(move |bench| Ok(bench.check(&password, kept.as_ref()))).await
    }

    async fn judge(&self, new: NewPassword) -> Result<Result<(), PasswordError>, HashingError> {
        self.ask(move |_| new.judge()).await
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.is_closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked outside a job has nothing more to tell.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn expect_room(&self, queue: &Queue) -> Result<(), HashingError> {
        if queue.jobs.len() < self.size.waiting {
            return Ok(());
        }
        self.figures.full.fetch_add(1, Ordering::Relaxed);
        Err(HashingError::Busy)
    }

    fn queue_up(&self, job: Job) -> Result<(), HashingError> {
        let mut queue = self.queue();
        self.expect_room(&queue)?;
        queue.jobs.push_back(job);
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// What a thread does all its life.
    fn work_at(&self, mut bench: HashMemory) {
        // Requests are answered first. Where this is not allowed, hashing is as urgent as they are.
        let _ = rustix::process::setpriority_process(None, PRIORITY);
        let mut is_warm = false;
        while let Some(job) = self.next(&mut bench, &mut is_warm) {
            let waited = job.since.elapsed();
            self.figures.waited.record(waited);
            if waited > self.size.deadline {
                self.figures.late.fetch_add(1, Ordering::Relaxed);
                (job.work)(Err(HashingError::Busy));
                continue;
            }
            if !is_warm {
                is_warm = true;
                self.warm.fetch_add(1, Ordering::SeqCst);
            }
            let begun = Instant::now();
            // The memory may be half written then; the next hash overwrites all of it.
            if catch_unwind(AssertUnwindSafe(|| (job.work)(Ok(&mut bench)))).is_err() {
                tracing::error!("hashing a password panicked");
            }
            self.figures.took.record(begun.elapsed());
        }
        self.rest(&mut bench, &mut is_warm);
    }

    /// The next job; gives the memory back if there is none for a while. `None` when the pool is closed.
    fn next(&self, bench: &mut HashMemory, is_warm: &mut bool) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if !*is_warm {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, timeout) =
                self.work.wait_timeout(queue, self.size.idle).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if timeout.timed_out() && queue.jobs.is_empty() {
                drop(queue);
                self.rest(bench, is_warm);
                queue = self.queue();
            }
        }
    }

    fn rest(&self, bench: &mut HashMemory, is_warm: &mut bool) {
        bench.rest();
        if std::mem::take(is_warm) {
            self.warm.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in a critical section of this file can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use counterfoil_jose::Secret;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost { memory: 64, passes: 1, lanes: 1 };

    fn pool(size: PoolSize) -> HashPool {
        HashPool::start(CHEAP, size).unwrap()
    }

    fn typed(text: &str) -> PlaintextPassword {
        PlaintextPassword::typed(&Secret::new(text.to_owned()))
    }

    fn one() -> PoolSize {
        PoolSize { threads: 1, ..PoolSize::default() }
    }

    /// Keeps the only thread busy until the sender is dropped.
    fn occupy(pool: &Arc<HashPool>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel();
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            let _ = pool
                .ask(move |_| {
                    began.send(()).unwrap();
                    let _ = released.recv();
                    Ok(())
                })
                .await;
        });
        tokio::task::block_in_place(|| begun.recv().unwrap());
        release
    }

    #[tokio::test]
    async fn what_was_hashed_is_recognised() {
        let pool = pool(one());

        let hash = pool.make(typed("correct horse")).await.unwrap();

        assert_eq!(pool.check(typed("correct horse"), Some(hash.clone())).await, Ok(PasswordCheck::Match));
        assert_eq!(pool.check(typed("wrong horse"), Some(hash)).await, Ok(PasswordCheck::Mismatch));
        assert_eq!(pool.check(typed("correct horse"), None).await, Ok(PasswordCheck::Mismatch));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_storm_takes_no_more_than_threads_and_queue() {
        let pool = Arc::new(pool(PoolSize { waiting: 8, ..one() }));
        let release = occupy(&pool);

        let storm: Vec<_> = (0..1000)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.check(typed("guess"), None).await })
            })
            .collect();
        let mut answers = Vec::new();
        let (mut waiting, mut busy) = (Vec::new(), 0);
        for one in storm {
            waiting.push(one);
        }
        // All but the eight that wait are answered while the only thread is still occupied.
        while busy < 992 {
            let (done, open): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(tokio::task::JoinHandle::is_finished);
            busy += done.len();
            answers.extend(done);
            waiting = open;
            tokio::task::yield_now().await;
        }
        for answer in answers {
            assert_eq!(answer.await.unwrap(), Err(HashingError::Busy));
        }
        assert_eq!((waiting.len(), pool.holding_memory()), (8, 1));
        assert_eq!(pool.expect_room(), Err(HashingError::Busy));
        drop(release);

        for answer in waiting {
            assert_eq!(answer.await.unwrap(), Ok(PasswordCheck::Mismatch));
        }
        assert_eq!(pool.expect_room(), Ok(()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waited_too_long_is_not_hashed_for() {
        let pool = Arc::new(pool(PoolSize { deadline: Duration::ZERO, ..one() }));

        assert_eq!(pool.make(typed("correct horse")).await, Err(HashingError::Busy));
        assert_eq!(pool.holding_memory(), 0, "no memory was taken for it");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pool_whose_threads_take_nothing_any_more_is_stuck() {
        let pool = Arc::new(pool(one()));
        let release = occupy(&pool);
        let waits = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.make(typed("correct horse")).await }
        });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let late = Instant::now() + 2 * PoolSize::default().deadline + STUCK + Duration::from_secs(1);

        assert!(!pool.is_stuck() && pool.is_stuck_at(late));

        drop(release);
        assert!(waits.await.unwrap().is_ok());
        assert!(!pool.is_stuck_at(late), "nobody waits");
        assert_eq!(pool.figures().waited.counted().count(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_is_hashed_for_who_has_gone_away() {
        let pool = Arc::new(pool(one()));
        let release = occupy(&pool);
        let (hashed, was_hashed) = mpsc::channel();
        let asking = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                pool.ask(move |_| {
                    hashed.send(()).unwrap();
                    Ok(())
                })
                .await
            })
        };
        while pool.shared.queue().jobs.is_empty() {
            tokio::task::yield_now().await;
        }

        asking.abort();
        let _ = asking.await;
        drop(release);

        pool.make(typed("the next one")).await.unwrap();
        assert!(was_hashed.try_recv().is_err());
    }

    #[tokio::test]
    async fn memory_is_given_back_when_there_is_nothing_to_do() {
        let pool = pool(PoolSize { idle: Duration::from_millis(1), ..one() });

        pool.make(typed("correct horse")).await.unwrap();

        let given_back = async {
            while pool.holding_memory() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), given_back).await.unwrap();
        assert!(pool.make(typed("and taken again")).await.is_ok());
    }

    #[tokio::test]
    async fn a_thread_survives_a_panic() {
        let pool = pool(one());

        let lost = pool.ask(|_| -> Result<(), _> { panic!("a bug in hashing") }).await;

        assert_eq!(lost, Err(HashingError::Busy));
        assert!(pool.make(typed("correct horse")).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pool_that_is_dropped_ends_its_threads() {
        let pool = pool(PoolSize { threads: 3, ..one() });
        pool.make(typed("correct horse")).await.unwrap();
        let shared = Arc::clone(&pool.shared);

        tokio::task::block_in_place(|| drop(pool));

        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
