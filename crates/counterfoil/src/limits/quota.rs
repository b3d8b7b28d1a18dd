//! A quota with a total limit and a limit per client IP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A client IP in the form that the login rate limiter uses too: an IPv4 address, or an IPv6 network.
pub(crate) type IpKey = [u8; 17];

/// A number of units, of which one client IP may hold only a part. Clones share the same units.
#[derive(Debug, Clone)]
pub(crate) struct Quota(Arc<State>);

#[derive(Debug)]
struct State {
    limit: usize,
    limit_per_ip: usize,
    usage: Mutex<Usage>,
}

#[derive(Debug, Default)]
struct Usage {
    total: usize,
    per_ip: HashMap<IpKey, usize>,
}

/// Units that are in use. Dropping it returns them.
#[derive(Debug)]
#[must_use]
pub(crate) struct Permit {
    state: Arc<State>,
    ip: Option<IpKey>,
    amount: usize,
}

/// The limit that refused an acquisition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QuotaExceeded {
    /// All clients together have reached the total limit.
    Total,
    /// This client IP has reached its own limit, whatever others use.
    PerIp,
}

impl Quota {
    /// A quota of `limit` units, of which one client IP may hold `limit_per_ip`.
    pub(crate) fn new(limit: usize, limit_per_ip: usize) -> Self {
        Self(Arc::new(State { limit, limit_per_ip, usage: Mutex::default() }))
    }

    /// Acquires `amount` units for `ip`. Without an IP only the total limit applies.
    pub(crate) fn acquire(&self, ip: Option<IpKey>, amount: usize) -> Result<Permit, QuotaExceeded> {
        let mut permit = Permit { state: Arc::clone(&self.0), ip, amount: 0 };
        permit.grow(amount)?;
        Ok(permit)
    }
}

impl Permit {
    /// Acquires `amount` more units. On an error the permit keeps the units that it has.
    pub(crate) fn grow(&mut self, amount: usize) -> Result<(), QuotaExceeded> {
        let state = &*self.state;
        state.usage().add(amount, self.ip, state)?;
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.state.usage().subtract(self.amount, self.ip);
    }
}

impl State {
    fn usage(&self) -> MutexGuard<'_, Usage> {
        // The counters are consistent after each statement, so a poisoned lock is safe to use.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    /// Adds `amount` if both limits still hold. The limit per IP is checked first.
    fn add(&mut self, amount: usize, ip: Option<IpKey>, state: &State) -> Result<(), QuotaExceeded> {
        let add_within = |used: usize, limit: usize| used.checked_add(amount).filter(|sum| *sum <= limit);
        let entry = ip.map(|ip| {
            let used = self.per_ip.get(&ip).copied().unwrap_or_default();
            add_within(used, state.limit_per_ip).map(|sum| (ip, sum)).ok_or(QuotaExceeded::PerIp)
        });
        let entry = entry.transpose()?;
        self.total = add_within(self.total, state.limit).ok_or(QuotaExceeded::Total)?;
        self.per_ip.extend(entry);
        Ok(())
    }

    fn subtract(&mut self, amount: usize, ip: Option<IpKey>) {
        self.total -= amount;
        if let Some(ip) = ip
            && let Some(used) = self.per_ip.get_mut(&ip)
        {
            *used -= amount;
            // An IP that holds nothing takes no memory.
            if *used == 0 {
                self.per_ip.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpKey = [1; 17];
    const OTHER_IP: IpKey = [2; 17];

    #[test]
    fn the_total_limit_holds_for_all_permits_together() {
        let quota = Quota::new(3, 3);
        let (first, mut second) =
            (quota.acquire(None, 2).unwrap(), quota.acquire(Some(OTHER_IP), 1).unwrap());

        assert_eq!(second.grow(1), Err(QuotaExceeded::Total));
        assert_eq!(quota.acquire(None, 1).unwrap_err(), QuotaExceeded::Total);
        drop(first);
        assert_eq!(second.grow(2), Ok(()), "dropped units are available again");
    }

    #[test]
    fn the_limit_per_ip_leaves_the_rest_to_other_ips() {
        let quota = Quota::new(10, 2);
        let (mut first, second) = (quota.acquire(Some(IP), 1).unwrap(), quota.acquire(Some(IP), 1).unwrap());

        assert_eq!(first.grow(1), Err(QuotaExceeded::PerIp));
        assert_eq!(quota.acquire(Some(IP), 1).unwrap_err(), QuotaExceeded::PerIp);
        let _other = quota.acquire(Some(OTHER_IP), 2).unwrap();
        drop(second);
        assert_eq!(first.grow(1), Ok(()));
        let _without_ip = quota.acquire(None, 6).unwrap();
        assert_eq!(
            first.grow(1),
            Err(QuotaExceeded::PerIp),
            "the limit per IP is reported even when the total limit is reached too"
        );
    }

    #[test]
    fn an_ip_without_permits_is_forgotten() {
        let quota = Quota::new(1000, 2);
        for number in 0..=255 {
            let mut permit = quota.acquire(Some([number; 17]), 1).unwrap();
            assert_eq!(permit.grow(1), Ok(()));
        }

        let usage = quota.0.usage();
        assert_eq!((usage.total, usage.per_ip.len()), (0, 0));
    }

    #[test]
    fn a_refused_acquisition_uses_nothing() {
        let quota = Quota::new(1, 2);
        assert_eq!(quota.acquire(Some(IP), 2).unwrap_err(), QuotaExceeded::Total);
        assert_eq!(quota.acquire(Some(IP), usize::MAX).unwrap_err(), QuotaExceeded::PerIp);

        let usage = quota.0.usage();
        assert_eq!((usage.total, usage.per_ip.len()), (0, 0));
    }

    #[test]
    fn an_amount_that_overflows_is_refused() {
        let quota = Quota::new(usize::MAX, usize::MAX);

        assert_eq!(quota.acquire(None, 1).unwrap().grow(usize::MAX), Err(QuotaExceeded::Total));
    }
}
