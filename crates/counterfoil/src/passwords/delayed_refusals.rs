//! Counts the refusals that wait on a timer: in total and for each client IP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The refusals that wait. Clones share the same counts.
#[derive(Debug, Clone)]
pub(super) struct DelayedRefusals {
    limit: usize,
    limit_per_ip: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    per_ip: HashMap<[u8; 17], usize>,
}

/// A refusal that is counted as waiting until this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct DelayedRefusal {
    client_ip: Option<[u8; 17]>,
    counts: Arc<Mutex<Counts>>,
}

impl DelayedRefusals {
    /// At most `limit` refusals may wait, and `limit_per_ip` of one client IP.
    pub(super) fn new(limit: usize, limit_per_ip: usize) -> Self {
        Self { limit, limit_per_ip, counts: Arc::default() }
    }

    /// Counts one refusal; `None` if a limit is reached. Without a client IP only the total limit applies.
    pub(super) fn start(&self, client_ip: Option<[u8; 17]>) -> Option<DelayedRefusal> {
        let mut counts = lock(&self.counts);
        let of_ip = client_ip.and_then(|ip| counts.per_ip.get(&ip)).copied().unwrap_or_default();
        if counts.total >= self.limit || of_ip >= self.limit_per_ip {
            return None;
        }
        counts.total += 1;
        if let Some(ip) = client_ip {
            counts.per_ip.insert(ip, of_ip + 1);
        }
        Some(DelayedRefusal { client_ip, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for DelayedRefusal {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total -= 1;
        if let Some(ip) = self.client_ip
            && let Some(of_ip) = counts.per_ip.get_mut(&ip)
        {
            *of_ip -= 1;
            // A client IP without refusals takes no memory.
            if *of_ip == 0 {
                counts.per_ip.remove(&ip);
            }
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // The counts are consistent after each statement, so a poisoned lock is safe to use.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_ip_leaves_the_rest_to_others() {
        let refusals = DelayedRefusals::new(3, 2);
        let first = refusals.start(Some([1; 17])).unwrap();
        let _second = refusals.start(Some([1; 17])).unwrap();

        assert!(refusals.start(Some([1; 17])).is_none());
        let other = refusals.start(Some([2; 17])).unwrap();
        assert!(refusals.start(Some([3; 17])).is_none() && refusals.start(None).is_none(), "three wait");
        drop(other);
        drop(first);
        assert!(refusals.start(Some([1; 17])).is_some());
        assert_eq!(lock(&refusals.counts).per_ip.len(), 1, "a client IP without refusals is forgotten");
    }
}
