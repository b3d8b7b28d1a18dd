//! What is counted for a user and for a client IP: shown to administrators, and released by them.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::{RateLimit, client_ip_key};
use counterfoil_core::store::CounterValue;
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use super::{WriteLimit, WriteRateLimiter, pad, session_key};

/// A counter of a user or of a client IP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteCounter {
    /// What is counted.
    pub(crate) event: &'static str,
    /// The client IP for which it is counted, or `None` for a user.
    pub(crate) client_ip: Option<IpAddr>,
    /// The count, and when it starts again.
    pub(crate) value: CounterValue,
    /// The limit.
    pub(crate) limit: RateLimit,
}

impl WriteLimit {
    /// The limits of users.
    const PER_USER: [Self; 4] =
        [Self::PerUser, Self::RefreshesPerUser, Self::SessionEndsPerUser, Self::SingleSessionEndsPerUser];
}

impl WriteRateLimiter {
    /// What is counted for a user and for a client IP at `now`.
    pub(crate) fn counters_of(
        &self,
        user: Option<UserId>,
        ip: Option<IpAddr>,
        now: Time,
    ) -> Vec<WriteCounter> {
        let counters = self.keys_of(user, ip).into_iter().map(|(event, key)| WriteCounter {
            event,
            client_ip: ip.filter(|_| key.0 == WriteLimit::PerIp),
            value: self.counters.value(&key, now),
            limit: key.0.rate(&self.limits),
        });
        counters.collect()
    }

    /// Forgets what is counted for a user with these sessions, and for a client IP.
    pub(crate) fn forget(&self, user: Option<UserId>, sessions: &[SessionId], ip: Option<IpAddr>) {
        for (_, key) in self.keys_of(user, ip) {
            self.counters.remove(&key);
        }
        for session in sessions {
            let of_session = [WriteLimit::PerSession, WriteLimit::RefreshesPerSession];
            for limit in of_session {
                self.counters.remove(&(limit, pad(session.as_bytes())));
            }
            // Those of users are also counted under their sessions.
            for limit in WriteLimit::PER_USER {
                self.counters.remove(&(limit, session_key(*session)));
            }
        }
    }

    /// The counters of a user and of a client IP, with what they count.
    fn keys_of(
        &self,
        user: Option<UserId>,
        ip: Option<IpAddr>,
    ) -> Vec<(&'static str, (WriteLimit, [u8; 17]))> {
        let events = ["writes", "refreshes", "session_ends", "single_session_ends"];
        let of_user = user.into_iter().flat_map(|user| {
            let keys = WriteLimit::PER_USER.map(|limit| (limit, pad(user.as_bytes())));
            events.into_iter().zip(keys)
        });
        let of_ip = ip.map(|ip| ("writes_from_ip", (WriteLimit::PerIp, client_ip_key(ip, self.ipv6_prefix))));
        of_user.chain(of_ip).collect()
    }
}
