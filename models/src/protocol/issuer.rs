//! The issuer: the log, the leases that it counts, and the waits for the fleet. What decides is the code of the server.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::services::revocation_feed::{
    Arrival, ArrivedPoll, FleetWait, Follower, Instance, LeaseTable, LogState, Start, VerifierPosition,
    issuer_lease,
};
use counterfoil_verify::{FeedInstanceId, RevocationLogId, RevocationPosition};

use crate::protocol::InForce;
use crate::protocol::message::{Entries, Poll, Response, Sender};
use crate::protocol::rule::Rule;
use crate::protocol::time::{LEASE, Tick, uptime};

const LOG: RevocationLogId = RevocationLogId::from_bytes([1; 16]);
/// All processes use one key.
const KEY: VerifierKeyId = VerifierKeyId::from_bytes([2; 16]);
/// How many entries a page of a snapshot has.
const PAGE_SIZE: u8 = 1;

/// The issuer and its store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// The head of the log in the store. Positions are 1, 2, 3 and so on.
    pub committed: u8,
    /// The longest lease that was ever promised. It is in the store.
    promised: Duration,
    /// The head that polls see. What follows is lost in a crash.
    pub published: u8,
    /// Every entry after this position is in memory.
    complete_after: u8,
    leases: Leases,
    /// When the leases of the former process have run out.
    former_leases_end: Duration,
    arrived: Vec<Arrived>,
    waits: Vec<Wait>,
    /// The number of polls, if they are not counted for each instance.
    polls_of_key: u64,
}

/// A poll that has arrived and is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Arrived {
    poll: Poll,
    after: u8,
    is_snapshot: bool,
    head_at_arrival: u8,
}

/// A wait for the fleet in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wait {
    wait: FleetWait,
    started_at: Tick,
}

impl Issuer {
    /// An issuer with an empty store.
    pub fn start() -> Self {
        Self {
            committed: 0,
            promised: Duration::ZERO,
            published: 0,
            complete_after: 0,
            leases: Leases(Arc::new(LeaseTable::new(1_000))),
            former_leases_end: Duration::ZERO,
            arrived: Vec::new(),
            waits: Vec::new(),
            polls_of_key: 0,
        }
    }

    /// The issuer after a crash and a start: it knows what the store has. Callers that waited got an error.
    pub fn restart(&self, now: Tick, removed: Option<Rule>) -> Self {
        let waits = removed != Some(Rule::WaitAfterStart);
        let former_leases_end =
            if waits { uptime(now) + issuer_lease(self.promised) } else { Duration::ZERO };
        Self {
            committed: self.committed,
            promised: self.promised,
            published: self.committed,
            complete_after: self.committed,
            former_leases_end,
            ..Self::start()
        }
    }

    /// Publishes the committed entry and begins to wait for the fleet.
    pub fn publish(&mut self, now: Tick) {
        self.published += 1;
        let position = RevocationPosition::new(self.published.into());
        let wait = FleetWait::start(&self.leases.0, position, self.former_leases_end, uptime(now));
        self.waits.push(Wait { wait, started_at: now });
    }

    /// A poll arrives: its instance gets a lease, and what it acknowledges counts.
    pub fn arrive(&mut self, poll: Poll, now: Tick, removed: Option<Rule>) {
        self.promised = LEASE;
        let state = self.log_state();
        let follower = follower(poll.sender, removed);
        let continues = self.leases.0.instance(&follower).and_then(|instance| instance.continues);
        let (after, is_snapshot) = match position(&poll).evaluate(&state, continues) {
            Start::After(after) => (number(after), false),
            Start::Snapshot(_) => (0, true),
        };
        self.arrived.push(Arrived { poll, after, is_snapshot, head_at_arrival: self.published });
        if removed != Some(Rule::LeaseBeforeHead) {
            self.record(&poll, now, removed);
        }
    }

    fn record(&mut self, poll: &Poll, now: Tick, removed: Option<Rule>) {
        let follower = follower(poll.sender, removed);
        let number = if removed == Some(Rule::AcknowledgementPerInstance) {
            // One row for the key: every poll is the next one.
            self.polls_of_key += 1;
            self.polls_of_key
        } else {
            poll.number.into()
        };
        let lease = if removed == Some(Rule::LeaseMargin) { LEASE * 4 / 5 } else { LEASE };
        let acknowledged = position(poll).acknowledged(&self.log_state());
        let arrived = ArrivedPoll { follower, number, acknowledged, lease, at: uptime(now) };
        let arrival = self.leases.table_mut().record(&arrived);
        debug_assert_ne!(arrival, Arrival::TooManyInstances);
    }

    /// The number of polls that wait for a response.
    pub fn arrived_polls(&self) -> usize {
        self.arrived.len()
    }

    /// Answers the arrived poll at `index` with what is published now.
    pub fn respond(&mut self, index: usize, now: Tick, removed: Option<Rule>) -> Response {
        let Arrived { poll, after, is_snapshot, head_at_arrival } = self.arrived.remove(index);
        let head = if removed == Some(Rule::LeaseBeforeHead) {
            self.record(&poll, now, removed);
            head_at_arrival
        } else {
            self.published
        };
        let is_in_memory = after >= self.complete_after;
        let next = if is_in_memory { head } else { head.min(after + PAGE_SIZE) }.max(after);
        if let Some(instance) = self.leases.table_mut().instance_mut(&follower(poll.sender, removed)) {
            instance.continues = (next < head).then(|| RevocationPosition::new(next.into()));
        }
        let entries = Entries::between(after, next);
        Response { to: poll.sender, number: poll.number, head, next, is_snapshot, entries }
    }

    /// Ends the waits that are over. Returns their positions and how they ended.
    pub fn end_waits(&mut self, now: Tick) -> Vec<(u8, InForce)> {
        let (leases, now) = (&*self.leases.0, uptime(now));
        let mut over = Vec::new();
        self.waits.retain(|it| {
            let progress = it.wait.progress(leases, now);
            let in_force = InForce { is_confirmed: progress.confirmed > 0, is_expired: progress.expired > 0 };
            if progress.is_over(now) {
                over.push((number(it.wait.position()), in_force));
            }
            !progress.is_over(now)
        });
        over
    }

    /// Whether a wait lasts longer than a lease, as the issuer counts it, from its start and from the start of the issuer.
    pub fn has_overdue_wait(&self, now: Tick) -> bool {
        let is_due = |wait: &Wait| {
            uptime(now) >= self.former_leases_end.max(uptime(wait.started_at) + issuer_lease(LEASE))
        };
        self.waits.iter().any(is_due)
    }

    fn log_state(&self) -> LogState {
        let head = RevocationPosition::new(self.published.into());
        LogState { id: LOG, head, pruned: RevocationPosition::new(self.complete_after.into()) }
    }
}

fn position(poll: &Poll) -> VerifierPosition {
    let after = poll.after.map(|after| RevocationPosition::new(after.into()));
    VerifierPosition { after, log: after.map(|_| LOG) }
}

fn number(position: RevocationPosition) -> u8 {
    u8::try_from(position.number()).expect("the log of the model is short")
}

fn follower(sender: Sender, removed: Option<Rule>) -> Follower {
    let shared = removed == Some(Rule::AcknowledgementPerInstance);
    let index =
        if shared { 0 } else { usize::from(sender.process) * INSTANCES_EACH + usize::from(sender.restarts) };
    Follower { key: KEY, instance: INSTANCES[index].clone() }
}

/// How many instances a process can be, one after the other.
const INSTANCES_EACH: usize = 4;

/// The ids of all instances: for each process those between its restarts.
static INSTANCES: LazyLock<Vec<FeedInstanceId>> = LazyLock::new(|| {
    let id = |index: usize| format!("{}.{}", index / INSTANCES_EACH, index % INSTANCES_EACH).parse();
    (0..4 * INSTANCES_EACH).map(id).collect::<Result<_, _>>().expect("digits and a point make an id")
});

/// The leases, with a hash. Most events leave them as they are, so states share them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leases(Arc<LeaseTable>);

impl Leases {
    fn table_mut(&mut self) -> &mut LeaseTable {
        Arc::make_mut(&mut self.0)
    }
}

impl Hash for Leases {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut instances: Vec<(VerifierKeyId, &FeedInstanceId, &Instance)> = self.0.instances().collect();
        instances.sort_unstable_by_key(|(key, id, _)| (*key, *id));
        instances.hash(state);
    }
}
