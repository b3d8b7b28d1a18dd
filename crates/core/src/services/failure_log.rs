//! Joins the audit events of many failures from one client IP into one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;

use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::ClientInfo;
use crate::services::login_rate_limiter::client_ip_key;

/// How many client IPs are told apart in a window.
const MAX_SOURCES: usize = 4096;

/// How many login names of one client IP are told apart in a window.
const MAX_NAMES: usize = 20;

/// Decides which failed attempts are recorded at once, and counts the others.
///
/// The first failure of a client IP at a login name is recorded at once. Further ones within the window are counted, and
/// their number is recorded in one event at the end of the window, or when the process ends. Otherwise one client could
/// write hundreds of megabytes of audit log in a day, within its rate limit.
///
/// Names count as they were typed, whether or not such a user exists: if only existing users had an event of their own,
/// the time of the answer would reveal them. Names are kept as random hashes only, because a user may have typed a
/// password there.
///
/// The event of a failure has the reason as its detail. That of several has it too, if all of them have the same one.
///
/// The memory is bounded: the failures of further names, and of further client IPs, are counted together.
#[derive(Debug)]
pub struct FailureLog {
    /// Zero: every failure is recorded at once.
    window: Duration,
    ipv6_prefix: u8,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: HashMap<SourceKey, Source>,
    /// Joined events that could not be recorded.
    pending: Vec<AuditEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum SourceKey {
    Ip([u8; 17]),
    /// The client IP is not known.
    Unknown,
    /// All client IPs beyond [`MAX_SOURCES`].
    Others,
}

/// The failures of one client IP in one window.
#[derive(Debug)]
struct Source {
    ends_at: Time,
    groups: HashMap<GroupKey, Group>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum GroupKey {
    Name(AuditEventKind, u64),
    /// All names beyond [`MAX_NAMES`].
    Others(AuditEventKind),
}

#[derive(Debug)]
struct Group {
    /// How many failures are counted and not recorded.
    count: u64,
    /// The last one. Its detail is the reason that all of them have, if they have the same one.
    last: AuditEvent,
}

impl Group {
    fn new(first: AuditEvent) -> Self {
        Self { count: 0, last: first }
    }

    fn count(&mut self, event: AuditEvent) {
        self.count += 1;
        let detail = self.last.detail.take().filter(|detail| event.detail.as_ref() == Some(detail));
        self.last = AuditEvent { detail, ..event };
    }

    /// One event for all that were counted.
    fn into_event(self) -> AuditEvent {
        let detail = match &self.last.detail {
            Some(reason) => format!("{} more: {reason}", self.count),
            None => format!("{} more", self.count),
        };
        self.last.with_detail(detail)
    }
}

impl FailureLog {
    /// A log with windows of this length; zero: every failure is recorded at once. IPv6 addresses with the same prefix of
    /// this length count as one client IP.
    pub fn new(window: Duration, ipv6_prefix: u8) -> Self {
        Self { window, ipv6_prefix, hasher: RandomState::new(), state: Mutex::default() }
    }

    /// Takes a failure at `name`, and returns the events to record now. Those of failures that were counted before are
    /// among them; if they cannot be recorded, [`put_back`](Self::put_back) keeps them.
    pub fn observe(&self, event: AuditEvent, name: &[u8], now: Time) -> FailureEvents {
        if self.window.is_zero() {
            return FailureEvents { joined: Vec::new(), first: Some(event) };
        }
        let group = GroupKey::Name(event.kind, self.hasher.hash_one(name));
        let mut state = self.state();
        let (source, event) = state.source_of(event, self.ipv6_prefix, now + self.window);
        let joined = match source.ends_at <= now {
            true => std::mem::replace(source, Source::ending(now + self.window)).into_joined(),
            false => Vec::new(),
        };
        FailureEvents { joined, first: source.add(group, event) }
    }

    /// Removes the events of all windows that are over at `now`, to record them; with `None` of all windows.
    pub fn take_joined(&self, now: Option<Time>) -> Vec<AuditEvent> {
        let mut state = self.state();
        let over = |source: &Source| now.is_none_or(|now| source.ends_at <= now);
        let keys: Vec<_> =
            state.sources.iter().filter(|(_, source)| over(source)).map(|(key, _)| *key).collect();
        let mut events = std::mem::take(&mut state.pending);
        for key in keys {
            events.extend(state.sources.remove(&key).into_iter().flat_map(Source::into_joined));
        }
        events
    }

    /// Keeps joined events that could not be recorded, for the next [`take_joined`](Self::take_joined).
    pub fn put_back(&self, events: Vec<AuditEvent>) {
        self.state().pending.extend(events);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Consistent after each statement, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events to record after a failure.
#[derive(Debug, Default)]
pub struct FailureEvents {
    /// Each stands for failures that were counted before.
    pub joined: Vec<AuditEvent>,
    /// The failure itself, if it is the first one.
    pub first: Option<AuditEvent>,
}

impl State {
    /// The entry of the client IP of `event`, and the event as it is recorded there.
    fn source_of(&mut self, event: AuditEvent, ipv6_prefix: u8, ends_at: Time) -> (&mut Source, AuditEvent) {
        let key = match event.client_info.ip {
            Some(ip) => SourceKey::Ip(client_ip_key(ip, ipv6_prefix)),
            None => SourceKey::Unknown,
        };
        let is_known = self.sources.contains_key(&key) || self.sources.len() < MAX_SOURCES;
        let (key, event) = match is_known {
            true => (key, event),
            false => (SourceKey::Others, AuditEvent { client_info: ClientInfo::default(), ..event }),
        };
        (self.sources.entry(key).or_insert_with(|| Source::ending(ends_at)), event)
    }
}

impl Source {
    fn ending(ends_at: Time) -> Self {
        Self { ends_at, groups: HashMap::new() }
    }

    /// Counts a failure. Returns its event if it is the first of its group and must be recorded at once.
    fn add(&mut self, key: GroupKey, event: AuditEvent) -> Option<AuditEvent> {
        if let Some(group) = self.groups.get_mut(&key) {
            group.count(event);
            return None;
        }
        if self.groups.len() < MAX_NAMES {
            self.groups.insert(key, Group::new(event.clone()));
            return Some(event);
        }
        // The group stands for several users.
        let event = AuditEvent { user: None, ..event };
        let key = GroupKey::Others(event.kind);
        self.groups.entry(key).or_insert_with(|| Group::new(event.clone())).count(event);
        None
    }

    /// One event for each group with failures that are not recorded.
    fn into_joined(self) -> Vec<AuditEvent> {
        let groups = self.groups.into_values().filter(|group| group.count > 0);
        groups.map(Group::into_event).collect()
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::UserId;

    use crate::model::audit_event::Actor;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const WINDOW: Duration = Duration::from_secs(900);

    fn failure(ip: &str, user: Option<u8>, at: Time) -> AuditEvent {
        let client_info = ClientInfo { ip: ip.parse().ok(), user_agent: None };
        let event = AuditEvent::by_actor(AuditEventKind::LoginFailed, Actor::Anonymous, &client_info, at);
        AuditEvent { user: user.map(|number| UserId::from_bytes([number; 16])), ..event }
    }

    fn log() -> FailureLog {
        FailureLog::new(WINDOW, 64)
    }

    /// The user and the detail of each event.
    fn shown(events: &[AuditEvent]) -> Vec<(Option<UserId>, Option<&str>)> {
        events.iter().map(|event| (event.user, event.detail.as_deref())).collect()
    }

    #[test]
    fn the_first_failure_is_recorded_at_once_and_the_others_as_their_number() {
        let log = log();
        let recorded: Vec<_> = (0..50)
            .filter_map(|_| log.observe(failure("192.0.2.1", Some(1), NOON), b"ada", NOON).first)
            .collect();
        assert_eq!(shown(&recorded), [(Some(UserId::from_bytes([1; 16])), None)]);

        assert_eq!(log.take_joined(Some(NOON + WINDOW / 2)), []);
        let joined = log.take_joined(Some(NOON + WINDOW));

        assert_eq!(shown(&joined), [(Some(UserId::from_bytes([1; 16])), Some("49 more"))]);
        assert_eq!(log.take_joined(None), [], "each failure is recorded once");
    }

    #[test]
    fn the_number_of_failures_is_recorded_with_the_reason_that_all_of_them_have() {
        let joined = |reasons: [&'static str; 3]| {
            let log = log();
            for reason in reasons {
                let _ = log.observe(failure("192.0.2.1", None, NOON).with_detail(reason), b"ada", NOON);
            }
            let joined = log.take_joined(None);
            shown(&joined)[0].1.unwrap().to_owned()
        };

        assert_eq!(joined(["wrong password"; 3]), "2 more: wrong password");
        assert_eq!(joined(["wrong password", "the user is disabled", "wrong password"]), "2 more");
    }

    #[test]
    fn a_failure_after_the_window_records_what_was_counted_before() {
        let log = log();
        for _ in 0..3 {
            let _ = log.observe(failure("192.0.2.1", None, NOON), b"ada", NOON);
        }

        let events = log.observe(failure("192.0.2.1", None, NOON + WINDOW), b"ada", NOON + WINDOW);

        assert_eq!(shown(&events.joined), [(None, Some("2 more"))]);
        assert_eq!(events.first.unwrap().at, NOON + WINDOW);
    }

    #[test]
    fn another_source_and_another_name_have_an_event_of_their_own() {
        let log = log();
        let is_recorded =
            |ip, name: &str| log.observe(failure(ip, None, NOON), name.as_bytes(), NOON).first.is_some();

        assert!(is_recorded("192.0.2.1", "ada"));
        assert!(is_recorded("192.0.2.1", "bob"), "also if there is no such user");
        assert!(is_recorded("192.0.2.2", "ada"));
        assert!(is_recorded("2001:db8::1", "ada"));
        assert!(!is_recorded("2001:db8::2", "ada"), "a network is one source");
    }

    #[test]
    fn any_number_of_names_and_sources_takes_bounded_memory_and_none_is_lost() {
        let log = log();
        let mut recorded = 0;
        for number in 0..20_000_u32 {
            let ip = format!("10.{}.{}.1", number % 100, number / 100);
            for name in 0..3_u8 {
                let event = failure(&ip, Some(name), NOON);
                recorded += u64::from(log.observe(event, &[name], NOON).first.is_some());
            }
        }
        for number in 0..1000_u32 {
            let event = failure("10.0.0.1", Some(1), NOON);
            recorded += u64::from(log.observe(event, &number.to_be_bytes(), NOON).first.is_some());
        }

        assert!(log.state().sources.len() <= MAX_SOURCES + 1);
        let joined = log.take_joined(None);
        let count = |event: &AuditEvent| -> u64 {
            event.detail.as_deref().unwrap().split(' ').next().unwrap().parse().unwrap()
        };
        assert_eq!(recorded + joined.iter().map(count).sum::<u64>(), 61_000);
        assert!(joined.len() < 10, "{}", joined.len());
    }

    #[test]
    fn events_that_could_not_be_recorded_are_kept() {
        let log = log();
        for _ in 0..2 {
            let _ = log.observe(failure("192.0.2.1", None, NOON), b"ada", NOON);
        }
        let joined = log.take_joined(None);

        log.put_back(joined.clone());

        assert_eq!(log.take_joined(Some(NOON)), joined);
    }

    #[test]
    fn without_a_window_every_failure_is_recorded_at_once() {
        let log = FailureLog::new(Duration::ZERO, 64);

        let recorded = (0..5)
            .filter(|_| log.observe(failure("192.0.2.1", None, NOON), b"ada", NOON).first.is_some())
            .count();

        assert_eq!(recorded, 5);
    }
}
