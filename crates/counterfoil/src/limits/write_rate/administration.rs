//! What is counted for a user and for a client IP: shown to administrators, and released by them.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::client_ip_key;
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use super::{WriteLimit, WriteRateLimiter, pad, session_key};
use crate::operations::admin::views::AccountCounterView;

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
    ) -> Vec<AccountCounterView> {
        let counters = self.keys_of(user, ip).into_iter().map(|(event, key)| {
            let (value, limit) = (self.counters.value(&key, now), key.0.rate(&self.limits));
            let is_of_ip = key.0 == WriteLimit::PerIp;
            let resets_at = Some(value.resets_at.unix_seconds()).filter(|_| value.count > 0);
            AccountCounterView {
                event: event.to_owned(),
                login_name: None,
                client_ip: ip.filter(|_| is_of_ip).map(|ip| ip.to_string()),
                count: value.count,
                max: Some(limit.max).filter(|_| !limit.is_off()),
                window: limit.window.as_secs(),
                resets_at,
                blocked_until: resets_at.filter(|_| value.count >= limit.max.into()),
            }
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
