//! Tests of the follower: what it polls and publishes, and when it is fresh, whatever happens to the messages.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    FeedPosition, Follower, FollowerAction, FollowerEvent, FreshnessChange, PollFailure, PollRequest,
    Publication, StaleReason,
};
use crate::feed::wire::{FeedEntry, FeedResponse};
use crate::id::{RevocationLogId, TokenId};
use crate::revocation::log::{RevocationPosition, RevocationSubject};

const START: Duration = Duration::from_secs(1_000);
const LEASE: Duration = Duration::from_secs(3);
const LOG: RevocationLogId = RevocationLogId::from_bytes([1; 16]);

fn at(ms: u64) -> Duration {
    START + Duration::from_millis(ms)
}

fn follower() -> Follower {
    Follower::new("b2a9".parse().unwrap(), Duration::ZERO)
}

fn entry(position: u64) -> FeedEntry {
    let id = TokenId::from_bytes(u128::from(position).to_be_bytes());
    let until = Some(1_764_001_020);
    FeedEntry { position: RevocationPosition::new(position), subject: RevocationSubject::Token(id), until }
}

/// The response to `request` of an issuer whose head is `head`, with these entries.
fn response(request: &PollRequest, head: u64, entries: &[u64]) -> FeedResponse {
    FeedResponse {
        log: LOG,
        instance: request.instance.clone(),
        poll: request.poll,
        now: 1_764_000_000,
        lease_ms: 3000,
        head: RevocationPosition::new(head),
        next: RevocationPosition::new(head),
        snapshot: request.position.is_none(),
        keys: String::new(),
        entries: entries.iter().copied().map(entry).collect(),
    }
}

/// The poll among these actions, of which it is the only one.
fn only_poll(actions: &[FollowerAction]) -> PollRequest {
    match actions {
        [FollowerAction::SendPoll(request)] => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn start(follower: &mut Follower, now: Duration) -> PollRequest {
    only_poll(&follower.handle(FollowerEvent::Timer, now))
}

fn deliver(follower: &mut Follower, response: FeedResponse, now: Duration) -> Vec<FollowerAction> {
    follower.handle(FollowerEvent::Response(Box::new(response)), now)
}

fn publication(actions: &[FollowerAction]) -> &Publication {
    match actions {
        [FollowerAction::Publish(publication), ..] => publication,
        other => panic!("{other:?}"),
    }
}

fn fail(follower: &mut Follower, failure: PollFailure, now: Duration) -> Vec<FollowerAction> {
    follower.handle(FollowerEvent::PollFailed { poll: follower.polls(), failure, jitter: 255 }, now)
}

/// A follower that became fresh at `at(10)` with the poll that it sent at `at(0)`, and its second poll.
fn fresh() -> (Follower, PollRequest) {
    let mut follower = follower();
    let request = start(&mut follower, at(0));
    deliver(&mut follower, response(&request, 8, &[8]), at(10));
    let actions = follower.handle(FollowerEvent::Published, at(10));
    let [FollowerAction::Report(FreshnessChange::Fresh), FollowerAction::SendPoll(next)] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    (follower, next.clone())
}

#[test]
fn the_first_poll_asks_for_everything_at_once_and_acknowledges_nothing() {
    let request = start(&mut follower(), at(0));

    assert_eq!((request.poll, request.position, request.wait), (1, None, Duration::ZERO));
}

#[test]
fn the_lease_runs_from_before_the_poll_was_sent() {
    let mut follower = follower();
    let request = start(&mut follower, at(0));
    let actions = deliver(&mut follower, response(&request, 8, &[8]), at(2_000));

    assert_eq!(publication(&actions).fresh_until, Some(at(3_000)));
}

#[test]
fn the_next_poll_acknowledges_only_after_the_publication() {
    let mut follower = follower();
    let request = start(&mut follower, at(0));
    let actions = deliver(&mut follower, response(&request, 8, &[8]), at(10));
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert!(!follower.is_fresh(at(10)) && follower.position().is_none());
    assert!(follower.handle(FollowerEvent::Timer, at(500)).is_empty(), "it waits for the publication");

    let actions = follower.handle(FollowerEvent::Published, at(501));

    let position = FeedPosition { log: LOG, after: RevocationPosition::new(8) };
    let [FollowerAction::Report(FreshnessChange::Fresh), FollowerAction::SendPoll(next)] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    assert_eq!((next.poll, next.position, next.wait), (2, Some(position), LEASE / 3));
}

#[test]
fn a_page_that_is_not_the_last_one_gives_no_lease() {
    let mut follower = follower();
    let request = start(&mut follower, at(0));
    let page = FeedResponse { next: RevocationPosition::new(4), ..response(&request, 8, &[3, 4]) };
    let actions = deliver(&mut follower, page, at(10));
    assert_eq!((publication(&actions).entries.len(), publication(&actions).fresh_until), (2, None));

    let next = only_poll(&follower.handle(FollowerEvent::Published, at(10)));

    assert!(!follower.is_fresh(at(10)));
    assert_eq!(next.position.unwrap().after, RevocationPosition::new(4));
    deliver(&mut follower, response(&next, 8, &[7, 8]), at(20));
    follower.handle(FollowerEvent::Published, at(20));
    assert_eq!(follower.fresh_until(), Some(at(10) + LEASE));
}

#[test]
fn an_answer_of_another_instance_or_poll_is_discarded() {
    let (mut follower, request) = fresh();
    let (until, good) = (follower.fresh_until(), response(&request, 9, &[9]));
    for other in [
        FeedResponse { instance: "other".parse().unwrap(), ..good.clone() },
        FeedResponse { poll: request.poll - 1, ..good.clone() },
        FeedResponse { poll: request.poll + 1, ..good.clone() },
    ] {
        assert!(deliver(&mut follower, other, at(20)).is_empty());
    }
    assert!(follower.fresh_until() == until && follower.is_polling());

    deliver(&mut follower, good.clone(), at(20));
    follower.handle(FollowerEvent::Published, at(20));
    assert!(deliver(&mut follower, good, at(30)).is_empty(), "a repeated answer");
}

#[test]
fn a_head_behind_the_entries_and_pages_without_progress_are_failures() {
    for (next, head) in [(9, 8), (8, 9)] {
        let (mut follower, request) = fresh();
        let (next, head) = (RevocationPosition::new(next), RevocationPosition::new(head));
        deliver(&mut follower, FeedResponse { next, head, ..response(&request, 8, &[]) }, at(20));

        assert_eq!(follower.stale_reason(), StaleReason::PollFailed(PollFailure::Invalid));
        assert_eq!(follower.fresh_until(), Some(at(0) + LEASE));
    }
}

#[test]
fn failures_are_retried_with_backoff_until_the_issuer_answers() {
    let (mut follower, _) = fresh();
    let mut now = at(20);
    let mut waits = Vec::new();
    for _ in 0..7 {
        fail(&mut follower, PollFailure::Unreachable, now);
        let Some(next) = follower.wake_at() else { panic!("{follower:?}") };
        waits.push((next - now).as_millis());
        now = next;
        assert_eq!(only_poll(&follower.handle(FollowerEvent::Timer, now)).wait, Duration::ZERO);
    }

    assert_eq!(waits, [50, 100, 200, 400, 600, 600, 600]);
}

#[test]
fn retry_after_of_the_issuer_is_kept() {
    let (mut follower, _) = fresh();
    let retry_after = Some(Duration::from_secs(2));
    fail(&mut follower, PollFailure::Refused { status: 503, retry_after }, at(20));

    assert_eq!(follower.wake_at(), Some(at(2_520)));
}

#[test]
fn a_retry_is_answered_or_given_up_within_two_seconds() {
    let (mut follower, _) = fresh();
    for _ in 0..20 {
        fail(&mut follower, PollFailure::TimedOut, at(20));
        let wake_at = follower.wake_at().unwrap();
        let retry = follower.handle(FollowerEvent::Timer, at(20_000));
        let Some(FollowerAction::SendPoll(request)) = retry.last() else { panic!("{retry:?}") };
        assert!(wake_at - at(20) + request.timeout < Duration::from_secs(2));
    }
}

#[test]
fn each_change_of_the_freshness_is_reported_once_with_its_reason() {
    let (mut follower, _) = fresh();
    assert_eq!(follower.wake_at(), Some(at(3_000)));
    let stale = |reason| [FollowerAction::Report(FreshnessChange::Stale(reason))];
    assert_eq!(follower.handle(FollowerEvent::Timer, at(3_000)), stale(StaleReason::NoResponse));
    assert!(follower.handle(FollowerEvent::Timer, at(3_001)).is_empty());

    fail(&mut follower, PollFailure::TimedOut, at(3_100));
    let retry = start(&mut follower, at(4_000));
    deliver(&mut follower, response(&retry, 8, &[]), at(4_010));
    let actions = follower.handle(FollowerEvent::Published, at(4_010));

    assert_eq!(actions[0], FollowerAction::Report(FreshnessChange::Fresh));
    assert_eq!(follower.fresh_until(), Some(at(4_000) + LEASE));
}

#[test]
fn a_start_that_fails_is_reported() {
    let mut follower = follower();
    start(&mut follower, at(0));
    let failure = PollFailure::Refused { status: 401, retry_after: None };

    let reason = StaleReason::PollFailed(failure);
    let expected = [FollowerAction::Report(FreshnessChange::Stale(reason))];
    assert_eq!(fail(&mut follower, failure, at(10)), expected);
}

#[test]
fn a_key_set_is_announced_once_and_again_after_a_gap() {
    let (mut follower, mut request) = fresh();
    let keys = |name: &str| Some(FollowerAction::AnnounceKeys(name.to_owned()));
    let mut announced = |follower: &mut Follower, name: &str, ms: u64| {
        let response = FeedResponse { keys: name.to_owned(), ..response(&request, 8, &[]) };
        let actions = deliver(follower, response, at(ms));
        let sent = follower.handle(FollowerEvent::Published, at(ms));
        let sent = sent.into_iter().chain(follower.handle(FollowerEvent::Timer, at(ms + 200)));
        request = sent
            .filter_map(|it| if let FollowerAction::SendPoll(it) = it { Some(it) } else { None })
            .last()
            .unwrap();
        actions.into_iter().find(|action| matches!(action, FollowerAction::AnnounceKeys(_)))
    };

    assert_eq!(announced(&mut follower, "a", 1_000), keys("a"));
    assert_eq!(announced(&mut follower, "a", 2_000), None);
    assert_eq!(announced(&mut follower, "b", 3_000), keys("b"));
    follower.handle(FollowerEvent::Timer, at(9_000));
    assert_eq!(announced(&mut follower, "b", 9_100), keys("b"));
}

#[test]
fn early_answers_without_news_do_not_make_a_loop() {
    let (mut follower, request) = fresh();
    deliver(&mut follower, response(&request, 8, &[]), at(11));
    assert!(follower.handle(FollowerEvent::Published, at(11)).is_empty());

    assert_eq!(follower.wake_at(), Some(at(111)));
}

#[test]
fn the_time_for_which_stale_revocations_are_accepted_is_told_with_each_poll() {
    let mut follower = Follower::new("b2a9".parse().unwrap(), Duration::from_secs(30));

    assert!(start(&mut follower, at(0)).query().ends_with("&stale=30"));
}

/// What happens in a run with an unreliable network.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, and the follower's timer is reported.
    Pass(u64),
    /// The issuer revokes.
    Revoke,
    /// The issuer answers one of the polls that were ever sent.
    Answer(prop::sample::Index),
    /// One of the responses that were ever sent arrives.
    Arrive(prop::sample::Index),
    /// The poll in progress times out.
    TimeOut,
    /// The issuer is restored from a backup: its log has another id.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u64..1_500).prop_map(Step::Pass),
        3 => Just(Step::Revoke),
        4 => any::<prop::sample::Index>().prop_map(Step::Answer),
        5 => any::<prop::sample::Index>().prop_map(Step::Arrive),
        2 => Just(Step::TimeOut),
        1 => Just(Step::Restore),
    ]
}

/// An issuer and one follower, with every message that was ever sent.
struct Run {
    now: Duration,
    follower: Follower,
    log: u8,
    /// Each entry, and when it was revoked.
    revoked: BTreeMap<u64, Duration>,
    applied: BTreeMap<u64, ()>,
    visible_fresh_until: Option<Duration>,
    polls: Vec<PollRequest>,
    responses: Vec<FeedResponse>,
}

impl Run {
    const PAGE: usize = 3;

    fn new() -> Self {
        Self {
            now: START,
            follower: follower(),
            log: 1,
            revoked: BTreeMap::new(),
            applied: BTreeMap::new(),
            visible_fresh_until: None,
            polls: Vec::new(),
            responses: Vec::new(),
        }
    }

    fn report(&mut self, event: FollowerEvent) {
        for action in self.follower.handle(event, self.now) {
            match action {
                FollowerAction::SendPoll(request) => self.send(request),
                FollowerAction::Publish(publication) => {
                    self.applied
                        .extend(publication.entries.iter().map(|entry| (entry.position.number(), ())));
                    self.visible_fresh_until = publication.fresh_until.or(self.visible_fresh_until);
                    self.report(FollowerEvent::Published);
                }
                FollowerAction::AnnounceKeys(_) | FollowerAction::Report(_) => {}
            }
        }
    }

    /// A poll acknowledges only what is visible.
    fn send(&mut self, request: PollRequest) {
        if let Some(FeedPosition { after, .. }) = request.position {
            let unseen =
                self.revoked.keys().find(|it| **it <= after.number() && !self.applied.contains_key(it));
            assert_eq!(unseen, None, "acknowledged and not visible");
        }
        self.polls.push(request);
    }

    fn answer(&self, request: &PollRequest) -> FeedResponse {
        let head = self.revoked.keys().last().copied().unwrap_or_default();
        let log = RevocationLogId::from_bytes([self.log; 16]);
        let after = request.position.filter(|it| it.log == log).map_or(0, |it| it.after.number());
        let entries: Vec<u64> = self.revoked.range(after + 1..).map(|(it, _)| *it).take(Self::PAGE).collect();
        let next = if entries.len() < Self::PAGE { head } else { *entries.last().unwrap() };
        let next = RevocationPosition::new(next);
        FeedResponse { log, next, snapshot: after == 0, ..response(request, head, &entries) }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Pass(ms) => {
                self.now += Duration::from_millis(ms);
                self.report(FollowerEvent::Timer);
            }
            Step::Revoke => {
                let next = self.revoked.keys().last().map_or(1, |last| last + 1);
                self.revoked.insert(next, self.now);
            }
            Step::Answer(index) if !self.polls.is_empty() => {
                let response = self.answer(index.get(&self.polls));
                self.responses.push(response);
            }
            Step::Arrive(index) if !self.responses.is_empty() => {
                let response = Box::new(index.get(&self.responses).clone());
                self.report(FollowerEvent::Response(response));
            }
            Step::TimeOut => {
                let (poll, failure) = (self.follower.polls(), PollFailure::TimedOut);
                self.report(FollowerEvent::PollFailed { poll, failure, jitter: 7 });
            }
            Step::Restore => self.log += 1,
            Step::Answer(_) | Step::Arrive(_) => {}
        }
    }

    /// As long as the view is fresh, it has everything that was revoked a lease ago.
    fn check(&self) {
        if self.visible_fresh_until.is_some_and(|end| self.now < end) {
            let missing = self
                .revoked
                .iter()
                .find(|(it, revoked_at)| **revoked_at + LEASE <= self.now && !self.applied.contains_key(it));
            assert_eq!(missing, None, "fresh at {:?}", self.now);
        }
        assert_eq!(self.visible_fresh_until, self.follower.fresh_until());
    }
}

proptest! {
    #[test]
    fn lost_delayed_and_repeated_answers_never_make_an_older_view_fresh(
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut run = Run::new();
        for step in steps {
            run.take(step);
            run.check();
        }
    }
}

#[test]
fn a_follower_whose_messages_arrive_knows_everything() {
    let mut run = Run::new();
    for _ in 0..10 {
        run.take(Step::Revoke);
    }
    for _ in 0..8 {
        run.take(Step::Pass(10));
        let last = run.answer(run.polls.last().unwrap());
        run.report(FollowerEvent::Response(Box::new(last)));
        run.check();
    }

    assert!(run.follower.is_fresh(run.now) && run.applied.len() == 10, "{:?}", run.follower);
}
