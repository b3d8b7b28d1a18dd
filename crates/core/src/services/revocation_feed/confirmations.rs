//! Up to where a node can say that its verifiers have every revocation. It reads no clock.

use std::collections::VecDeque;
use std::time::Duration;

use counterfoil_verify::RevocationPosition;

use crate::services::revocation_feed::leases::LeaseTable;

/// The positions that are published on this node and not confirmed yet.
#[derive(Debug, Default)]
pub struct Confirmations {
    /// Positions and uptimes, all of them rising.
    published: VecDeque<Publication>,
    /// The last position that is confirmed.
    reached: RevocationPosition,
}

/// A position, and who may not have it.
#[derive(Debug)]
struct Publication {
    head: RevocationPosition,
    at: Duration,
    /// When no response is relied on any more that was given to an introspection before.
    relied_on_until: Duration,
    /// When every lease has run out that was given before.
    leases_end: Duration,
}

/// How many positions are kept. With more, the newest ones are merged: that only delays a confirmation.
const CAPACITY: usize = 4_096;

impl Confirmations {
    /// Records that every entry up to `head` is published since before `now`, and that responses of before, to introspections,
    /// are relied on until `relied_on_until`.
    pub fn published(
        &mut self,
        head: RevocationPosition,
        leases: &LeaseTable,
        relied_on_until: Duration,
        now: Duration,
    ) {
        if self.published.len() == CAPACITY {
            self.published.pop_back();
        }
        let leases_end = leases.instances().map(|(_, _, instance)| instance.leased_until).max();
        let leases_end = leases_end.unwrap_or_default();
        self.published.push_back(Publication { head, at: now, relied_on_until, leases_end });
    }

    /// Up to where every verifier with a lease has the entries at `now`.
    ///
    /// A poll that arrives after a publication gets a response with everything that is published, and its verifier renews its
    /// lease only with it. So the lease of a verifier that has polled first since then is not awaited, and no other one
    /// beyond its end at the publication: a verifier that never acknowledges, or a series of new ones, must not delay the
    /// confirmation for ever.
    pub fn confirmed(&mut self, leases: &LeaseTable, now: Duration) -> RevocationPosition {
        // A verifier with a later position has the earlier ones.
        let count = self.published.partition_point(|publication| publication.is_confirmed(leases, now));
        if let Some(last) = self.published.drain(..count).next_back() {
            self.reached = self.reached.max(last.head);
        }
        self.reached
    }
}

impl Publication {
    fn is_confirmed(&self, leases: &LeaseTable, now: Duration) -> bool {
        let mut awaited = leases.instances().map(|(_, _, instance)| instance);
        now >= self.relied_on_until
            && (now >= self.leases_end
                || awaited.all(|instance| {
                    !instance.has_lease(now)
                        || instance.first_polled_at > self.at
                        || instance.has_confirmed(self.head, now)
                }))
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

    /// A poll with a lease that is counted as ten seconds.
    fn poll(leases: &mut LeaseTable, instance: &str, number: u64, acknowledged: Option<u64>, seconds: u64) {
        let key = VerifierKeyId::from_bytes([1; 16]);
        leases.record(&ArrivedPoll {
            follower: Follower { key, instance: instance.parse().unwrap() },
            number,
            acknowledged: acknowledged.map(position),
            lease: at(8),
            at: at(seconds),
        });
    }

    #[test]
    fn every_verifier_with_a_lease_from_before_is_awaited_until_it_has_acknowledged() {
        let (mut leases, mut confirmations) = (LeaseTable::new(9), Confirmations::default());
        poll(&mut leases, "a", 1, Some(7), 1);
        poll(&mut leases, "b", 1, Some(7), 1);
        confirmations.published(position(8), &leases, at(0), at(2));
        confirmations.published(position(9), &leases, at(0), at(2));

        poll(&mut leases, "a", 2, Some(9), 3);
        assert_eq!(confirmations.confirmed(&leases, at(3)), position(0));
        poll(&mut leases, "b", 2, Some(8), 4);
        assert_eq!(confirmations.confirmed(&leases, at(4)), position(8));
        assert_eq!(confirmations.confirmed(&leases, at(11)), position(9), "the lease of before has run out");
    }

    #[test]
    fn later_verifiers_and_one_that_never_acknowledges_do_not_delay_it_for_ever() {
        let (mut leases, mut confirmations) = (LeaseTable::new(99), Confirmations::default());
        poll(&mut leases, "silent", 1, None, 1);
        confirmations.published(position(8), &leases, at(0), at(2));
        for second in 3..=11 {
            poll(&mut leases, "silent", second, None, second);
            poll(&mut leases, &format!("new{second}"), 1, None, second);
            let expected = if second < 11 { 0 } else { 8 };
            assert_eq!(confirmations.confirmed(&leases, at(second)), position(expected), "{second}");
        }

        let mut leases = LeaseTable::new(9);
        poll(&mut leases, "a", 1, Some(8), 12);
        confirmations.published(position(9), &leases, at(0), at(13));
        poll(&mut leases, "a", 2, Some(9), 14);
        poll(&mut leases, "later", 1, None, 14);
        assert_eq!(
            confirmations.confirmed(&leases, at(14)),
            position(9),
            "the response to a later one has the entry"
        );
    }

    #[test]
    fn responses_of_before_the_publication_delay_its_confirmation_alone() {
        let (leases, mut confirmations) = (LeaseTable::new(9), Confirmations::default());
        confirmations.published(position(8), &leases, at(10), at(1));
        confirmations.published(position(9), &leases, at(12), at(2));

        assert_eq!(confirmations.confirmed(&leases, at(9)), position(0));
        assert_eq!(confirmations.confirmed(&leases, at(11)), position(8));
        assert_eq!(confirmations.confirmed(&leases, at(12)), position(9));
    }
}
