//! Limits the memory of request bodies that are being read: in total and per client IP.

use crate::limits::quota::{IpKey, Permit, Quota, QuotaExceeded};
use crate::settings::limits::Limits;

/// The memory that a request takes while its body is read, apart from the body, in bytes: headers, a task,
/// buffers of the HTTP library.
const REQUEST_OVERHEAD: usize = 8 * 1024;

/// The bytes available for bodies that are not complete yet.
///
/// Prevents memory exhaustion: without it ten thousand connections with a few streams each, each body a few
/// bytes short of its announced length, would hold gigabytes for as long as a request may take. New bodies
/// are refused when the limit is reached. One client IP may hold the same fraction of the bytes as of the
/// connections, since with the streams of HTTP/2 a few connections would be enough to use all of it.
#[derive(Debug)]
pub(crate) struct BodyMemoryLimiter(Quota);

impl BodyMemoryLimiter {
    /// Uses the byte limits in `limits`. The minimum is one request in total, and one complete body per
    /// client IP.
    pub(crate) fn new(limits: &Limits) -> Self {
        let total = limits.max_total_body_memory.max(REQUEST_OVERHEAD);
        let per_ip =
            total as u128 * limits.max_connections_per_ip as u128 / limits.max_connections.max(1) as u128;
        let min_per_ip = REQUEST_OVERHEAD.saturating_add(limits.max_body_size);
        Self(Quota::new(total, usize::try_from(per_ip).unwrap_or(usize::MAX).max(min_per_ip)))
    }

    /// Acquires the memory of one request; the permit grows with its body. Without an IP only the total limit
    /// applies.
    pub(crate) fn acquire(&self, ip: Option<IpKey>) -> Result<Permit, QuotaExceeded> {
        self.0.acquire(ip, REQUEST_OVERHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpKey = [1; 17];

    /// A limiter of so many bytes, a tenth of them per client IP.
    fn limiter(bytes: usize) -> BodyMemoryLimiter {
        BodyMemoryLimiter::new(&Limits {
            max_total_body_memory: bytes,
            max_body_size: 0,
            ..Limits::default()
        })
    }

    #[test]
    fn each_body_takes_the_overhead_and_an_ip_has_its_own_limit() {
        let limiter = limiter(20 * REQUEST_OVERHEAD);
        let mut first = limiter.acquire(Some(IP)).unwrap();
        let _second = limiter.acquire(Some(IP)).unwrap();

        assert_eq!(first.grow(1), Err(QuotaExceeded::PerIp), "two requests are the limit of one IP");
        let mut proxied = limiter.acquire(None).unwrap();
        assert_eq!(proxied.grow(17 * REQUEST_OVERHEAD), Ok(()), "without an IP the rest is available");
        assert_eq!(proxied.grow(1), Err(QuotaExceeded::Total));
    }

    #[test]
    fn one_complete_body_per_ip_always_fits() {
        assert!(limiter(0).acquire(Some(IP)).is_ok());
        let limits = Limits { max_connections_per_ip: 1, ..Limits::default() };

        assert_eq!(
            BodyMemoryLimiter::new(&limits).acquire(Some(IP)).unwrap().grow(limits.max_body_size),
            Ok(())
        );
    }
}
