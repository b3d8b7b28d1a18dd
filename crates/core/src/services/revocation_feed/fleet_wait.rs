//! Decides when a revocation is in force at every verifier that follows the feed.

use std::time::Duration;

use counterfoil_verify::RevocationPosition;

use crate::services::revocation_feed::leases::{Follower, LeaseTable};

/// A wait until no verifier accepts what was revoked up to a position. It reads no clock.
///
/// It begins after the publication of the position, with the leases of that moment. A poll that arrives later has the
/// position in its response, and its verifier renews its lease only with it. So neither later leases nor later instances
/// can prolong the wait.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FleetWait {
    position: RevocationPosition,
    /// The instances that may accept what was revoked, and the uptime at which each can no longer.
    awaited: Vec<(Follower, Duration)>,
    /// The uptime at which no verifier of a former process can.
    not_before: Duration,
}

/// How far a wait is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetProgress {
    /// How many instances have acknowledged the position.
    pub confirmed: usize,
    /// Of how many others the lease has run out: they refuse every credential.
    pub expired: usize,
    /// How many are awaited.
    pub waiting: usize,
    /// The uptime at which the wait is over at the latest.
    pub over_at: Duration,
    /// The uptime at which the next lease runs out; `None` if nothing is awaited.
    pub next_expiry: Option<Duration>,
}

impl FleetWait {
    /// Begins to wait for `position`, which is published. Leases of former processes end at `not_before`.
    pub fn start(
        leases: &LeaseTable,
        position: RevocationPosition,
        not_before: Duration,
        now: Duration,
    ) -> Self {
        let with_lease = leases.instances().filter(|(_, _, instance)| instance.has_lease(now));
        let awaited = with_lease
            .map(|(key, id, instance)| (Follower { key, instance: id.clone() }, instance.leased_until))
            .collect();
        Self { position, awaited, not_before }
    }

    /// How far the wait is at `now`.
    pub fn progress(&self, leases: &LeaseTable, now: Duration) -> FleetProgress {
        let mut progress = FleetProgress {
            confirmed: 0,
            expired: 0,
            waiting: 0,
            over_at: self.not_before,
            next_expiry: Some(self.not_before).filter(|at| *at > now),
        };
        for (follower, leased_until) in &self.awaited {
            let instance = leases.instance(follower);
            if instance.is_some_and(|instance| instance.has_confirmed(self.position, now)) {
                progress.confirmed += 1;
            } else if now >= *leased_until {
                progress.expired += 1;
            } else {
                progress.waiting += 1;
                progress.over_at = progress.over_at.max(*leased_until);
                let next = progress.next_expiry.map_or(*leased_until, |next| next.min(*leased_until));
                progress.next_expiry = Some(next);
            }
        }
        progress
    }
}

impl FleetWait {
    /// The position that is awaited.
    pub fn position(&self) -> RevocationPosition {
        self.position
    }
}

impl FleetProgress {
    /// Whether no verifier accepts what was revoked.
    pub fn is_over(&self, now: Duration) -> bool {
        self.waiting == 0 && now >= self.over_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::credentials::verifier_key::VerifierKeyId;

    use super::*;
    use crate::services::revocation_feed::leases::{ArrivedPoll, issuer_lease};

    const START: Duration = Duration::from_secs(1_000);
    const LEASE: Duration = Duration::from_secs(4);
    const POSITION: RevocationPosition = RevocationPosition::new(8);

    fn at(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    fn poll(instance: &str, number: u64, acknowledged: u64, seconds: u64) -> ArrivedPoll {
        let key = VerifierKeyId::from_bytes([1; 16]);
        ArrivedPoll {
            follower: Follower { key, instance: instance.parse().unwrap() },
            number,
            acknowledged: Some(RevocationPosition::new(acknowledged)),
            lease: LEASE,
            at: at(seconds),
        }
    }

    fn table(polls: &[ArrivedPoll]) -> LeaseTable {
        let mut table = LeaseTable::new(100);
        for poll in polls {
            table.record(poll);
        }
        table
    }

    fn counts(progress: FleetProgress) -> (usize, usize, usize) {
        (progress.confirmed, progress.expired, progress.waiting)
    }

    #[test]
    fn it_is_over_when_every_instance_has_acknowledged() {
        let mut leases = table(&[poll("a", 1, 7, 0), poll("b", 1, 7, 0)]);
        let wait = FleetWait::start(&leases, POSITION, Duration::ZERO, at(1));
        assert_eq!(counts(wait.progress(&leases, at(1))), (0, 0, 2));

        leases.record(&poll("a", 2, 8, 1));
        let progress = wait.progress(&leases, at(1));
        assert!(counts(progress) == (1, 0, 1) && !progress.is_over(at(1)));

        leases.record(&poll("b", 2, 9, 1));
        let progress = wait.progress(&leases, at(1));
        assert!(counts(progress) == (2, 0, 0) && progress.is_over(at(1)));
    }

    #[test]
    fn an_instance_that_is_cut_off_is_awaited_until_its_lease_has_run_out() {
        let leases = table(&[poll("a", 1, 7, 0)]);
        let wait = FleetWait::start(&leases, POSITION, Duration::ZERO, at(1));

        let before = at(5) - Duration::from_millis(1);
        assert!(!wait.progress(&leases, before).is_over(before));
        assert_eq!(counts(wait.progress(&leases, at(5))), (0, 1, 0));
        assert!(wait.progress(&leases, at(5)).is_over(at(5)));
    }

    #[test]
    fn polls_after_the_publication_do_not_prolong_the_wait() {
        let mut leases = table(&[poll("a", 1, 7, 0)]);
        let wait = FleetWait::start(&leases, POSITION, Duration::ZERO, at(1));

        leases.record(&poll("a", 2, 7, 4));
        leases.record(&poll("new", 1, 0, 4));

        assert!(wait.progress(&leases, at(5)).is_over(at(5)));
    }

    #[test]
    fn after_a_start_it_lasts_until_the_leases_of_the_former_process_have_run_out() {
        let leases = table(&[]);
        let wait = FleetWait::start(&leases, POSITION, at(5), at(1));

        let progress = wait.progress(&leases, at(4));
        assert!(!progress.is_over(at(4)) && progress.next_expiry == Some(at(5)));
        assert!(wait.progress(&leases, at(5)).is_over(at(5)));
    }

    #[test]
    fn an_instance_that_the_table_has_forgotten_counts_as_expired_only_after_its_lease() {
        let leases = table(&[poll("a", 1, 7, 0)]);
        let wait = FleetWait::start(&leases, POSITION, Duration::ZERO, at(1));
        let empty = LeaseTable::new(100);

        assert_eq!(counts(wait.progress(&empty, at(4))), (0, 0, 1));
        assert_eq!(counts(wait.progress(&empty, at(5))), (0, 1, 0));
    }

    proptest! {
        /// A verifier of the model is fresh until `LEASE` after it sent its last complete poll, which it sent at the
        /// latest when that poll arrived, and it has what it acknowledged.
        #[test]
        fn when_a_wait_is_over_no_verifier_is_fresh_without_the_position(
            polls in proptest::collection::vec((0_usize..4, 1_u64..12, 0_u64..10), 1..40),
            until in 0_u64..30,
        ) {
            let names = ["a", "b", "c", "d"];
            let mut leases = LeaseTable::new(100);
            let mut numbers = [0; 4];
            let mut seconds = 0;
            let mut before = Vec::new();
            for (who, acknowledged, step) in polls {
                numbers[who] += 1;
                seconds += step % 3;
                let poll = poll(names[who], numbers[who], acknowledged.min(7), seconds);
                leases.record(&poll);
                before.push(poll);
            }
            let wait = FleetWait::start(&leases, POSITION, Duration::ZERO, at(seconds));
            let now = at(seconds + until);
            if wait.progress(&leases, now).is_over(now) {
                // None has acknowledged the position, so each must be stale by its own clock, even a slow one.
                for poll in before {
                    prop_assert!(now >= poll.at + LEASE);
                    prop_assert!(now >= poll.at + issuer_lease(LEASE));
                }
            }
        }
    }
}
