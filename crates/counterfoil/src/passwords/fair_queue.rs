//! A bounded queue that is shared among client IPs and among accounts.

use std::collections::{HashMap, VecDeque};

use counterfoil_core::services::password_hasher::{HashingError, Requester};

/// The jobs that wait, by client IP.
///
/// A client IP or an account may have only a share of the jobs that wait and of those in progress, and client IPs take
/// turns. So a source that sends as much as it can fills neither the queue nor the threads: a job of another source waits
/// for the jobs in progress and for one job of each other source.
///
/// Where a few sources together use the whole queue, or one of them the share of an account, a job of another source takes
/// the place of the newest one of the source that has the most. So no client locks an account by guesses that wait.
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

/// Where a new job waits.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// At the end of its source's jobs.
    Free,
    /// There, after this job was removed: the number of its source's turn, and its number among those jobs.
    Of { turn: usize, position: usize },
}

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
        self.find_place(requester).map(|_| ())
    }

    /// Adds a job. Returns the job whose place it takes, if the queue or the share of the account was full.
    pub(super) fn push(&mut self, requester: Requester, job: J) -> Result<Option<J>, HashingError> {
        let displaced = match self.find_place(&requester)? {
            Place::Free => None,
            Place::Of { turn, position } => self.remove(turn, position),
        };
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
        Ok(displaced)
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

    /// Where a job for `requester` would wait.
    fn find_place(&self, requester: &Requester) -> Result<Place, HashingError> {
        let has_share = |used: Option<&usize>| used.is_some_and(|used| *used >= self.share);
        if has_share(requester.client_ip.and_then(|ip| self.by_client_ip.get(&ip))) {
            return Err(HashingError::ShareExceeded);
        }
        let (account, full) = match requester.account {
            Some(account) if has_share(self.by_account.get(&account)) => {
                (Some(account), HashingError::ShareExceeded)
            }
            _ if self.length >= self.capacity => (None, HashingError::Busy),
            _ => return Ok(Place::Free),
        };
        self.find_displaced(requester.client_ip, account).ok_or(full)
    }

    /// The newest waiting job of the source that has the most, of `account` or of all accounts. `None` if it would then have
    /// fewer than `client_ip`.
    fn find_displaced(&self, client_ip: Option<[u8; 17]>, account: Option<[u8; 32]>) -> Option<Place> {
        let is_counted = |requester: &Requester| account.is_none() || requester.account == account;
        let count = |(_, jobs): &Turn<J>| jobs.iter().filter(|(of, _)| is_counted(of)).count();
        let own = self.turns.iter().find(|(source, _)| *source == client_ip).map_or(0, count);
        let counts = self.turns.iter().enumerate().map(|(number, turn)| (count(turn), number));
        let (_, turn) = counts.max().filter(|(most, _)| *most > own + 1)?;
        let position = self.turns[turn].1.iter().rposition(|(of, _)| is_counted(of))?;
        Some(Place::Of { turn, position })
    }

    /// Removes a waiting job. Its source has others.
    fn remove(&mut self, turn: usize, position: usize) -> Option<J> {
        let (requester, job) = self.turns.get_mut(turn)?.1.remove(position)?;
        self.length -= 1;
        self.finish(&requester);
        Some(job)
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
        assert_eq!(queue.push(from(1, 1), "first"), Ok(None));
        assert_eq!(queue.push(from(1, 2), "second"), Ok(None));

        assert_eq!(queue.push(from(1, 3), "third"), Err(HashingError::ShareExceeded));
        assert_eq!(queue.push(from(2, 3), "other"), Ok(None));
        let (running, _) = queue.pop().unwrap();
        assert_eq!(queue.check(&from(1, 3)), Err(HashingError::ShareExceeded), "it is in progress");
        queue.finish(&running);
        assert_eq!(queue.push(from(1, 3), "third"), Ok(None));
    }

    #[test]
    fn an_account_has_only_its_share_whatever_the_client_ip() {
        let mut queue = FairQueue::new(10, 2);
        assert_eq!(queue.push(from(1, 7), ()), Ok(None));
        assert_eq!(queue.push(from(2, 7), ()), Ok(None));

        assert_eq!(queue.push(from(3, 7), ()), Err(HashingError::ShareExceeded));
        assert_eq!(queue.push(from(3, 8), ()), Ok(None));
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
            assert_eq!(queue.push(from(ip, ip), ip), Ok(None));
        }

        assert_eq!(queue.push(from(4, 4), 4), Err(HashingError::Busy));
        assert_eq!((queue.len(), queue.oldest().copied().min()), (3, Some(1)));
    }

    #[test]
    fn one_source_cannot_use_the_share_of_an_account_against_another() {
        let mut queue = FairQueue::new(100, 4);
        for job in ["a1", "a2", "a3", "a4"] {
            assert_eq!(queue.push(from(1, 7), job), Ok(None));
        }
        let (running, _) = queue.pop().unwrap();
        assert_eq!(queue.check(&from(1, 7)), Err(HashingError::ShareExceeded));

        assert_eq!(queue.push(from(2, 7), "owner"), Ok(Some("a4")), "the newest one gives way");
        assert_eq!(queue.push(from(2, 7), "owner"), Err(HashingError::ShareExceeded), "each has its part");

        queue.finish(&running);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop().map(|(_, job)| job)).collect();
        assert_eq!(order, ["a2", "owner", "a3"]);
    }

    #[test]
    fn a_few_sources_cannot_use_the_whole_queue_against_another() {
        let mut queue = FairQueue::new(8, 4);
        for (number, ip) in [1, 1, 1, 2, 2, 2, 2, 1].into_iter().enumerate() {
            assert_eq!(queue.push(from(ip, ip), number), Ok(None));
        }

        let from_others: Vec<_> = (3..20).map(|ip| queue.push(from(ip, ip), 100)).collect();

        let displaced = from_others.iter().filter(|pushed| matches!(pushed, Ok(Some(_)))).count();
        assert_eq!(displaced, 6, "each of the two keeps one");
        assert_eq!(from_others[6..], [const { Err(HashingError::Busy) }; 11]);
        assert_eq!((queue.len(), queue.by_client_ip.len()), (8, 8));
        queue.clear();
        assert_eq!((queue.len(), queue.by_client_ip.len(), queue.by_account.len()), (0, 0, 0));
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
