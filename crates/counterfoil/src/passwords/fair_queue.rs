//! A bounded queue that is shared among client IPs and among accounts.

use std::collections::{HashMap, VecDeque};

use counterfoil_core::services::password_hasher::{HashingError, Requester};

/// The jobs that wait, by client IP.
///
/// A client IP or an account may have only a share of the jobs that wait and of those in progress, and client IPs take
/// turns. So a source that sends as much as it can fills neither the queue nor the threads: a job of another source waits
/// for the jobs in progress and for one job of each other source.
#[derive(Debug)]
pub(super) struct FairQueue<J> {
    capacity: usize,
    share: usize,
    length: usize,
    /// The sources with waiting jobs, in the order of their turns. There are no more of them than jobs.
    turns: VecDeque<Turn<J>>,
    /// The jobs that wait or are in progress.
    by_client_ip: HashMap<[u8; 17], usize>,
    by_account: HashMap<[u8; 32], usize>,
}

/// The waiting jobs of one client IP, or of all requests without one.
type Turn<J> = (Option<[u8; 17]>, VecDeque<(Requester, J)>);

impl<J> FairQueue<J> {
    /// A queue for `capacity` jobs. A client IP and an account may have `share` jobs, at least one, in it or in progress.
    pub(super) fn new(capacity: usize, share: usize) -> Self {
        Self {
            capacity,
            share: share.max(1),
            length: 0,
            turns: VecDeque::new(),
            by_client_ip: HashMap::new(),
            by_account: HashMap::new(),
        }
    }

    /// The number of jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The oldest waiting job of each source.
    pub(super) fn oldest(&self) -> impl Iterator<Item = &J> {
        self.turns.iter().filter_map(|(_, jobs)| jobs.front().map(|(_, job)| job))
    }

    /// Fails if a job for `requester` would be rejected now.
    pub(super) fn check(&self, requester: &Requester) -> Result<(), HashingError> {
        let has_share = |used: Option<&usize>| used.is_some_and(|used| *used >= self.share);
        if has_share(requester.client_ip.and_then(|ip| self.by_client_ip.get(&ip)))
            || has_share(requester.account.and_then(|account| self.by_account.get(&account)))
        {
            return Err(HashingError::ShareExceeded);
        }
        if self.length >= self.capacity {
            return Err(HashingError::Busy);
        }
        Ok(())
    }

    /// Adds a job.
    pub(super) fn push(&mut self, requester: Requester, job: J) -> Result<(), HashingError> {
        self.check(&requester)?;
        if let Some(ip) = requester.client_ip {
            *self.by_client_ip.entry(ip).or_default() += 1;
        }
        if let Some(account) = requester.account {
            *self.by_account.entry(account).or_default() += 1;
        }
        self.length += 1;
        match self.turns.iter_mut().find(|(source, _)| *source == requester.client_ip) {
            Some((_, jobs)) => jobs.push_back((requester, job)),
            None => self.turns.push_back((requester.client_ip, [(requester, job)].into())),
        }
        Ok(())
    }

    /// The next job: the oldest of the source whose turn it is. It counts for its requester until [`FairQueue::finish`].
    pub(super) fn pop(&mut self) -> Option<(Requester, J)> {
        let (source, mut jobs) = self.turns.pop_front()?;
        let next = jobs.pop_front();
        if !jobs.is_empty() {
            self.turns.push_back((source, jobs));
        }
        self.length -= usize::from(next.is_some());
        next
    }

    /// A job that was popped is done.
    pub(super) fn finish(&mut self, requester: &Requester) {
        if let Some(ip) = requester.client_ip {
            release(&mut self.by_client_ip, ip);
        }
        if let Some(account) = requester.account {
            release(&mut self.by_account, account);
        }
    }

    /// Drops all waiting jobs.
    pub(super) fn clear(&mut self) {
        while let Some((requester, _)) = self.pop() {
            self.finish(&requester);
        }
    }
}

/// Counts one job less. A key without jobs takes no memory.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(ip: u8, account: u8) -> Requester {
        Requester { client_ip: Some([ip; 17]), account: Some([account; 32]) }
    }

    #[test]
    fn a_client_ip_has_only_its_share_of_waiting_and_running_jobs() {
        let mut queue = FairQueue::new(10, 2);
        assert_eq!(queue.push(from(1, 1), "first"), Ok(()));
        assert_eq!(queue.push(from(1, 2), "second"), Ok(()));

        assert_eq!(queue.push(from(1, 3), "third"), Err(HashingError::ShareExceeded));
        assert_eq!(queue.push(from(2, 3), "other"), Ok(()));
        let (running, _) = queue.pop().unwrap();
        assert_eq!(queue.check(&from(1, 3)), Err(HashingError::ShareExceeded), "it is in progress");
        queue.finish(&running);
        assert_eq!(queue.push(from(1, 3), "third"), Ok(()));
    }

    #[test]
    fn an_account_has_only_its_share_whatever_the_client_ip() {
        let mut queue = FairQueue::new(10, 2);
        assert_eq!(queue.push(from(1, 7), ()), Ok(()));
        assert_eq!(queue.push(from(2, 7), ()), Ok(()));

        assert_eq!(queue.push(from(3, 7), ()), Err(HashingError::ShareExceeded));
        assert_eq!(queue.push(from(3, 8), ()), Ok(()));
    }

    #[test]
    fn client_ips_take_turns() {
        let mut queue = FairQueue::new(10, 10);
        for (ip, job) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")] {
            queue.push(from(ip, ip), job).unwrap();
        }
        queue.push(Requester::default(), "none").unwrap();

        let order: Vec<_> = std::iter::from_fn(|| queue.pop().map(|(_, job)| job)).collect();

        assert_eq!(order, ["a1", "b1", "c1", "none", "a2", "b2", "a3"]);
    }

    #[test]
    fn all_sources_together_have_the_capacity() {
        let mut queue = FairQueue::new(3, 2);
        for ip in 1..=3 {
            assert_eq!(queue.push(from(ip, ip), ip), Ok(()));
        }

        assert_eq!(queue.push(from(4, 4), 4), Err(HashingError::Busy));
        assert_eq!((queue.len(), queue.oldest().copied().min()), (3, Some(1)));
    }

    #[test]
    fn finished_jobs_leave_no_counts() {
        let mut queue = FairQueue::new(1000, 10);
        for ip in 0..200 {
            queue.push(from(ip, ip), ()).unwrap();
        }
        for _ in 0..100 {
            let (requester, ()) = queue.pop().unwrap();
            queue.finish(&requester);
        }
        queue.clear();

        assert_eq!((queue.len(), queue.by_client_ip.len(), queue.by_account.len()), (0, 0, 0));
    }
}
