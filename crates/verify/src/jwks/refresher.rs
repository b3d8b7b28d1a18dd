//! The one task that follows an issuer's keys, and those who wait for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use counterfoil_jose::{Time, random};

use crate::authenticator::Now;
use crate::jwks::error::{FetchError, FollowError};
use crate::jwks::fetch::{Fetched, Fetcher};
use crate::jwks::options::Follow;
use crate::jwks::refresh_policy::{Advice, Schedule, Want};
use crate::jwks::status::FollowerStatus;
use crate::token::verifier::TokenVerifier;

/// The longest rest without a look at the clock, which may have leapt.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// How many requests may wait for keys at once. Whoever comes on top is told to come again.
const MOST_WAITING: usize = 1024;

/// Keeps the keys of a [`TokenVerifier`] those of its issuer. Cloning it is cheap; the last one ends the task.
///
/// It fetches by itself before the keys are stale, and when somebody shows a token with a key that is not
/// there; never twice at once, and for strangers at most once in each cool-down. Keys that cannot be
/// fetched anew stay, up to a limit; then, and before the first were loaded, nobody is let in.
#[derive(Clone)]
pub struct JwksFollower {
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

struct Shared {
    tokens: Arc<TokenVerifier>,
    clock: Arc<dyn Now>,
    /// Until when the keys are believed, in Unix milliseconds; what each request looks at.
    good_until: AtomicU64,
    state: Mutex<State>,
    /// Wakes the task where something is wanted.
    wanted: Notify,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
    waiting: Semaphore,
}

struct State {
    schedule: Schedule,
    digest: Option<[u8; 32]>,
    keys: usize,
    fetched_at: Option<Time>,
    last_error: Option<Arc<FetchError>>,
}

/// Ends the task with the last follower.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl JwksFollower {
    /// Follows for `tokens`, which `fetcher` knows the issuer of, on the runtime of the caller.
    pub(crate) fn start(
        tokens: Arc<TokenVerifier>,
        fetcher: Fetcher,
        follow: &Follow,
    ) -> Result<Self, FollowError> {
        let runtime = Handle::try_current().map_err(|_| FollowError::NoRuntime)?;
        let state = State {
            schedule: Schedule::new(follow.pace),
            digest: None,
            keys: 0,
            fetched_at: None,
            last_error: None,
        };
        let shared = Arc::new(Shared {
            tokens,
            clock: Arc::clone(&follow.clock),
            good_until: AtomicU64::new(0),
            state: Mutex::new(state),
            wanted: Notify::new(),
            ended: watch::Sender::new(0),
            waiting: Semaphore::new(MOST_WAITING),
        });
        let task = runtime.spawn(keep_following(Arc::clone(&shared), fetcher));
        Ok(Self { shared, _task: Arc::new(Task(task.abort_handle())) })
    }

    /// How it stands.
    pub fn status(&self) -> FollowerStatus {
        let state = self.shared.state();
        FollowerStatus {
            keys: state.keys,
            fetched_at: state.fetched_at,
            good_until: state.schedule.good_until(),
            fetches: state.schedule.begun(),
            failures: state.schedule.failures(),
            last_error: state.last_error.clone(),
        }
    }

    /// Waits until the first fetch has ended, in vain or not.
    pub async fn first_fetch(&self) -> FollowerStatus {
        self.wait(1).await;
        self.status()
    }

    /// Whether there are keys that may be believed at `now`.
    pub(crate) fn has_keys(&self, now: Time) -> bool {
        now.unix_ms() < self.shared.good_until.load(Ordering::Acquire)
    }

    /// Whether the last fetch failed, so that nobody knows what the keys are now.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.state().schedule.failures() > 0
    }

    /// Says that keys are wanted, and what is to be waited for, if anything.
    pub(crate) fn want(&self, want: Want, now: Time) -> Advice {
        let advice = self.shared.state().schedule.want(want, now);
        if let Advice::Wait(_) = advice {
            self.shared.wanted.notify_one();
        }
        advice
    }

    /// A place among those who wait, if there is one.
    pub(crate) fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.shared.waiting.try_acquire().ok()
    }

    /// Waits until so many fetches have ended.
    pub(crate) async fn wait(&self, fetches: u64) {
        let mut ended = self.shared.ended.subscribe();
        // The sender lives as long as this does.
        let _ = ended.wait_for(|ended| *ended >= fetches).await;
    }
}

async fn keep_following(shared: Arc<Shared>, mut fetcher: Fetcher) {
    loop {
        shared.rest().await;
        let began = shared.begin();
        let fetched = fetcher.fetch(began).await;
        shared.end(began, fetched);
    }
}

impl Shared {
    /// Nothing that holds the lock can panic, so what a thread left behind is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a fetch is due or wanted.
    async fn rest(&self) {
        loop {
            let rest = self.state().schedule.rest(self.clock.now());
            if rest.is_zero() {
                return;
            }
            let _ = timeout(rest.min(LONGEST_REST), self.wanted.notified()).await;
        }
    }

    fn begin(&self) -> Time {
        let now = self.clock.now();
        self.state().schedule.begin(now);
        now
    }

    /// Makes what was fetched known, and then wakes those who wait for it.
    fn end(&self, began: Time, fetched: Result<Fetched, FetchError>) {
        let now = self.clock.now();
        let jitter = random::bytes::<1>().map_or(0, |[byte]| byte);
        match fetched {
            Ok(fetched) => self.take(fetched, began, jitter, now),
            Err(error) => self.keep(error, jitter, now),
        }
        self.ended.send_modify(|ended| *ended += 1);
    }

    fn take(&self, fetched: Fetched, began: Time, jitter: u8, now: Time) {
        let mut state = self.state();
        let changed = state.digest != Some(fetched.digest);
        state.keys = fetched.keys.len();
        if changed {
            tracing::info!(keys = state.keys, issuer = self.tokens.issuer(), "the issuer's keys are others");
            // Before anybody may believe them. Tokens that the same keys verified stay remembered.
            self.tokens.set_keys(fetched.keys);
        }
        state.schedule.succeed(fetched.fresh_for, changed, jitter, now);
        state.digest = Some(fetched.digest);
        state.fetched_at = Some(began);
        state.last_error = None;
        let good_until = state.schedule.good_until().map_or(0, Time::unix_ms);
        self.good_until.store(good_until, Ordering::Release);
    }

    fn keep(&self, error: FetchError, jitter: u8, now: Time) {
        let mut state = self.state();
        state.schedule.fail(jitter, now);
        let failures = state.schedule.failures();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let issuer = self.tokens.issuer();
        tracing::warn!(%error, cause, failures, issuer, "the issuer's keys were not fetched");
        state.last_error = Some(Arc::new(error));
    }
}

impl fmt::Debug for JwksFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksFollower").field("status", &self.status()).finish_non_exhaustive()
    }
}
