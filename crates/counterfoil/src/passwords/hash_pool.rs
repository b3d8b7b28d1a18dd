//! The thread pool that hashes passwords: a bounded queue with a timeout.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::oneshot;

use counterfoil_core::credentials::password::{Argon2Cost, PasswordHash, PlaintextPassword};
use counterfoil_core::services::password_hasher::{
    HashMemory, HashingError, PasswordHasher, Requester, Verification,
};
use counterfoil_core::services::password_policy::{NewPassword, PasswordError};
use counterfoil_jose::Secret;

use crate::passwords::delayed_refusals::DelayedRefusals;
use crate::passwords::hash_queue::{HashPoolMetrics, HashPoolOptions, HashQueue, Job};
use crate::passwords::scheme_times::SchemeTimes;

/// Hashes passwords on its own threads, each with its own memory.
///
/// A burst of logins uses at most the memory of all threads; beyond the queue size, passwords are rejected at
/// once. New passwords are validated on a thread of their own, so that logins do not wait for it. Dropping the pool waits
/// for the hashes in progress and ends the threads.
#[derive(Debug)]
pub(crate) struct HashPool {
    hashing: Threads,
    validation: Threads,
    schemes: Arc<SchemeTimes>,
    /// The scheme of our own hashes, which the dummy hash has too.
    own_scheme: String,
    /// Refusals that wait without a verification. They hold no thread; the limits bound their memory.
    delayed_refusals: DelayedRefusals,
    refusals_not_delayed: Counter,
}

/// The threads that work on one queue.
#[derive(Debug)]
struct Threads {
    queue: Arc<HashQueue>,
    handles: Vec<JoinHandle<()>>,
}

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness.
    pub(crate) fn start(cost: Argon2Cost, options: HashPoolOptions) -> Result<Self, HashingError> {
        let memory = HashMemory::new(cost)?;
        let max_delayed = options.max_delayed_refusals;
        Ok(Self {
            own_scheme: PasswordHash::dummy(cost).map_err(|_| HashingError::Randomness)?.scheme(),
            hashing: Threads::start("hashing", options, &memory),
            validation: Threads::start("validation", HashPoolOptions { threads: 1, ..options }, &memory),
            schemes: Arc::default(),
            delayed_refusals: DelayedRefusals::new(max_delayed, options.share_of(max_delayed)),
            refusals_not_delayed: Counter::default(),
        })
    }

    /// Measures the scheme of this hash, if its time is not known: verifies a password that does not match.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::verify`].
    pub(crate) async fn measure_scheme(&self, hash: PasswordHash) -> Result<(), HashingError> {
        if self.schemes.contains(&hash.scheme()) {
            return Ok(());
        }
        let password = PlaintextPassword::new(&Secret::new("no password of anyone".to_owned()));
        self.verify(password, Some(hash), Requester::default()).await.map(|_| ())
    }

    /// The number of threads that hold memory now.
    pub(crate) fn allocated_threads(&self) -> usize {
        self.hashing.queue.allocated_threads()
    }

    /// The metrics since the start.
    pub(crate) fn metrics(&self) -> &HashPoolMetrics {
        &self.hashing.queue.metrics
    }

    /// The metrics of the validation of new passwords since the start.
    pub(crate) fn validation_metrics(&self) -> &HashPoolMetrics {
        &self.validation.queue.metrics
    }

    /// Refused logins that were answered without a delay, because too many waited.
    pub(crate) fn refusals_not_delayed(&self) -> u64 {
        self.refusals_not_delayed.get()
    }

    /// The number of passwords that wait for a thread.
    pub(crate) fn queue_length(&self) -> usize {
        self.hashing.queue.len()
    }

    /// Fails at once if a password would be rejected, before a request is read or a user looked up. The queue checks
    /// again when the password is queued.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] or [`HashingError::ShareExceeded`], for every user alike.
    pub(crate) fn check_capacity(&self, requester: &Requester) -> Result<(), HashingError> {
        self.hashing.queue.check_capacity(requester)
    }

    /// Whether a password has waited far longer than the queue timeout: no thread takes work any more.
    pub(crate) fn is_stuck(&self) -> bool {
        let now = Instant::now();
        self.hashing.queue.is_stuck_at(now) || self.validation.queue.is_stuck_at(now)
    }
}

impl Threads {
    fn start(name: &str, options: HashPoolOptions, memory: &HashMemory) -> Self {
        let queue = Arc::new(HashQueue::new(options));
        let handles = (0..options.threads.max(1))
            .map(|number| {
                let (queue, memory) = (Arc::clone(&queue), memory.for_another_worker());
                let thread = thread::Builder::new().name(format!("{name}-{number}"));
                thread.spawn(move || queue.run_thread(memory)).expect("a thread can be created at the start")
            })
            .collect();
        Self { queue, handles }
    }

    /// Runs `work` on a thread.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] if the queue is full, the queue timeout has passed, or `work` panicked;
    /// [`HashingError::ShareExceeded`] if the requester has used its share.
    async fn run<T: Send + 'static>(
        &self,
        requester: Requester,
        work: impl FnOnce(&mut HashMemory) -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let (sender, receiver) = oneshot::channel();
        let work = move |memory: Result<&mut HashMemory, HashingError>| -> Box<dyn FnOnce()> {
            // Nothing is hashed for a request that has ended.
            if sender.is_closed() {
                return Box::new(|| ());
            }
            let result = memory.and_then(work);
            Box::new(move || drop(sender.send(result)))
        };
        self.queue.push(Job::new(requester, Box::new(work)))?;
        // A panic in `work` drops the sender.
        receiver.await.unwrap_or(Err(HashingError::Busy))
    }
}

#[async_trait]
impl PasswordHasher for HashPool {
    async fn hash(
        &self,
        password: PlaintextPassword,
        requester: Requester,
    ) -> Result<PasswordHash, HashingError> {
        self.hashing.run(requester, move |memory| memory.hash(&password)).await
    }

    async fn verify(
        &self,
        password: PlaintextPassword,
        kept: Option<PasswordHash>,
        requester: Requester,
    ) -> Result<Verification, HashingError> {
        let scheme = kept.as_ref().map_or_else(|| self.own_scheme.clone(), PasswordHash::scheme);
        let schemes = Arc::clone(&self.schemes);
        let verify = move |memory: &mut HashMemory| {
            let started = Instant::now();
            let check = memory.verify(&password, kept.as_ref());
            let took = started.elapsed();
            schemes.record(&scheme, took, started);
            Ok(Verification { check, took })
        };
        self.hashing.run(requester, verify).await
    }

    async fn validate_new(
        &self,
        new: NewPassword,
        requester: Requester,
    ) -> Result<Result<(), PasswordError>, HashingError> {
        self.validation.run(requester, move |_| new.validate()).await
    }

    async fn delay_refusal(&self, verified_in: Option<Duration>, requester: Requester) {
        let _waiting = match verified_in {
            // Verifications are limited by the threads, so few of them wait here.
            Some(Duration::ZERO) | None => match self.delayed_refusals.start(requester.client_ip) {
                Some(waiting) => Some(waiting),
                None => {
                    self.refusals_not_delayed.inc();
                    return;
                }
            },
            Some(_) => None,
        };
        tokio::time::sleep(self.schemes.remaining(verified_in.unwrap_or_default())).await;
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.handles.drain(..) {
            // A panic outside a job was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
