//! One schedule: what a seed makes of the issuer, the processes and the network, and the observer who checks it.

use std::time::Duration;

use counterfoil::FeedSettings;
use counterfoil_jose::Time;
use counterfoil_verify::{PollFailure, PollRequest, RevocationPosition, RevocationQuery, SessionId};

use crate::simulation::clock::IssuerClock;
use crate::simulation::issuer::{Done, Installation, Issuer};
use crate::simulation::network::{Content, Message, Network};
use crate::simulation::process::{Fault, Process};
use crate::simulation::random::Random;
use crate::simulation::{Failure, Summary};

/// How long the network and the machines fail.
const TROUBLE: Duration = Duration::from_secs(5);
/// How long everything works after that. Until its end every process must have been fresh with everything: within two
/// seconds by the slowest clock.
const HEALING: Duration = Duration::from_millis(2_500);
/// How much later than its end a wait may return: the server looks at the clock four times a second.
const RETURN_TIME: Duration = Duration::from_secs(1);

/// A revocation, as the observer knows it.
struct Revocation {
    session: SessionId,
    /// The credential that it revokes, as a verifier looks it up.
    credential: RevocationQuery,
    /// The token has expired then.
    until: Time,
    /// When a call without a wait returned: `None` if the issuer crashed before.
    acknowledged_at: Option<Duration>,
    /// Whether a wait for the fleet has returned.
    is_in_force: bool,
    /// When a wait must have returned, if one is in progress.
    due_at: Option<Duration>,
}

/// A schedule in progress.
struct Schedule<'s> {
    random: Random,
    clock: IssuerClock,
    issuer: Issuer<'s>,
    installation: &'s Installation,
    starts_at: Option<Duration>,
    processes: Vec<Process>,
    network: Network,
    revocations: Vec<Revocation>,
    positions: Vec<RevocationPosition>,
    /// What has happened, if it is wanted: writing it down takes most of the time.
    events: Option<Vec<String>>,
    summary: &'s mut Summary,
}

/// Runs the schedule of `seed`.
pub(super) fn run(
    seed: u64,
    installation: &Installation,
    booted_at: Time,
    fault: Option<Fault>,
    is_logged: bool,
    summary: &mut Summary,
) -> Result<(), Box<Failure>> {
    let mut random = Random::new(seed);
    let clock = IssuerClock::new(booted_at, Duration::from_secs(random.between(1, 1_000)));
    let mut settings = FeedSettings::default();
    settings.lease = Duration::from_millis([500, 1_000, 1_500][random.index(3)]);
    settings.max_stale = Duration::from_millis(500);
    let count = random.between(1, 3) as usize;
    let processes =
        (0..count).map(|index| Process::start(index, settings.lease, fault, &mut random)).collect();
    let network = Network::new(count, &mut random);
    let issuer = Issuer::start(installation, clock.clone(), settings);
    let mut schedule = Schedule {
        random,
        clock,
        issuer,
        installation,
        starts_at: None,
        processes,
        network,
        revocations: Vec::new(),
        positions: Vec::new(),
        events: is_logged.then(Vec::new),
        summary,
    };
    let result = schedule.run();
    result.map_err(|reason| Box::new(Failure { seed, reason, events: schedule.events.unwrap_or_default() }))
}

impl Schedule<'_> {
    fn run(&mut self) -> Result<(), String> {
        let end = self.now() + TROUBLE;
        while self.now() < end {
            self.make_trouble();
            self.step(800)?;
        }
        self.log(|| "from now on everything works".into());
        self.network.heal();
        self.starts_at.get_or_insert(self.now());
        let end = self.now() + HEALING;
        let mut healed = vec![false; self.processes.len()];
        while self.now() < end {
            self.step(1_000)?;
            for (process, healed) in self.processes.iter().zip(&mut healed) {
                *healed |= self.knows_everything(process);
            }
        }
        match healed.iter().position(|healed| !healed) {
            Some(process) => Err(format!("process {process} does not heal")),
            None => Ok(()),
        }
    }

    /// Lets time pass and everything happen that is due. A call of the server continues with this chance.
    fn step(&mut self, chance: u64) -> Result<(), String> {
        self.pass();
        if !self.issuer.is_running() && self.starts_at.is_some_and(|at| self.now() >= at) {
            self.issuer.restart();
            self.log(|| "the issuer starts".into());
        }
        for message in self.network.arrived(self.now(), &mut self.random) {
            self.deliver(message);
        }
        for index in 0..self.processes.len() {
            let polls = self.processes[index].run(self.clock.uptime(), &mut self.random);
            self.send(index, polls);
        }
        for done in self.issuer.run(chance, &mut self.random) {
            self.finish(done);
        }
        self.check()
    }

    /// Time passes: until the next message, but at most for as long as is worth looking at.
    fn pass(&mut self) {
        let longest = self.random.between(1, 60);
        let next = self.network.next_arrival().map(|at| at.saturating_sub(self.now()).as_millis() as u64);
        let ms = next.map_or(longest, |next| next.clamp(1, longest));
        self.clock.pass(ms);
        self.installation.pass(ms);
    }

    fn make_trouble(&mut self) {
        let process = self.random.index(self.processes.len());
        match self.random.below(1_000) {
            0..40 => self.revoke(),
            40..48 if self.issuer.is_running() => self.crash_issuer(),
            48..56 => {
                self.processes[process].restart();
                self.summary.verifier_crashes += 1;
                self.log(|| format!("process {process} restarts"));
            }
            56..70 => {
                self.network.cut(process, self.clock.uptime(), &mut self.random);
                self.log(|| format!("process {process} is cut off"));
            }
            70..80 => self.issuer.prune(),
            80..90 => self.processes[process].prune(self.clock.now()),
            _ => {}
        }
    }

    fn revoke(&mut self) {
        if !self.issuer.is_running() {
            return;
        }
        let index = self.commit();
        self.revocations[index].acknowledged_at = Some(self.now());
        if self.random.chance(600) {
            self.wait_for_fleet(index);
        }
    }

    /// Commits a revocation, and returns its index.
    fn commit(&mut self) -> usize {
        let index = self.revocations.len();
        let session = SessionId::from_bytes([u8::try_from(index).expect("there are few") + 1; 16]);
        let until = self.clock.now() + Duration::from_millis(self.random.between(1_000, 20_000));
        let position = self.issuer.revoke(session, until);
        self.summary.revocations += 1;
        self.log(|| format!("revocation {index} is committed at {position}"));
        self.revocations.push(Revocation {
            session,
            credential: RevocationQuery::new(RevocationPosition::START).session(session),
            until,
            acknowledged_at: None,
            is_in_force: false,
            due_at: None,
        });
        self.positions.push(position);
        index
    }

    fn wait_for_fleet(&mut self, index: usize) {
        let (session, position) = (self.revocations[index].session, self.positions[index]);
        let longest = self.issuer.wait_for_fleet(index, session, position);
        self.revocations[index].due_at = longest.map(|longest| self.now() + longest + RETURN_TIME);
    }

    /// The issuer is killed, sometimes between a commit and its publication.
    fn crash_issuer(&mut self) {
        self.issuer.crash();
        self.revocations.iter_mut().for_each(|revocation| revocation.due_at = None);
        self.summary.issuer_crashes += 1;
        self.log(|| "the issuer is killed".into());
        if self.random.chance(300) {
            self.commit();
        }
        self.starts_at = Some(self.now() + Duration::from_millis(self.random.between(0, 1_500)));
    }

    fn deliver(&mut self, Message { process, content, .. }: Message) {
        match content {
            Content::Poll(poll) => {
                self.log(|| format!("poll {} of process {process} arrives", poll.poll));
                if !self.issuer.receive(process, &poll) {
                    let now = self.now();
                    self.network.send(process, Content::Unreachable(poll.poll), now, &mut self.random);
                }
            }
            Content::Response(body) => {
                self.log(|| {
                    format!("a response arrives at process {process}: {}", String::from_utf8_lossy(&body))
                });
                self.summary.responses += 1;
                let polls = self.processes[process].receive(&body, self.clock.uptime());
                self.send(process, polls);
            }
            Content::Unreachable(poll) => {
                let (failure, now) = (PollFailure::Unreachable, self.now());
                let polls = self.processes[process].fail(poll, failure, now, &mut self.random);
                self.send(process, polls);
            }
        }
    }

    fn send(&mut self, process: usize, polls: Vec<PollRequest>) {
        for poll in polls {
            self.log(|| format!("process {process} sends poll {}", poll.query()));
            let now = self.now();
            self.network.send(process, Content::Poll(poll), now, &mut self.random);
        }
    }

    fn finish(&mut self, done: Done) {
        match done {
            Done::Polled(process, body) => {
                let now = self.now();
                self.network.send(process, Content::Response(body), now, &mut self.random);
            }
            Done::InForce(index) => {
                self.summary.waits += 1;
                self.log(|| format!("the wait for revocation {index} returns"));
                let revocation = &mut self.revocations[index];
                (revocation.is_in_force, revocation.due_at) = (true, None);
            }
        }
    }

    /// What the observer sees: I1 for both waits, and that waits end.
    fn check(&mut self) -> Result<(), String> {
        let (now, time) = (self.now(), self.clock.now());
        for (index, revocation) in self.revocations.iter().enumerate() {
            if revocation.due_at.is_some_and(|due_at| now > due_at) {
                return Err(format!("the wait for revocation {index} does not return"));
            }
            if time >= revocation.until || revocation.acknowledged_at.is_none() {
                continue;
            }
            for (number, process) in self.processes.iter().enumerate().filter(|(_, it)| it.may_accept(now)) {
                let is_late =
                    revocation.acknowledged_at.is_some_and(|at| now >= at + process.longest_acceptance());
                if !revocation.is_in_force && !is_late {
                    continue;
                }
                if !process.accepts(&revocation.credential, now) {
                    self.summary.refusals += 1;
                    continue;
                }
                let when = if revocation.is_in_force { "after the wait" } else { "a lease after it" };
                return Err(format!("process {number} accepts revocation {index} {when}"));
            }
        }
        Ok(())
    }

    /// Whether the process is fresh, and accepts nothing that is revoked.
    fn knows_everything(&self, process: &Process) -> bool {
        let (now, time) = (self.now(), self.clock.now());
        let mut active = self.revocations.iter().filter(|revocation| time < revocation.until);
        process.is_fresh(now) && active.all(|revocation| !process.accepts(&revocation.credential, now))
    }

    fn now(&self) -> Duration {
        self.clock.uptime()
    }

    /// Notes an event, if the events are wanted.
    fn log(&mut self, event: impl FnOnce() -> String) {
        let now = self.now().as_millis();
        if let Some(events) = &mut self.events {
            events.push(format!("{now:>8} ms  {}", event()));
        }
    }
}
