//! The background task that follows the revocation feed, and what the rest of the verifier sees of it.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use counterfoil_jose::{Time, random};

use crate::abort_on_drop::AbortOnDrop;
use crate::authenticator::Clock as _;
use crate::clock::issuer_clock::IssuerClock;
use crate::clock::lease_clock::LeaseClock;
use crate::feed::client::FeedClient;
use crate::feed::error::FeedError;
use crate::feed::follower::{
    Follower, FollowerAction, FollowerEvent, FreshnessChange, PollRequest, Publication, StaleReason,
};
use crate::feed::freshness::{FeedFreshness, FreshnessState};
use crate::feed::wire::FeedResponse;
use crate::revocation::Revocations;
use crate::revocation::freshness::Freshness;

/// The longest sleep before the clock is read again: a suspended machine may have slept longer.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// How often expired entries are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Receives the hash of the issuer's key set, or `None` when the feed is lost.
pub(crate) type OnKeys = Box<dyn Fn(Option<&str>) + Send + Sync>;

/// Follows the feed in the background. Dropping it ends the task; then the lease ends too.
pub(crate) struct FeedTask {
    shared: Arc<Shared>,
    _task: AbortOnDrop,
}

/// What the task needs, besides its client.
pub(crate) struct FeedParts {
    pub(crate) follower: Follower,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: Arc<IssuerClock>,
    pub(crate) lease_clock: Arc<LeaseClock>,
    pub(crate) max_entries: usize,
    /// For the log.
    pub(crate) issuer: Arc<str>,
    pub(crate) on_keys: OnKeys,
}

struct Shared {
    revocations: Arc<Revocations>,
    clock: Arc<IssuerClock>,
    lease_clock: Arc<LeaseClock>,
    started_at: Duration,
    status: Mutex<Status>,
    state: watch::Sender<FeedState>,
}

/// What the task was last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedState {
    /// No poll has failed yet, and none was complete.
    Starting,
    Fresh,
    Stale,
}

/// What the task reports after each event.
#[derive(Debug, Clone)]
struct Status {
    follower: FollowerStatus,
    times_stale: u64,
    last_error: Option<Arc<FeedError>>,
}

#[derive(Debug, Clone, Copy)]
struct FollowerStatus {
    complete_at: Option<Duration>,
    head: crate::revocation::log::RevocationPosition,
    polls: u64,
    failed_polls: u64,
    stale_reason: StaleReason,
}

impl FeedTask {
    /// Starts the task on `runtime`.
    pub(crate) fn start(runtime: &Handle, client: FeedClient, parts: FeedParts) -> Self {
        let FeedParts { follower, revocations, clock, lease_clock, max_entries, issuer, on_keys } = parts;
        let status = Status { follower: status_of(&follower), times_stale: 0, last_error: None };
        let shared = Arc::new(Shared {
            revocations,
            clock,
            started_at: lease_clock.uptime(),
            lease_clock,
            status: Mutex::new(status),
            state: watch::Sender::new(FeedState::Starting),
        });
        let driver = Driver {
            follower,
            shared: Arc::clone(&shared),
            max_entries,
            issuer,
            on_keys,
            pruned_at: shared.started_at,
            last_error: None,
            times_stale: 0,
        };
        let task = runtime.spawn(run(driver, client));
        Self { shared, _task: AbortOnDrop::new(&task) }
    }

    /// Whether the first poll is still in progress.
    pub(crate) fn is_starting(&self) -> bool {
        *self.shared.state.borrow() == FeedState::Starting
    }

    /// Waits until the first complete poll or the first failure.
    pub(crate) async fn wait_until_started(&self) {
        self.wait_for(|state| state != FeedState::Starting).await;
    }

    /// Waits until the verifier is fresh.
    pub(crate) async fn wait_until_fresh(&self) {
        self.wait_for(|state| state == FeedState::Fresh).await;
    }

    async fn wait_for(&self, is_reached: impl Fn(FeedState) -> bool) {
        let mut state = self.shared.state.subscribe();
        // The sender lives as long as `self`, so this does not fail.
        let _ = state.wait_for(|state| is_reached(*state)).await;
    }

    /// What is known, and how new that is.
    pub(crate) fn freshness(&self) -> FeedFreshness {
        let Shared { revocations, clock, lease_clock, .. } = &*self.shared;
        let Status { follower, times_stale, last_error } = self.shared.status().clone();
        let (uptime, now) = (lease_clock.uptime(), clock.now());
        let end = match revocations.freshness() {
            Freshness::Until(end) => end.since(Time::EPOCH),
            Freshness::Always => Duration::MAX,
        };
        let state = if uptime < end {
            FreshnessState::Fresh { until: now + (end - uptime) }
        } else {
            let since = if end.is_zero() { self.shared.started_at } else { end };
            FreshnessState::Stale { since: now - (uptime - since), reason: follower.stale_reason }
        };
        FeedFreshness {
            state,
            lag: follower.complete_at.map(|at| uptime.saturating_sub(at)),
            position: revocations.head(),
            head: follower.head,
            entries: revocations.len(),
            memory_bytes: revocations.memory_bytes(),
            polls: follower.polls,
            failed_polls: follower.failed_polls,
            times_stale,
            last_error,
        }
    }
}

impl fmt::Debug for FeedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedTask").field("freshness", &self.freshness()).finish_non_exhaustive()
    }
}

impl Shared {
    /// The status is consistent even after a panic, because it is replaced as a whole.
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(mut driver: Driver, mut client: FeedClient) {
    let mut next_poll = driver.report(FollowerEvent::Timer);
    loop {
        next_poll = match next_poll {
            Some(request) => {
                let response = driver.poll(&mut client, &request).await;
                driver.take_response(&request, response)
            }
            None => {
                driver.sleep().await;
                driver.report(FollowerEvent::Timer)
            }
        };
    }
}

/// Carries out what the follower decides.
struct Driver {
    follower: Follower,
    shared: Arc<Shared>,
    max_entries: usize,
    issuer: Arc<str>,
    on_keys: OnKeys,
    pruned_at: Duration,
    last_error: Option<Arc<FeedError>>,
    times_stale: u64,
}

impl Driver {
    /// Waits for the response, and meanwhile for the end of the lease.
    async fn poll(
        &mut self,
        client: &mut FeedClient,
        request: &PollRequest,
    ) -> Result<FeedResponse, FeedError> {
        let mut response = pin!(client.poll(request));
        loop {
            tokio::select! {
                response = &mut response => return response,
                () = self.sleep() => {
                    let next = self.report(FollowerEvent::Timer);
                    debug_assert!(next.is_none(), "a poll is in progress");
                }
            }
        }
    }

    fn take_response(
        &mut self,
        request: &PollRequest,
        response: Result<FeedResponse, FeedError>,
    ) -> Option<PollRequest> {
        let response = match response.and_then(|response| self.check_size(response)) {
            Ok(response) => response,
            Err(error) => return self.take_failure(request, error),
        };
        self.last_error = None;
        let next = self.report(FollowerEvent::Response(Box::new(response)));
        if next.is_none() && self.follower.is_polling() {
            return self.take_failure(request, FeedError::WrongResponse);
        }
        next
    }

    fn take_failure(&mut self, request: &PollRequest, error: FeedError) -> Option<PollRequest> {
        let failure = error.failure();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::debug!(%error, cause, issuer = &*self.issuer, "a poll of the revocation feed failed");
        self.last_error = Some(Arc::new(error));
        let jitter = random::bytes::<1>().map_or(0, |[byte]| byte);
        self.report(FollowerEvent::PollFailed { poll: request.poll, failure, jitter })
    }

    /// Refuses more entries than may be held. An issuer that was taken over must not exhaust the memory of its verifiers.
    fn check_size(&self, response: FeedResponse) -> Result<FeedResponse, FeedError> {
        let held = || self.shared.revocations.len().saturating_add(response.entries.len());
        if held() > self.max_entries {
            self.shared.revocations.prune(self.shared.clock.now());
        }
        if held() > self.max_entries {
            return Err(FeedError::TooManyEntries { max: self.max_entries });
        }
        Ok(response)
    }

    /// Reports an event, and carries out what follows from it. Returns the poll to send next, if it is time.
    fn report(&mut self, event: FollowerEvent) -> Option<PollRequest> {
        let mut next_poll = None;
        let mut actions = self.follower.handle(event, self.shared.lease_clock.uptime());
        while !actions.is_empty() {
            let mut further = Vec::new();
            for action in actions {
                match action {
                    FollowerAction::SendPoll(request) => next_poll = Some(request),
                    FollowerAction::Publish(publication) => {
                        self.publish(&publication);
                        let uptime = self.shared.lease_clock.uptime();
                        further.extend(self.follower.handle(FollowerEvent::Published, uptime));
                    }
                    FollowerAction::AnnounceKeys(hash) => (self.on_keys)(Some(&hash)),
                    FollowerAction::Report(change) => self.report_change(change),
                }
            }
            actions = further;
        }
        *self.shared.status() = Status {
            follower: status_of(&self.follower),
            times_stale: self.times_stale,
            last_error: self.last_error.clone(),
        };
        next_poll
    }

    /// First the entries, then the lease: a thread that sees the lease sees the entries.
    fn publish(&mut self, publication: &Publication) {
        let Shared { revocations, clock, lease_clock, .. } = &*self.shared;
        let uptime = lease_clock.uptime();
        clock.tell(publication.issuer_time, uptime);
        if !publication.entries.is_empty() || revocations.head() < publication.position {
            revocations.publish(&publication.entries, publication.position);
        }
        if uptime.saturating_sub(self.pruned_at) >= PRUNE_INTERVAL {
            revocations.prune(clock.now());
            self.pruned_at = uptime;
        }
        if let Some(end) = publication.fresh_until {
            revocations.set_freshness(Freshness::Until(Time::EPOCH + end));
        }
    }

    fn report_change(&mut self, change: FreshnessChange) {
        let revocations = &self.shared.revocations;
        let (issuer, position, entries) = (&*self.issuer, revocations.head().number(), revocations.len());
        let state = match change {
            FreshnessChange::Fresh => {
                tracing::info!(issuer, position, entries, "the revocations are up to date");
                FeedState::Fresh
            }
            FreshnessChange::Stale(reason) => {
                let error = self.last_error.as_ref().map(ToString::to_string);
                let reason = error.unwrap_or_else(|| reason.to_string());
                tracing::warn!(issuer, position, entries, reason, "the revocations are stale");
                self.times_stale += 1;
                (self.on_keys)(None);
                FeedState::Stale
            }
        };
        self.shared.state.send_replace(state);
    }

    /// Waits until the follower must be woken.
    async fn sleep(&self) {
        let uptime = self.shared.lease_clock.uptime();
        let wake_at = self.follower.wake_at().map_or(MAX_SLEEP, |at| at.saturating_sub(uptime));
        sleep(wake_at.min(MAX_SLEEP)).await;
    }
}

fn status_of(follower: &Follower) -> FollowerStatus {
    FollowerStatus {
        complete_at: follower.complete_at(),
        head: follower.head(),
        polls: follower.polls(),
        failed_polls: follower.failed_polls(),
        stale_reason: follower.stale_reason(),
    }
}
