//! The leases and acknowledgements of the instances that follow the feed. It reads no clock.

use std::collections::HashMap;
use std::time::Duration;

use crate::credentials::verifier_key::VerifierKeyId;
use counterfoil_verify::{FeedInstanceId, RevocationPosition};

/// How long an instance stays in the lists after its lease has run out.
const KEPT_AFTER_LEASE: Duration = Duration::from_secs(10 * 60);

/// How long the issuer counts a lease, from the arrival of the poll: a quarter longer than the verifier does, so that
/// clocks whose rates differ by less than 20 % never make the issuer forget a verifier that is still fresh.
pub fn issuer_lease(lease: Duration) -> Duration {
    lease.saturating_mul(5) / 4
}

/// One process that follows the feed: leases and acknowledgements belong to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Follower {
    /// The key that it presents.
    pub key: VerifierKeyId,
    /// The id that it drew.
    pub instance: FeedInstanceId,
}

/// A poll that has arrived.
#[derive(Debug, Clone)]
pub struct ArrivedPoll {
    /// Who sent it.
    pub follower: Follower,
    /// Its number.
    pub number: u64,
    /// What it acknowledges.
    pub acknowledged: Option<RevocationPosition>,
    /// How long the verifier may rely on its response, with the time in which it accepts stale revocations.
    pub lease: Duration,
    /// When it arrived, as uptime.
    pub at: Duration,
}

/// What the table knows of one instance. All times are uptimes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Up to where it has acknowledged.
    pub acknowledged: RevocationPosition,
    /// When its first poll arrived.
    pub first_polled_at: Duration,
    /// When its last poll arrived.
    pub polled_at: Duration,
    /// When its lease has run out.
    pub leased_until: Duration,
    /// The position after which it was told that more follows.
    pub continues: Option<RevocationPosition>,
    /// Before when its next poll is delayed: see [`next_slot`](super::next_slot).
    pub paced_until: Duration,
    last_number: u64,
    /// Until when another process with the same id may be fresh.
    shared_until: Duration,
}

/// What an arrived poll is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next poll of its instance, or the first one.
    Next,
    /// The instance has sent a poll with this number or a higher one before: a repeated message, or two processes share
    /// one id. It acknowledges nothing.
    Repeated,
    /// The key has as many instances with a lease as it may have.
    TooManyInstances,
}

/// Every instance that has or had a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTable {
    keys: HashMap<VerifierKeyId, HashMap<FeedInstanceId, Instance>>,
    max_instances_per_key: usize,
}

impl LeaseTable {
    /// A table without instances.
    pub fn new(max_instances_per_key: usize) -> Self {
        Self { keys: HashMap::new(), max_instances_per_key }
    }

    /// Records that a poll has arrived: gives its instance a lease and takes its acknowledgement.
    ///
    /// The caller reads the head of the log for the response only after this. So a wait for the fleet that does not see
    /// this lease has published its position before, and the response contains it.
    pub fn record(&mut self, poll: &ArrivedPoll) -> Arrival {
        let instances = self.keys.entry(poll.follower.key).or_default();
        if !instances.contains_key(&poll.follower.instance)
            && instances.len() >= self.max_instances_per_key
            && !remove_oldest_expired(instances, poll.at)
        {
            return Arrival::TooManyInstances;
        }
        let leased_until = poll.at.saturating_add(issuer_lease(poll.lease));
        let instance =
            instances.entry(poll.follower.instance.clone()).or_insert_with(|| Instance::new(poll.at));
        let is_first = instance.leased_until.is_zero();
        instance.polled_at = poll.at;
        // An earlier poll may have been given a longer lease.
        instance.leased_until = instance.leased_until.max(leased_until);
        if !is_first && poll.number <= instance.last_number {
            instance.shared_until = instance.leased_until;
            return Arrival::Repeated;
        }
        instance.last_number = poll.number;
        if let Some(position) = poll.acknowledged {
            instance.acknowledged = instance.acknowledged.max(position);
        }
        Arrival::Next
    }

    /// The instance, if it is known.
    pub fn instance(&self, follower: &Follower) -> Option<&Instance> {
        self.keys.get(&follower.key)?.get(&follower.instance)
    }

    /// The instance, to change what its next poll continues or when it is served.
    pub fn instance_mut(&mut self, follower: &Follower) -> Option<&mut Instance> {
        self.keys.get_mut(&follower.key)?.get_mut(&follower.instance)
    }

    /// Every instance with its key and id, in no order.
    pub fn instances(&self) -> impl Iterator<Item = (VerifierKeyId, &FeedInstanceId, &Instance)> {
        self.keys.iter().flat_map(|(key, instances)| instances.iter().map(move |(id, it)| (*key, id, it)))
    }

    /// Removes the instances whose lease ran out so long before `now` that the lists no longer show them.
    pub fn prune(&mut self, now: Duration) {
        for instances in self.keys.values_mut() {
            instances.retain(|_, it| it.leased_until.saturating_add(KEPT_AFTER_LEASE) > now);
        }
        self.keys.retain(|_, instances| !instances.is_empty());
    }
}

impl Instance {
    fn new(at: Duration) -> Self {
        Self {
            acknowledged: RevocationPosition::START,
            first_polled_at: at,
            polled_at: at,
            leased_until: Duration::ZERO,
            continues: None,
            paced_until: Duration::ZERO,
            last_number: 0,
            shared_until: Duration::ZERO,
        }
    }

    /// Whether it may still accept credentials by what it knows.
    pub fn has_lease(&self, now: Duration) -> bool {
        now < self.leased_until
    }

    /// Whether the process with this id has the entries up to `position`.
    ///
    /// Each process must draw an id of its own. Two that share one are noticed by a repeated number of a poll; from then
    /// on none of their acknowledgements counts, because each is that of one process only. If the repeated poll is lost
    /// on the way, they are not noticed.
    pub fn has_confirmed(&self, position: RevocationPosition, now: Duration) -> bool {
        self.acknowledged >= position && now >= self.shared_until
    }
}

/// Makes room for another instance. An instance with a lease stays: a wait for the fleet would forget it.
fn remove_oldest_expired(instances: &mut HashMap<FeedInstanceId, Instance>, now: Duration) -> bool {
    let expired = instances.iter().filter(|(_, it)| !it.has_lease(now));
    let oldest = expired.min_by_key(|(_, it)| it.leased_until).map(|(id, _)| id.clone());
    oldest.is_some_and(|id| instances.remove(&id).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);
    const LEASE: Duration = Duration::from_secs(4);

    fn follower(instance: &str) -> Follower {
        Follower { key: VerifierKeyId::from_bytes([1; 16]), instance: instance.parse().unwrap() }
    }

    fn poll(instance: &str, number: u64, acknowledged: u64, after: u64) -> ArrivedPoll {
        ArrivedPoll {
            follower: follower(instance),
            number,
            acknowledged: Some(RevocationPosition::new(acknowledged)),
            lease: LEASE,
            at: START + Duration::from_secs(after),
        }
    }

    fn has_confirmed(table: &LeaseTable, instance: &str, position: u64, after: u64) -> bool {
        let instance = table.instance(&follower(instance)).unwrap();
        instance.has_confirmed(RevocationPosition::new(position), START + Duration::from_secs(after))
    }

    #[test]
    fn a_lease_is_counted_a_quarter_longer_than_the_verifier_counts_it() {
        let mut table = LeaseTable::new(9);
        assert_eq!(table.record(&poll("a", 1, 0, 0)), Arrival::Next);

        let instance = table.instance(&follower("a")).unwrap();
        assert!(instance.has_lease(START + Duration::from_millis(4_999)));
        assert!(!instance.has_lease(START + Duration::from_secs(5)));
    }

    #[test]
    fn a_longer_lease_is_not_shortened_by_a_later_poll() {
        let mut table = LeaseTable::new(9);
        table.record(&ArrivedPoll { lease: LEASE * 100, ..poll("a", 1, 0, 0) });
        table.record(&poll("a", 2, 0, 1));

        assert_eq!(table.instance(&follower("a")).unwrap().leased_until, START + LEASE * 125);
    }

    #[test]
    fn acknowledgements_belong_to_one_instance_and_never_fall() {
        let mut table = LeaseTable::new(9);
        table.record(&poll("a", 1, 8, 0));
        table.record(&poll("a", 2, 5, 0));
        table.record(&poll("b", 1, 3, 0));

        assert!(has_confirmed(&table, "a", 8, 0) && !has_confirmed(&table, "a", 9, 0));
        assert!(has_confirmed(&table, "b", 3, 0) && !has_confirmed(&table, "b", 4, 0));
    }

    #[test]
    fn while_two_processes_share_an_id_neither_acknowledges_for_the_other() {
        let mut table = LeaseTable::new(9);
        // Both count their own polls, and one of them is ahead.
        table.record(&poll("a", 1, 0, 0));
        assert_eq!(table.record(&poll("a", 1, 0, 0)), Arrival::Repeated);
        assert_eq!(table.record(&poll("a", 2, 8, 1)), Arrival::Next);

        assert!(!has_confirmed(&table, "a", 8, 1), "the other one may not have it yet");
        assert!(has_confirmed(&table, "a", 8, 5), "its lease has run out");
    }

    #[test]
    fn a_repeated_poll_acknowledges_nothing() {
        let mut table = LeaseTable::new(9);
        table.record(&poll("a", 7, 1, 0));

        for number in [7, 6, 0] {
            assert_eq!(table.record(&poll("a", number, 8, 0)), Arrival::Repeated);
        }

        assert!(!has_confirmed(&table, "a", 8, 100));
    }

    #[test]
    fn a_new_instance_takes_the_place_of_an_expired_one_only() {
        let mut table = LeaseTable::new(2);
        table.record(&poll("a", 1, 0, 0));
        table.record(&poll("b", 1, 0, 1));

        assert_eq!(table.record(&poll("c", 1, 0, 4)), Arrival::TooManyInstances);
        assert_eq!(table.record(&poll("a", 2, 0, 4)), Arrival::Next);
        assert_eq!(table.record(&poll("c", 1, 0, 6)), Arrival::Next);
        assert!(table.instance(&follower("b")).is_none() && table.instance(&follower("a")).is_some());
    }

    #[test]
    fn an_expired_instance_is_listed_for_a_while() {
        let mut table = LeaseTable::new(9);
        table.record(&poll("a", 1, 0, 0));
        let expired = START + issuer_lease(LEASE);

        table.prune(expired + KEPT_AFTER_LEASE - Duration::from_millis(1));
        assert_eq!(table.instances().count(), 1);
        table.prune(expired + KEPT_AFTER_LEASE);
        assert_eq!(table.instances().count(), 0);
    }
}
