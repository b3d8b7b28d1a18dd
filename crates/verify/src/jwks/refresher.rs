//! The background task that keeps the keys of a token verifier current, and the requests that wait for it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;

use counterfoil_jose::{Time, base64url, random};

use crate::abort_on_drop::AbortOnDrop;
use crate::authenticator::Clock;
use crate::jwks::error::{FetchError, RemoteVerifierError};
use crate::jwks::fetch::{FetchedKeys, JwksClient};
use crate::jwks::options::JwksOptions;
use crate::jwks::refresh_policy::{RefreshAdvice, RefreshPolicy, RefreshRequest};
use crate::jwks::status::JwksStatus;
use crate::token::verifier::TokenVerifier;

/// The longest sleep before the clock is read again, because it may have jumped.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// How many requests may wait for keys at once. Further requests get 503.
const MAX_WAITING_REQUESTS: usize = 1024;

/// Keeps the keys of a [`TokenVerifier`] current. A clone is cheap; dropping the last one ends the task.
///
/// The task fetches keys before they are stale, and when a token names an unknown key: never twice at once,
/// and for unknown keys at most once in each cooldown. If fetching fails, the current keys are used up to a
/// limit. After it, and before the first successful fetch, every token is refused.
#[derive(Clone)]
pub struct JwksRefresher {
    shared: Arc<Shared>,
    _task: Arc<AbortOnDrop>,
}

struct Shared {
    tokens: Arc<TokenVerifier>,
    clock: Arc<dyn Clock>,
    /// Until when the keys may be used, in Unix milliseconds. Read for each request.
    valid_until: AtomicU64,
    state: Mutex<State>,
    /// Wakes the task when a fetch is requested.
    refresh_requested: Notify,
    /// The number of completed fetches.
    completed_fetches: watch::Sender<u64>,
    waiting: Semaphore,
}

struct State {
    policy: RefreshPolicy,
    /// The hash of the issuer's key set, as base64url, while the revocation feed announces it.
    announced: Option<Arc<str>>,
    digest: Option<[u8; 32]>,
    keys: usize,
    fetched_at: Option<Time>,
    last_error: Option<Arc<FetchError>>,
}

impl JwksRefresher {
    /// Starts the task for `tokens` on the caller's runtime. `client` must be for the same issuer.
    pub(crate) fn start(
        tokens: Arc<TokenVerifier>,
        client: JwksClient,
        options: &JwksOptions,
    ) -> Result<Self, RemoteVerifierError> {
        let runtime = Handle::try_current().map_err(|_| RemoteVerifierError::NoRuntime)?;
        let state = State {
            policy: RefreshPolicy::new(options.limits),
            announced: None,
            digest: None,
            keys: 0,
            fetched_at: None,
            last_error: None,
        };
        let shared = Arc::new(Shared {
            tokens,
            clock: Arc::clone(&options.clock),
            valid_until: AtomicU64::new(0),
            state: Mutex::new(state),
            refresh_requested: Notify::new(),
            completed_fetches: watch::Sender::new(0),
            waiting: Semaphore::new(MAX_WAITING_REQUESTS),
        });
        let task = runtime.spawn(run(Arc::clone(&shared), client));
        Ok(Self { shared, _task: Arc::new(AbortOnDrop::new(&task)) })
    }

    /// The current status.
    pub fn status(&self) -> JwksStatus {
        let state = self.shared.state();
        JwksStatus {
            keys: state.keys,
            fetched_at: state.fetched_at,
            valid_until: state.policy.valid_until(),
            fetches: state.policy.fetches(),
            consecutive_failures: state.policy.consecutive_failures(),
            last_error: state.last_error.clone(),
        }
    }

    /// Waits until the first fetch has completed, successfully or not.
    pub async fn wait_for_first_fetch(&self) -> JwksStatus {
        self.wait_for_fetches(1).await;
        self.status()
    }

    /// Whether there are keys that may be used at `now`.
    pub(crate) fn has_valid_keys(&self, now: Time) -> bool {
        now.unix_ms() < self.shared.valid_until.load(Ordering::Acquire)
    }

    /// Whether the last fetch failed, so that the issuer's current keys are unknown.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.state().policy.consecutive_failures() > 0
    }

    /// Requests a fetch, and returns what to do next.
    pub(crate) fn request_refresh(&self, request: RefreshRequest, now: Time) -> RefreshAdvice {
        let advice = self.shared.state().policy.request_refresh(request, now);
        if let RefreshAdvice::WaitForFetch(_) = advice {
            self.shared.refresh_requested.notify_one();
        }
        advice
    }

    /// A handle that does not keep the task running.
    pub(crate) fn downgrade(&self) -> AnnouncedKeys {
        AnnouncedKeys(Arc::downgrade(&self.shared))
    }

    /// A permit to wait for keys; `None` if too many requests already wait.
    pub(crate) fn try_wait_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.shared.waiting.try_acquire().ok()
    }

    /// Waits until this many fetches have completed.
    pub(crate) async fn wait_for_fetches(&self, fetches: u64) {
        let mut completed = self.shared.completed_fetches.subscribe();
        // The sender lives as long as `self`, so this does not fail.
        let _ = completed.wait_for(|completed| *completed >= fetches).await;
    }
}

/// Takes announcements of the issuer's key set.
pub(crate) struct AnnouncedKeys(Weak<Shared>);

impl AnnouncedKeys {
    /// Takes the hash of the issuer's key set from the revocation feed, as base64url, and fetches the keys unless they are the
    /// current ones. From then on only a key set with this hash is used; `None` ends that, when the feed is lost.
    pub(crate) fn announce(&self, hash: Option<&str>) {
        let Some(shared) = self.0.upgrade() else { return };
        let mut state = shared.state();
        state.announced = hash.filter(|hash| is_sha256(hash)).map(Arc::from);
        if let Some(announced) = &state.announced
            && state.digest.map(base64url::encode).as_deref() != Some(announced)
        {
            let _ = state.policy.request_refresh(RefreshRequest::Announced, shared.clock.now());
            shared.refresh_requested.notify_one();
        }
    }
}

async fn run(shared: Arc<Shared>, mut client: JwksClient) {
    loop {
        shared.wait_until_due().await;
        let (started_at, announced) = shared.start_fetch();
        let fetched = client.fetch(announced.as_deref(), started_at).await;
        shared.finish_fetch(started_at, announced.as_deref(), fetched);
    }
}

fn is_sha256(hash: &str) -> bool {
    base64url::decode_exact::<32>(hash).is_ok()
}

impl Shared {
    /// The state is consistent even after a panic, because no code panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a fetch is due or requested.
    async fn wait_until_due(&self) {
        loop {
            let wait = self.state().policy.time_until_fetch(self.clock.now());
            if wait.is_zero() {
                return;
            }
            let _ = timeout(wait.min(MAX_SLEEP), self.refresh_requested.notified()).await;
        }
    }

    fn start_fetch(&self) -> (Time, Option<Arc<str>>) {
        let now = self.clock.now();
        let mut state = self.state();
        state.policy.start_fetch(now);
        (now, state.announced.clone())
    }

    /// Records the result of a fetch that started when the hash `expected` was announced, and then wakes the requests that
    /// wait for it.
    fn finish_fetch(
        &self,
        started_at: Time,
        expected: Option<&str>,
        fetched: Result<FetchedKeys, FetchError>,
    ) {
        let now = self.clock.now();
        let jitter = random::bytes::<1>().map_or(0, |[byte]| byte);
        match fetched {
            Ok(fetched) if self.is_announced(&fetched) => {
                self.install_keys(fetched, started_at, jitter, now);
            }
            Ok(_) if self.state().announced.as_deref() == expected => {
                self.record_failure(FetchError::NotAnnounced, jitter, now);
            }
            Ok(_) => self.state().policy.record_outdated(),
            Err(error) => self.record_failure(error, jitter, now),
        }
        self.completed_fetches.send_modify(|completed| *completed += 1);
    }

    /// Whether the keys are those that the feed announces, if it announces any.
    fn is_announced(&self, fetched: &FetchedKeys) -> bool {
        let state = self.state();
        state.announced.as_deref().is_none_or(|hash| hash == base64url::encode(fetched.digest))
    }

    fn install_keys(&self, fetched: FetchedKeys, started_at: Time, jitter: u8, now: Time) {
        let mut state = self.state();
        let changed = state.digest != Some(fetched.digest);
        state.keys = fetched.keys.len();
        if changed {
            tracing::info!(keys = state.keys, issuer = self.tokens.issuer(), "issuer keys changed");
            // Before `valid_until` allows their use. Unchanged keys keep the cache of verified tokens.
            self.tokens.set_keys(fetched.keys);
        }
        state.policy.record_success(fetched.fresh_for, changed, jitter, now);
        state.digest = Some(fetched.digest);
        state.fetched_at = Some(started_at);
        state.last_error = None;
        let valid_until = state.policy.valid_until().map_or(0, Time::unix_ms);
        self.valid_until.store(valid_until, Ordering::Release);
    }

    fn record_failure(&self, error: FetchError, jitter: u8, now: Time) {
        let mut state = self.state();
        state.policy.record_failure(jitter, now);
        let failures = state.policy.consecutive_failures();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let issuer = self.tokens.issuer();
        tracing::warn!(%error, cause, failures, issuer, "fetching the issuer keys failed");
        state.last_error = Some(Arc::new(error));
    }
}

impl fmt::Debug for JwksRefresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksRefresher").field("status", &self.status()).finish_non_exhaustive()
    }
}
