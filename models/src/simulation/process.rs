//! A verifier process: the follower of `counterfoil-verify` and the revocations that it publishes.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{
    FeedResponse, Follower, FollowerAction, FollowerEvent, PollFailure, PollRequest, Publication,
    RevocationQuery, Revocations,
};

use crate::simulation::clock::VerifierClock;
use crate::simulation::random::Random;

/// What a broken verifier does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It renews its lease and acknowledges before its threads see the entries.
    LeaseBeforeEntries,
    /// It counts its lease from the arrival of the response.
    LeaseFromArrival,
    /// It takes any response as the one to its last poll.
    AnyResponse,
}

/// A process.
pub(super) struct Process {
    index: usize,
    clock: VerifierClock,
    fault: Option<Fault>,
    /// For how long after its lease it accepts credentials.
    stale: Duration,
    restarts: u32,
    follower: Follower,
    revocations: Revocations,
    fresh_until: Duration,
    /// What is being published.
    pending: Option<Publication>,
    /// The number and the deadline of the poll in progress, by the clock of the process.
    deadline: Option<(u64, Duration)>,
    lease: Duration,
}

impl Process {
    pub(super) fn start(index: usize, lease: Duration, fault: Option<Fault>, random: &mut Random) -> Self {
        // The limits are as likely as everything between them.
        let rate = match random.below(3) {
            0 => 800,
            1 => 1_200,
            _ => random.between(800, 1_200),
        };
        let clock = VerifierClock { booted: Duration::from_secs(random.between(1, 1_000_000)), rate };
        let stale = Duration::from_millis([0, 0, 500][random.index(3)]);
        Self {
            index,
            clock,
            fault,
            stale,
            restarts: 0,
            follower: follower(index, 0, stale),
            revocations: Revocations::new(),
            fresh_until: Duration::ZERO,
            pending: None,
            deadline: None,
            lease,
        }
    }

    /// Ends the process and starts another one, which knows nothing.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.follower = follower(self.index, self.restarts, self.stale);
        self.revocations = Revocations::new();
        (self.fresh_until, self.pending, self.deadline) = (Duration::ZERO, None, None);
    }

    /// Whether it accepts a credential: it looks it up first, and reads the clock after that.
    pub(super) fn accepts(&self, credential: &RevocationQuery, now: Duration) -> bool {
        self.revocations.check(credential).revoked.is_none() && self.may_accept(now)
    }

    /// Whether it accepts credentials that it does not know to be revoked.
    pub(super) fn may_accept(&self, now: Duration) -> bool {
        self.clock.uptime(now) < self.fresh_until + self.stale
    }

    /// Whether its lease runs.
    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        self.clock.uptime(now) < self.fresh_until
    }

    /// How long a verifier may accept what it does not know to be revoked, by the clock of the issuer.
    pub(super) fn longest_acceptance(&self) -> Duration {
        (self.lease + self.stale) * 5 / 4
    }

    /// What time brings: a publication is visible, a poll times out, the next poll is due. Returns the polls to send.
    pub(super) fn run(&mut self, now: Duration, random: &mut Random) -> Vec<PollRequest> {
        let uptime = self.clock.uptime(now);
        let mut polls = Vec::new();
        if self.pending.is_some() && random.chance(700) {
            polls.extend(self.publish(uptime));
        }
        if let Some((poll, _)) = self.deadline.take_if(|(_, deadline)| uptime >= *deadline) {
            polls.extend(self.fail(poll, PollFailure::TimedOut, now, random));
        }
        if self.follower.wake_at().is_some_and(|at| uptime >= at) {
            polls.extend(self.report(FollowerEvent::Timer, uptime));
        }
        polls
    }

    /// A response arrives.
    pub(super) fn receive(&mut self, body: &[u8], now: Duration) -> Vec<PollRequest> {
        let Ok(mut response) = serde_json::from_slice::<FeedResponse>(body) else { return Vec::new() };
        if self.fault == Some(Fault::AnyResponse) {
            response.poll = self.follower.polls();
            response.instance = instance(self.index, self.restarts);
        }
        self.report(FollowerEvent::Response(Box::new(response)), self.clock.uptime(now))
    }

    /// A poll has failed.
    pub(super) fn fail(
        &mut self,
        poll: u64,
        failure: PollFailure,
        now: Duration,
        random: &mut Random,
    ) -> Vec<PollRequest> {
        let jitter = u8::try_from(random.below(256)).expect("it is below 256");
        self.report(FollowerEvent::PollFailed { poll, failure, jitter }, self.clock.uptime(now))
    }

    /// Forgets what has expired.
    pub(super) fn prune(&self, now: Time) {
        self.revocations.prune(now);
    }

    fn report(&mut self, event: FollowerEvent, uptime: Duration) -> Vec<PollRequest> {
        let mut polls = Vec::new();
        for action in self.follower.handle(event, uptime) {
            match action {
                FollowerAction::SendPoll(request) => {
                    self.deadline = Some((request.poll, uptime + request.timeout));
                    polls.push(request);
                }
                FollowerAction::Publish(publication) => {
                    polls.extend(self.start_publication(publication, uptime))
                }
                FollowerAction::AnnounceKeys(_) | FollowerAction::Report(_) => {}
            }
        }
        polls
    }

    fn start_publication(&mut self, mut publication: Publication, uptime: Duration) -> Vec<PollRequest> {
        self.deadline = None;
        if self.fault == Some(Fault::LeaseFromArrival) {
            publication.fresh_until = publication.fresh_until.map(|_| uptime + self.lease);
        }
        if self.fault == Some(Fault::LeaseBeforeEntries) {
            self.renew(&publication);
            self.pending = Some(publication);
            return self.report(FollowerEvent::Published, uptime);
        }
        self.pending = Some(publication);
        Vec::new()
    }

    /// Makes the pending publication visible: the entries first, then the lease.
    fn publish(&mut self, uptime: Duration) -> Vec<PollRequest> {
        let Some(publication) = self.pending.take() else { return Vec::new() };
        self.revocations.publish(&publication.entries, publication.position);
        if self.fault == Some(Fault::LeaseBeforeEntries) {
            return Vec::new();
        }
        self.renew(&publication);
        self.report(FollowerEvent::Published, uptime)
    }

    fn renew(&mut self, publication: &Publication) {
        self.fresh_until = publication.fresh_until.unwrap_or(self.fresh_until);
    }
}

fn follower(index: usize, restarts: u32, stale: Duration) -> Follower {
    Follower::new(instance(index, restarts), stale)
}

fn instance(index: usize, restarts: u32) -> counterfoil_verify::FeedInstanceId {
    format!("{index}.{restarts}").parse().expect("digits and a point make an id")
}
