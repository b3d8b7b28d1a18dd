//! What has changed so recently that a shared cache may still hold what was read before.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::store::session_cache::Invalidation;
use crate::store::session_cache::shared::MAX_SHARED_AGE;

/// How far the clocks of two processes may differ. A value that another process has read less than this after a change may
/// have been read before it.
pub(super) const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

/// The most changes that are remembered: a few megabytes. Beyond it everything older is distrusted.
const MAX_CHANGES: usize = 1 << 16;

/// The changes of the last minute, and the time before which nothing is trusted.
#[derive(Default)]
pub(super) struct RecentChanges {
    nothing_before: Time,
    changed_at: HashMap<Subject, Time>,
    /// The oldest first. A subject may be in it several times.
    order: VecDeque<(Time, Subject)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Session(SessionId),
    User(UserId),
}

impl RecentChanges {
    /// Records a change that was heard of at `now`.
    pub(super) fn record(&mut self, change: Invalidation, now: Time) {
        let subject = match change {
            Invalidation::Session(session) => Subject::Session(session),
            Invalidation::User(user) => Subject::User(user),
            Invalidation::All => return self.distrust_all(now),
        };
        self.forget(now);
        if self.order.len() >= MAX_CHANGES {
            return self.distrust_all(now);
        }
        self.changed_at.insert(subject, now);
        self.order.push_back((now, subject));
    }

    /// Trusts nothing that was read before `now`.
    pub(super) fn distrust_all(&mut self, now: Time) {
        self.nothing_before = self.nothing_before.max(now);
        self.changed_at.clear();
        self.order.clear();
    }

    /// Whether a value that was read at `read_at` is certainly newer than every change of this session and this user.
    pub(super) fn all_precede(&self, read_at: Time, session: SessionId, user: UserId) -> bool {
        let changed_at = |subject| self.changed_at.get(&subject).copied().unwrap_or_default();
        let last = self.nothing_before.max(changed_at(Subject::Session(session)));
        read_at >= last.max(changed_at(Subject::User(user))) + MAX_CLOCK_DIFFERENCE
    }

    /// Forgets the changes that are older than any value.
    fn forget(&mut self, now: Time) {
        let age = MAX_SHARED_AGE + 2 * MAX_CLOCK_DIFFERENCE;
        while let Some(&(at, subject)) = self.order.front()
            && at + age < now
        {
            self.order.pop_front();
            // A later change of the same subject stays.
            if self.changed_at.get(&subject) == Some(&at) {
                self.changed_at.remove(&subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const SESSION: SessionId = SessionId::from_bytes([1; 16]);
    const USER: UserId = UserId::from_bytes([2; 16]);
    const OTHER: SessionId = SessionId::from_bytes([3; 16]);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_value_is_trusted_again_when_it_was_certainly_read_after_the_change() {
        for change in [Invalidation::Session(SESSION), Invalidation::User(USER), Invalidation::All] {
            let mut changes = RecentChanges::default();
            changes.record(change, NOON);

            assert!(!changes.all_precede(NOON - seconds(1), SESSION, USER), "{change:?}");
            assert!(!changes.all_precede(NOON + seconds(4), SESSION, USER), "{change:?}");
            assert!(changes.all_precede(NOON + MAX_CLOCK_DIFFERENCE, SESSION, USER), "{change:?}");
        }
    }

    #[test]
    fn a_change_concerns_only_its_subject_and_is_remembered_as_long_as_a_value_lives() {
        let mut changes = RecentChanges::default();
        changes.record(Invalidation::Session(SESSION), NOON);
        assert!(changes.all_precede(NOON - seconds(1), OTHER, USER));

        let later = NOON + MAX_SHARED_AGE + MAX_CLOCK_DIFFERENCE;
        changes.record(Invalidation::Session(OTHER), later);
        assert!(!changes.all_precede(NOON, SESSION, USER));

        changes.record(Invalidation::Session(OTHER), later + seconds(6));
        assert_eq!(changes.changed_at.len(), 1, "what no value can precede is forgotten");
        assert_eq!(changes.order.len(), 2);
    }

    #[test]
    fn the_memory_is_bounded_and_what_is_forgotten_for_it_is_not_trusted() {
        let mut changes = RecentChanges::default();
        for number in 0..=MAX_CHANGES {
            let mut bytes = [9; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            changes.record(Invalidation::Session(SessionId::from_bytes(bytes)), NOON);
        }

        assert!(changes.order.is_empty());
        assert!(!changes.all_precede(NOON, SESSION, USER));
    }
}
