//! The thread pool that hashes passwords: a bounded queue with a timeout.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::oneshot;

use counterfoil_core::credentials::password::{Argon2Cost, PasswordHash, PlaintextPassword};
use counterfoil_core::services::password_hasher::{HashMemory, HashingError, PasswordCheck, PasswordHasher};
use counterfoil_core::services::password_policy::{NewPassword, PasswordError};

use crate::passwords::hash_queue::{HashPoolMetrics, HashPoolOptions, HashQueue, Job};

/// Hashes passwords on its own threads, each with its own memory.
///
/// A burst of logins uses at most the memory of all threads; beyond the queue size, passwords are rejected at
/// once. Dropping the pool waits for the hashes in progress and ends the threads.
#[derive(Debug)]
pub(crate) struct HashPool {
    queue: Arc<HashQueue>,
    threads: Vec<JoinHandle<()>>,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub(crate) fn start(cost: Argon2Cost, options: HashPoolOptions) -> Result<Self, HashingError> {
        let memory = HashMemory::new(cost)?;
        let queue = Arc::new(HashQueue::new(options));
        let threads = (0..options.threads.max(1))
            .map(|number| {
                let (queue, memory) = (Arc::clone(&queue), memory.for_another_worker());
                let thread = thread::Builder::new().name(format!("hashing-{number}"));
                thread.spawn(move || queue.run_thread(memory)).expect("a thread can be created at the start")
            })
            .collect();
        Ok(Self { queue, threads })
    }

    /// The number of threads that hold memory now.
    pub(crate) fn allocated_threads(&self) -> usize {
        self.queue.allocated_threads()
    }

    /// The metrics since the start.
    pub(crate) fn metrics(&self) -> &HashPoolMetrics {
        &self.queue.metrics
    }

    /// The number of passwords that wait for a thread.
    pub(crate) fn queue_length(&self) -> usize {
        self.queue.len()
    }

    /// Fails at once if the queue is full, before a request is read or a user looked up. The queue checks
    /// again when the password is queued.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`], for every user alike.
    pub(crate) fn check_capacity(&self) -> Result<(), HashingError> {
        self.queue.check_capacity()
    }

    /// Whether a password has waited far longer than the queue timeout: no thread takes work any more.
    pub(crate) fn is_stuck(&self) -> bool {
        self.queue.is_stuck_at(Instant::now())
    }

    /// Runs `work` on a thread of the pool.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if the queue is full, the queue timeout has passed, or `work` panicked.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut HashMemory) -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let (sender, receiver) = oneshot::channel();
        let work = move |memory: Result<&mut HashMemory, HashingError>| {
            // Nothing is hashed for a request that has ended.
            if !sender.is_closed() {
                let _ = sender.send(memory.and_then(work));
            }
        };
        self.queue.push(Job::new(Box::new(work)))?;
        // A panic in `work` drops the sender.
        receiver.await.unwrap_or(Err(HashingError::Busy))
    }
}

#[async_trait]
impl PasswordHasher for HashPool {
    async fn hash(&self, password: PlaintextPassword) -> Result<PasswordHash, HashingError> {
        self.run(move |memory| memory.hash(&password)).await
    }

    async fn verify(
        &self,
        password: PlaintextPassword,
        kept: Option<PasswordHash>,
    ) -> Result<PasswordCheck, HashingError> {
        self.run(move |memory| Ok(memory.verify(&password, kept.as_ref()))).await
    }

    async fn validate_new(&self, new: NewPassword) -> Result<Result<(), PasswordError>, HashingError> {
        self.run(move |_| new.validate()).await
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            // A panic outside a job was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use counterfoil_jose::Secret;

    use super::*;
    use crate::passwords::hash_queue::STUCK_MARGIN;

    const LOW_COST: Argon2Cost = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn pool(options: HashPoolOptions) -> HashPool {
        HashPool::start(LOW_COST, options).unwrap()
    }

    fn password(text: &str) -> PlaintextPassword {
        PlaintextPassword::new(&Secret::new(text.to_owned()))
    }

    fn one_thread() -> HashPoolOptions {
        HashPoolOptions { threads: 1, ..HashPoolOptions::default() }
    }

    /// Keeps the only thread busy until the returned sender is dropped.
    fn occupy(pool: &Arc<HashPool>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (started_sender, started) = mpsc::channel();
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            let _ = pool
                .run(move |_| {
                    started_sender.send(()).unwrap();
                    let _ = released.recv();
                    Ok(())
                })
                .await;
        });
        tokio::task::block_in_place(|| started.recv().unwrap());
        release
    }

    #[tokio::test]
    async fn a_hash_matches_its_password_and_no_other() {
        let pool = pool(one_thread());

        let hash = pool.hash(password("correct horse")).await.unwrap();

        assert_eq!(
            pool.verify(password("correct horse"), Some(hash.clone())).await,
            Ok(PasswordCheck::Match)
        );
        assert_eq!(pool.verify(password("wrong horse"), Some(hash)).await, Ok(PasswordCheck::Mismatch));
        assert_eq!(pool.verify(password("correct horse"), None).await, Ok(PasswordCheck::Mismatch));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_burst_uses_no_more_than_the_threads_and_the_queue() {
        let pool = Arc::new(pool(HashPoolOptions { queue_size: 8, ..one_thread() }));
        let release = occupy(&pool);

        let mut pending: Vec<_> = (0..1000)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.verify(password("guess"), None).await })
            })
            .collect();
        let mut finished = Vec::new();
        // All but the eight that fit into the queue are rejected while the only thread is still busy.
        while finished.len() < 992 {
            let (done, open): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(tokio::task::JoinHandle::is_finished);
            finished.extend(done);
            pending = open;
            tokio::task::yield_now().await;
        }
        for check in finished {
            assert_eq!(check.await.unwrap(), Err(HashingError::Busy));
        }
        assert_eq!((pending.len(), pool.allocated_threads()), (8, 1));
        assert_eq!(pool.check_capacity(), Err(HashingError::Busy));
        assert_eq!(pool.metrics().rejected_queue_full.get(), 993);
        drop(release);

        for check in pending {
            assert_eq!(check.await.unwrap(), Ok(PasswordCheck::Mismatch));
        }
        assert_eq!(pool.check_capacity(), Ok(()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_password_that_waited_longer_than_the_timeout_is_not_hashed() {
        let pool = pool(HashPoolOptions { queue_timeout: Duration::ZERO, ..one_thread() });

        assert_eq!(pool.hash(password("correct horse")).await, Err(HashingError::Busy));
        assert_eq!(pool.allocated_threads(), 0, "no memory was allocated for it");
        assert_eq!(pool.metrics().rejected_timeout.get(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pool_whose_threads_take_no_work_is_stuck() {
        let pool = Arc::new(pool(one_thread()));
        let release = occupy(&pool);
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.hash(password("correct horse")).await }
        });
        while pool.queue_length() == 0 {
            tokio::task::yield_now().await;
        }
        let timeout = HashPoolOptions::default().queue_timeout;
        let late = Instant::now() + 2 * timeout + STUCK_MARGIN + Duration::from_secs(1);

        assert!(!pool.is_stuck() && pool.queue.is_stuck_at(late));

        drop(release);
        assert!(waiting.await.unwrap().is_ok());
        assert!(!pool.queue.is_stuck_at(late), "the queue is empty");
        assert_eq!(pool.metrics().queue_time.snapshot().count(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_hashed_for_a_request_that_has_ended() {
        let pool = Arc::new(pool(one_thread()));
        let release = occupy(&pool);
        let (hashed, was_hashed) = mpsc::channel();
        let request = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                pool.run(move |_| {
                    hashed.send(()).unwrap();
                    Ok(())
                })
                .await
            })
        };
        while pool.queue_length() == 0 {
            tokio::task::yield_now().await;
        }

        request.abort();
        let _ = request.await;
        drop(release);

        pool.hash(password("the next one")).await.unwrap();
        assert!(was_hashed.try_recv().is_err());
    }

    #[tokio::test]
    async fn an_idle_thread_releases_its_memory() {
        let pool = pool(HashPoolOptions { idle_timeout: Duration::from_millis(1), ..one_thread() });

        pool.hash(password("correct horse")).await.unwrap();

        let released = async {
            while pool.allocated_threads() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), released).await.unwrap();
        assert!(pool.hash(password("allocated again")).await.is_ok());
    }

    #[tokio::test]
    async fn a_thread_survives_a_panic() {
        let pool = pool(one_thread());

        let result = pool.run(|_| -> Result<(), _> { panic!("a panic on purpose") }).await;

        assert_eq!(result, Err(HashingError::Busy));
        assert!(pool.hash(password("correct horse")).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn dropping_the_pool_ends_its_threads() {
        let pool = pool(HashPoolOptions { threads: 3, ..one_thread() });
        pool.hash(password("correct horse")).await.unwrap();
        let queue = Arc::clone(&pool.queue);

        tokio::task::block_in_place(|| drop(pool));

        assert_eq!(Arc::strong_count(&queue), 1);
    }
}
