//! Up to where a node can say that its verifiers have every revocation. It reads no clock.

use std::collections::VecDeque;
use std::time::Duration;

use counterfoil_verify::RevocationPosition;

use crate::services::revocation_feed::leases::LeaseTable;

/// The positions that are published on this node, and when no response is relied on any more that was given before.
#[derive(Debug, Default)]
pub struct Confirmations {
    /// Published positions and the uptimes, both rising.
    published: VecDeque<(RevocationPosition, Duration)>,
    /// The last position whose uptime has passed.
    reached: RevocationPosition,
}

/// How many positions are kept. With more, the newest ones are merged: that only delays a confirmation.
const CAPACITY: usize = 4_096;

impl Confirmations {
    /// Records that every entry up to `head` is published, and that responses of before, to introspections, are relied on
    /// until `relied_on_until`.
    pub fn published(&mut self, head: RevocationPosition, relied_on_until: Duration) {
        if self.published.len() == CAPACITY {
            self.published.pop_back();
        }
        self.published.push_back((head, relied_on_until));
    }

    /// Up to where every verifier with a lease has the entries at `now`.
    ///
    /// A poll that arrives after this gets a response with everything that is published now, and its verifier renews its
    /// lease only with it. So a later lease does not make the result wrong.
    pub fn confirmed(&mut self, leases: &LeaseTable, now: Duration) -> RevocationPosition {
        while let Some((head, until)) = self.published.front().copied()
            && now >= until
        {
            self.reached = self.reached.max(head);
            self.published.pop_front();
        }
        let acknowledged = leases.instances().filter(|(_, _, instance)| instance.has_lease(now));
        let least = acknowledged.map(|(_, _, instance)| instance.confirmed_up_to(now)).min();
        least.map_or(self.reached, |least| least.min(self.reached))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::verifier_key::VerifierKeyId;
    use crate::services::revocation_feed::{ArrivedPoll, Follower};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn position(number: u64) -> RevocationPosition {
        RevocationPosition::new(number)
    }

    #[test]
    fn the_least_acknowledgement_of_the_verifiers_with_a_lease_counts() {
        let (mut leases, mut confirmations) = (LeaseTable::new(9), Confirmations::default());
        confirmations.published(position(8), at(0));
        assert_eq!(confirmations.confirmed(&leases, at(1)), position(8), "no verifier");

        for (instance, acknowledged) in [("a", 9), ("b", 5)] {
            let key = VerifierKeyId::from_bytes([1; 16]);
            leases.record(&ArrivedPoll {
                follower: Follower { key, instance: instance.parse().unwrap() },
                number: 1,
                acknowledged: Some(position(acknowledged)),
                lease: at(4),
                at: at(1),
            });
        }

        assert_eq!(confirmations.confirmed(&leases, at(2)), position(5));
        assert_eq!(confirmations.confirmed(&leases, at(6)), position(8), "their leases have run out");
    }

    #[test]
    fn responses_of_before_the_publication_delay_its_confirmation_alone() {
        let (leases, mut confirmations) = (LeaseTable::new(9), Confirmations::default());
        confirmations.published(position(8), at(10));
        confirmations.published(position(9), at(12));

        assert_eq!(confirmations.confirmed(&leases, at(9)), position(0));
        assert_eq!(confirmations.confirmed(&leases, at(11)), position(8));
        assert_eq!(confirmations.confirmed(&leases, at(12)), position(9));
    }
}
