//! Follows the revocation feed: decides what to poll, what to publish and until when the verifier is fresh.
//!
//! It does no I/O and reads no clock, so that a simulation can drive it: events go in with the uptime, actions come out.
//!
//! ```text
//!             Timer                   Response                       Published
//!   waiting --------> poll in progress --------> publication in progress ----+
//!      ^   SendPoll          |         Publish                               |
//!      |                     | PollFailed                                    |
//!      +---------------------+-----------------------------------------------+
//! ```

mod action;
mod backoff;
mod event;
#[cfg(test)]
mod tests;

use std::time::Duration;

use counterfoil_jose::Time;

use crate::feed::wire::{FeedInstanceId, FeedResponse};
use crate::revocation::log::RevocationPosition;

pub use self::action::{
    FeedPosition, FollowerAction, FreshnessChange, PollRequest, Publication, StaleReason,
};
pub use self::event::{FollowerEvent, PollFailure};

/// The part of the lease that a poll waits: two further attempts fit into the rest.
const WAITS_PER_LEASE: u32 = 3;

/// The longest wait of a poll, so that a connection that is dead is noticed.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The time that a response may take beyond the wait of its poll: a third of the lease within these limits.
const MIN_RESPONSE_TIME: Duration = Duration::from_millis(250);
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(1);

/// The least time between two polls, however quickly revocations follow one another.
const MIN_INTERVAL: Duration = Duration::from_millis(5);

/// The pause after a response that came early with nothing new, as those of an issuer that shuts down.
const EARLY_PAUSE: Duration = Duration::from_millis(100);

/// One process that follows the feed.
///
/// All times are uptimes, by a clock that counts through suspend. Whatever is lost, delayed or repeated on the way: it is
/// fresh only for the time of the lease after it sent a poll whose response completed what it knows.
#[derive(Debug, Clone)]
pub struct Follower {
    instance: FeedInstanceId,
    /// For how long after its lease this process accepts credentials.
    stale: Duration,
    phase: Phase,
    /// The number of the last poll.
    polls: u64,
    /// What is published.
    position: Option<FeedPosition>,
    /// The head of the log, as last told.
    head: RevocationPosition,
    /// When the poll was sent whose response was complete.
    complete_at: Option<Duration>,
    fresh_until: Option<Duration>,
    /// The length of the lease, as last told.
    lease: Option<Duration>,
    last_failure: Option<PollFailure>,
    /// Failed polls since the last response.
    failures: u32,
    failed_polls: u64,
    /// The key set that was announced last.
    keys: Option<String>,
    /// Whether the driver was told that the verifier is fresh; `None` before it was told anything.
    reported_fresh: Option<bool>,
}

#[derive(Debug, Clone)]
enum Phase {
    /// The next poll is sent at this uptime.
    Waiting { poll_at: Duration },
    /// A poll is in progress.
    Polling { sent_at: Duration, wait: Duration },
    /// A response is being published.
    Publishing(Box<Pending>),
}

/// What holds as soon as the publication is visible.
#[derive(Debug, Clone)]
struct Pending {
    position: FeedPosition,
    complete_at: Option<Duration>,
    fresh_until: Option<Duration>,
    poll_at: Duration,
}

impl Follower {
    /// A follower that knows nothing. `instance` must be drawn at random by this process. `stale` is for how long it accepts
    /// credentials after its lease has ended; each poll contains it.
    pub const fn new(instance: FeedInstanceId, stale: Duration) -> Self {
        Self {
            instance,
            stale,
            phase: Phase::Waiting { poll_at: Duration::ZERO },
            polls: 0,
            position: None,
            head: RevocationPosition::START,
            complete_at: None,
            fresh_until: None,
            lease: None,
            last_failure: None,
            failures: 0,
            failed_polls: 0,
            keys: None,
            reported_fresh: None,
        }
    }

    /// Takes an event that happened at the uptime `now`, and returns what to do, in this order.
    pub fn handle(&mut self, event: FollowerEvent, now: Duration) -> Vec<FollowerAction> {
        let mut actions = match event {
            FollowerEvent::Timer => Vec::new(),
            FollowerEvent::Response(response) => self.take_response(*response, now),
            FollowerEvent::Published => self.finish_publication(),
            FollowerEvent::PollFailed { poll, failure, jitter } => {
                if poll == self.polls && self.is_polling() {
                    self.fail(failure, jitter, now);
                }
                Vec::new()
            }
        };
        actions.extend(self.freshness_change(now).map(FollowerAction::Report));
        actions.extend(self.next_poll(now).map(FollowerAction::SendPoll));
        actions
    }

    /// The uptime at which the driver reports [`FollowerEvent::Timer`]; `None` if it first reports something else.
    pub fn wake_at(&self) -> Option<Duration> {
        let poll_at = match self.phase {
            Phase::Waiting { poll_at } => Some(poll_at),
            Phase::Polling { .. } | Phase::Publishing(_) => None,
        };
        let stale_at = self.fresh_until.filter(|_| self.reported_fresh == Some(true));
        poll_at.into_iter().chain(stale_at).min()
    }

    /// Whether a poll is in progress.
    pub const fn is_polling(&self) -> bool {
        matches!(self.phase, Phase::Polling { .. })
    }

    /// Whether what is published may be used to accept a credential at `now`.
    pub fn is_fresh(&self, now: Duration) -> bool {
        self.fresh_until.is_some_and(|end| now < end)
    }

    /// The uptime at which the lease ends; `None` before the first complete response.
    pub const fn fresh_until(&self) -> Option<Duration> {
        self.fresh_until
    }

    /// When the poll was sent whose response completed what is published: what happened before is known.
    pub const fn complete_at(&self) -> Option<Duration> {
        self.complete_at
    }

    /// The position that is published, which the next poll acknowledges.
    pub const fn position(&self) -> Option<FeedPosition> {
        self.position
    }

    /// The head of the log, as the issuer last told it.
    pub const fn head(&self) -> RevocationPosition {
        self.head
    }

    /// How many polls were sent.
    pub const fn polls(&self) -> u64 {
        self.polls
    }

    /// How many polls failed.
    pub const fn failed_polls(&self) -> u64 {
        self.failed_polls
    }

    /// Why the verifier is stale, if it is.
    pub const fn stale_reason(&self) -> StaleReason {
        match (self.last_failure, self.complete_at) {
            (Some(failure), _) => StaleReason::PollFailed(failure),
            (None, None) => StaleReason::Starting,
            (None, Some(_)) => StaleReason::NoResponse,
        }
    }

    /// A response that is not for the poll in progress would renew a lease that the issuer does not know.
    fn take_response(&mut self, response: FeedResponse, now: Duration) -> Vec<FollowerAction> {
        let Phase::Polling { sent_at, wait } = self.phase else { return Vec::new() };
        if !response.answers(&self.instance, self.polls) {
            return Vec::new();
        }
        let position = FeedPosition { log: response.log, after: response.next };
        let is_progress = self.position != Some(position) || !response.entries.is_empty();
        if response.next > response.head || !response.is_complete() && !is_progress {
            self.fail(PollFailure::Invalid, u8::MAX, now);
            return Vec::new();
        }
        let lease = Duration::from_millis(response.lease_ms);
        let complete_at = response.is_complete().then_some(sent_at);
        let fresh_until = complete_at.map(|sent_at| sent_at.saturating_add(lease));
        let has_news = !response.is_complete() || response.snapshot || !response.entries.is_empty();
        let is_early = !has_news && (now.saturating_sub(sent_at) < wait / 4 || lease.is_zero());
        let poll_at = if is_early { now + EARLY_PAUSE } else { sent_at + MIN_INTERVAL };
        self.phase = Phase::Publishing(Box::new(Pending { position, complete_at, fresh_until, poll_at }));
        (self.lease, self.head) = (Some(lease), response.head);
        (self.failures, self.last_failure) = (0, None);
        let publication = Publication {
            position: response.next,
            fresh_until,
            issuer_time: Time::from_unix_seconds(response.now),
            entries: response.entries.into_iter().map(Into::into).collect(),
        };
        let keys = self.announced_keys(response.keys);
        [FollowerAction::Publish(publication)].into_iter().chain(keys).collect()
    }

    fn announced_keys(&mut self, keys: String) -> Option<FollowerAction> {
        if keys.is_empty() || self.keys.as_ref() == Some(&keys) {
            return None;
        }
        self.keys = Some(keys.clone());
        Some(FollowerAction::AnnounceKeys(keys))
    }

    fn finish_publication(&mut self) -> Vec<FollowerAction> {
        let Phase::Publishing(pending) = &self.phase else { return Vec::new() };
        let Pending { position, complete_at, fresh_until, poll_at } = **pending;
        self.position = Some(position);
        if fresh_until.is_some() {
            (self.complete_at, self.fresh_until) = (complete_at, fresh_until);
        }
        self.phase = Phase::Waiting { poll_at };
        Vec::new()
    }

    fn fail(&mut self, failure: PollFailure, jitter: u8, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.failed_polls += 1;
        self.last_failure = Some(failure);
        self.phase = Phase::Waiting { poll_at: now + backoff::delay(failure, self.failures, jitter) };
    }

    fn freshness_change(&mut self, now: Duration) -> Option<FreshnessChange> {
        let is_fresh = self.is_fresh(now);
        // A start is no change until a poll fails.
        let is_starting = self.reported_fresh.is_none() && self.last_failure.is_none();
        if self.reported_fresh == Some(is_fresh) || !is_fresh && is_starting {
            return None;
        }
        self.reported_fresh = Some(is_fresh);
        if is_fresh {
            return Some(FreshnessChange::Fresh);
        }
        // The key set may have changed meanwhile: it is announced again with the next response.
        self.keys = None;
        Some(FreshnessChange::Stale(self.stale_reason()))
    }

    fn next_poll(&mut self, now: Duration) -> Option<PollRequest> {
        let Phase::Waiting { poll_at } = self.phase else { return None };
        if now < poll_at {
            return None;
        }
        // While something is amiss the issuer answers at once, so that the verifier is fresh as soon as possible.
        let lease = self.lease.filter(|_| self.failures == 0 && self.is_fresh(now));
        let wait = lease.map_or(Duration::ZERO, |lease| (lease / WAITS_PER_LEASE).min(MAX_WAIT));
        let response_time = self.lease.map_or(MAX_RESPONSE_TIME, |lease| lease / WAITS_PER_LEASE);
        self.polls += 1;
        self.phase = Phase::Polling { sent_at: now, wait };
        Some(PollRequest {
            instance: self.instance.clone(),
            poll: self.polls,
            position: self.position,
            wait,
            stale: self.stale,
            timeout: wait + response_time.clamp(MIN_RESPONSE_TIME, MAX_RESPONSE_TIME),
        })
    }
}
