//! One poll of a verifier: records its lease, waits for something new, and encodes the response.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::services::revocation_feed::{
    Arrival, ArrivedPoll, Follower, LogState, SnapshotReason, Start, VerifierPosition, next_slot,
};
use counterfoil_verify::{FeedInstanceId, FeedResponse, RevocationPosition};

use crate::feed::Feed;
use crate::feed::body::PartsBody;
use crate::feed::error::FeedError;
use crate::feed::metrics::PollResult;
use crate::feed::recent_entries::EncodedEntries;

/// The longest part of the lease that a poll may wait: an unlucky verifier still has two further attempts.
const WAITS_PER_LEASE: u32 = 3;

/// How often the log names a verifier whose position is beyond the head.
const ALARM_INTERVAL: Duration = Duration::from_secs(60);

/// The parameters of a poll.
#[derive(Debug, Clone)]
pub(crate) struct PollRequest {
    /// The process that polls.
    pub(crate) instance: FeedInstanceId,
    /// The number of the poll.
    pub(crate) poll: u64,
    /// What the verifier has.
    pub(crate) position: VerifierPosition,
    /// How long to wait for something new.
    pub(crate) wait: Option<Duration>,
    /// For how long after its lease the verifier accepts credentials by what it knows.
    pub(crate) stale: Duration,
}

/// What a response consists of besides the entries.
struct ResponseHead {
    instance: FeedInstanceId,
    poll: u64,
    head: RevocationPosition,
    next: RevocationPosition,
    is_snapshot: bool,
}

impl Feed {
    /// Answers a poll.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written, or the key has too many instances or polls.
    pub(crate) async fn poll(
        &self,
        key: &VerifierKeyRecord,
        request: PollRequest,
    ) -> Result<PartsBody, FeedError> {
        let follower = Follower { key: key.id, instance: request.instance.clone() };
        let lease = self.settings.lease + request.stale;
        self.catch_up_with(request.position).await?;
        let (slot, continues) = self.record_arrival(key, &follower, &request, lease)?;
        let mut waiting = self.waiting.register(&follower);
        if let Some(delay) = slot.checked_sub(self.uptime()).filter(|delay| !delay.is_zero()) {
            self.metrics.delayed_polls.inc();
            tokio::select! {
                () = sleep(delay) => {}
                () = waiting.replaced() => return Err(self.refuse_poll(delay)),
            }
        }
        // Before anything is promised: a process that starts after a crash must know how long to wait. A refused poll
        // promises nothing.
        self.promised_lease.raise_to(lease).await?;
        let start = request.position.evaluate(&self.log_state(), continues);
        if let Start::After(after) = start {
            let wait = request.wait.unwrap_or(Duration::MAX).min(self.settings.lease / WAITS_PER_LEASE);
            tokio::select! {
                () = self.wait_beyond(after, wait) => {}
                () = waiting.replaced() => {}
            }
        }
        self.respond(&follower, request, start).await
    }

    /// Reads what another node has published to this verifier already: its position is not beyond the log.
    pub(super) async fn catch_up_with(&self, position: VerifierPosition) -> Result<(), FeedError> {
        match position.after {
            Some(after) if self.node.is_some() && position.log.is_none_or(|log| log == self.log) => {
                Ok(self.publication.catch_up(&*self.store, after).await?)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Gives the instance its lease. Returns the uptime at which the poll is served, and the position that it continues.
    fn record_arrival(
        &self,
        key: &VerifierKeyRecord,
        follower: &Follower,
        request: &PollRequest,
        lease: Duration,
    ) -> Result<(Duration, Option<RevocationPosition>), FeedError> {
        let (state, now) = (self.log_state(), self.uptime());
        if request.position.evaluate(&state, None) == Start::Snapshot(SnapshotReason::BeyondHead) {
            self.report_beyond_head(key, request, &state);
        }
        let arrived = ArrivedPoll {
            follower: follower.clone(),
            number: request.poll,
            acknowledged: request.position.acknowledged(&state),
            lease,
            at: now,
        };
        self.poll_rate.count(key.id, self.settings.polls_per_key, self.clock.now()).map_err(|wait| {
            self.metrics.poll(PollResult::Refused);
            FeedError::TooManyPolls(wait)
        })?;
        let mut leases = self.leases();
        match leases.record(&arrived) {
            Arrival::Next => {}
            Arrival::Repeated => {
                self.metrics.repeated_polls.inc();
            }
            Arrival::TooManyInstances => {
                self.metrics.poll(PollResult::Refused);
                return Err(FeedError::TooManyInstances(lease));
            }
        }
        let Some(instance) = leases.instance_mut(follower) else { return Ok((now, None)) };
        let (slot, paced_until) = next_slot(instance.paced_until, self.settings.polls_per_instance, now);
        instance.paced_until = paced_until;
        let continues = instance.continues;
        drop(leases);
        if let Some(position) = arrived.acknowledged {
            self.waits.acknowledged(position);
            if let Some(node) = &self.node {
                node.wake_if_awaited(position);
            }
        }
        Ok((slot, continues))
    }

    /// Logs that a verifier has seen entries that this store does not have, at most once in [`ALARM_INTERVAL`].
    fn report_beyond_head(&self, key: &VerifierKeyRecord, request: &PollRequest, state: &LogState) {
        let now_ms = u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX);
        let last = self.alarmed_at_ms.load(Ordering::Relaxed);
        let is_due = last == 0 || now_ms.saturating_sub(last) >= ALARM_INTERVAL.as_millis() as u64;
        if !is_due
            || self
                .alarmed_at_ms
                .compare_exchange(last, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        tracing::error!(
            key = %key.id, name = key.name, instance = %request.instance, head = state.head.number(),
            after = request.position.after.map(RevocationPosition::number),
            "a verifier has seen revocations that this store does not have: the store was rolled back; stop the server and \
             restore the backup with `counterfoil restore`"
        );
    }

    fn refuse_poll(&self, wait: Duration) -> FeedError {
        self.metrics.poll(PollResult::Refused);
        FeedError::TooManyPolls(wait)
    }

    /// Waits until there is an entry after `after`, the time is over, or the server shuts down.
    async fn wait_beyond(&self, after: RevocationPosition, wait: Duration) {
        let mut published = self.publication.subscribe();
        let is_over = published.wait_for(|published| published.head > after || published.is_closed);
        // The sender lives as long as the feed.
        let _ = timeout(wait, is_over).await;
    }

    /// The response with what is published now.
    async fn respond(
        &self,
        follower: &Follower,
        request: PollRequest,
        start: Start,
    ) -> Result<PartsBody, FeedError> {
        let head = self.publication.published().head;
        let is_snapshot = matches!(start, Start::Snapshot(_));
        let after = match start {
            Start::After(after) => after,
            Start::Snapshot(reason) => {
                self.metrics.snapshot(reason);
                RevocationPosition::START
            }
        };
        let (entries, next) = self.entries_after(after, head).await?;
        // After the head and the entries were read: the verifier may rely on nothing that this node itself may not.
        self.check_node_lease()?;
        if let Some(instance) = self.leases().instance_mut(follower) {
            instance.continues = (next < head).then_some(next);
        }
        self.metrics.poll(if entries.count > 0 { PollResult::Entries } else { PollResult::Empty });
        let PollRequest { instance, poll, .. } = request;
        let keys = self.key_set.without(&entries.revoked_keys).await;
        // A shared page of a snapshot can reach further than the head that was read before.
        let head = head.max(next);
        Ok(self.encode(ResponseHead { instance, poll, head, next, is_snapshot }, &keys, entries))
    }

    /// The active entries after `after`, from memory if all of them are there, and the position up to which the verifier
    /// has every entry with them.
    pub(super) async fn entries_after(
        &self,
        after: RevocationPosition,
        head: RevocationPosition,
    ) -> Result<(EncodedEntries, RevocationPosition), FeedError> {
        if let Some(entries) = self.publication.entries(after, head) {
            return Ok((entries, head.max(after)));
        }
        let page = self.snapshot_pages.page(after, head).await?;
        Ok((page.entries, page.complete_up_to))
    }

    fn encode(&self, response: ResponseHead, keys: &str, entries: EncodedEntries) -> PartsBody {
        let ResponseHead { instance, poll, head, next, is_snapshot } = response;
        let response = FeedResponse {
            log: self.log,
            instance,
            poll,
            // Not a time to which the clock has jumped: a verifier never turns back a time that it was given.
            now: self.clock.checkpoint().unix_seconds(),
            lease_ms: u64::try_from(self.settings.lease.as_millis()).unwrap_or(u64::MAX),
            head,
            next,
            snapshot: is_snapshot,
            keys: keys.to_owned(),
            entries: Vec::new(),
        };
        let json = serde_json::to_string(&response).expect("numbers and texts always serialize");
        // The entries are the last member. They are encoded already, once for all verifiers.
        let beginning = json.strip_suffix("]}").unwrap_or(&json).to_owned();
        PartsBody::new([Bytes::from(beginning), entries.json, Bytes::from_static(b"]}")])
    }

    pub(super) fn log_state(&self) -> LogState {
        let pruned = self.publication.complete_after();
        LogState { id: self.log, head: self.publication.published().head, pruned }
    }
}
