//! Limits how often a session, a user and a client IP may change something.

mod administration;

use std::net::IpAddr;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::services::login_rate_limiter::{RateLimit, client_ip_key};
use counterfoil_core::services::window_counters::WindowCounters;
use counterfoil_core::{ClientError, RateLimitReached};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::settings::Settings;
use crate::settings::write_rate_limits::WriteRateLimits;

pub(crate) use self::administration::WriteCounter;

/// Counts changes in memory and refuses those above the limits.
///
/// The counters are keyed by what was authenticated, never by an id that a request only claims: an attacker who knows
/// the id of a session must not be able to use up its limits.
#[derive(Debug)]
pub(crate) struct WriteRateLimiter {
    limits: WriteRateLimits,
    ipv6_prefix: u8,
    counters: WindowCounters<(WriteLimit, [u8; 17])>,
    refused: Family<Label, Counter>,
}

/// The name of the limit that refused a change, as a label of the metric. Always a constant.
type Label = [(&'static str, &'static str); 1];

/// Who changes something. What is not known is not counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Writer {
    /// The session of the credential.
    pub(crate) session: Option<SessionId>,
    /// The user of the session.
    pub(crate) user: Option<UserId>,
    /// The client IP.
    pub(crate) ip: Option<IpAddr>,
}

/// A limit of [`WriteRateLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WriteLimit {
    /// Changes by one session.
    PerSession,
    /// Changes by one user.
    PerUser,
    /// Changes by one admin key, as many as by one user.
    PerAdminKey,
    /// Changes from one client IP.
    PerIp,
    /// Refreshes of one session.
    RefreshesPerSession,
    /// Refreshes of one user.
    RefreshesPerUser,
    /// Ends of all sessions of one user.
    SessionEndsPerUser,
    /// Ends of single other sessions of one user.
    SingleSessionEndsPerUser,
}

impl WriteLimit {
    const ALL: [Self; 8] = [
        Self::PerSession,
        Self::PerUser,
        Self::PerAdminKey,
        Self::PerIp,
        Self::RefreshesPerSession,
        Self::RefreshesPerUser,
        Self::SessionEndsPerUser,
        Self::SingleSessionEndsPerUser,
    ];

    /// The value of the label `limit`: the name of the setting, but for admin keys.
    const fn as_str(self) -> &'static str {
        match self {
            Self::PerSession => "per_session",
            Self::PerUser => "per_user",
            Self::PerAdminKey => "per_admin_key",
            Self::PerIp => "per_ip",
            Self::RefreshesPerSession => "refreshes_per_session",
            Self::RefreshesPerUser => "refreshes_per_user",
            Self::SessionEndsPerUser => "session_ends_per_user",
            Self::SingleSessionEndsPerUser => "single_session_ends_per_user",
        }
    }

    /// What is limited, for the log.
    const fn description(self) -> &'static str {
        match self {
            Self::PerSession => "changes by one session",
            Self::PerUser => "changes by one user",
            Self::PerAdminKey => "changes by one admin key",
            Self::PerIp => "changes from one IP",
            Self::RefreshesPerSession => "refreshes of one session",
            Self::RefreshesPerUser => "refreshes of one user",
            Self::SessionEndsPerUser => "ends of all sessions of one user",
            Self::SingleSessionEndsPerUser => "ends of single sessions of one user",
        }
    }

    const fn rate(self, limits: &WriteRateLimits) -> RateLimit {
        match self {
            Self::PerSession => limits.per_session,
            Self::PerUser | Self::PerAdminKey => limits.per_user,
            Self::PerIp => limits.per_ip,
            Self::RefreshesPerSession => limits.refreshes_per_session,
            Self::RefreshesPerUser => limits.refreshes_per_user,
            Self::SessionEndsPerUser => limits.session_ends_per_user,
            Self::SingleSessionEndsPerUser => limits.single_session_ends_per_user,
        }
    }
}

impl WriteRateLimiter {
    /// Uses the limits in `settings`.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        let refused: Family<Label, Counter> = Family::default();
        for limit in WriteLimit::ALL {
            // Every series starts at zero, so that a rate can be computed from the first refusal on.
            let _ = refused.get_or_create(&[("limit", limit.as_str())]);
        }
        Self {
            limits: settings.write_rate_limits,
            ipv6_prefix: settings.rate_limits.ipv6_prefix,
            counters: WindowCounters::default(),
            refused,
        }
    }

    /// Counts a change. What one limit refuses is not counted by the next ones, so that one session cannot use up what its
    /// user or its network may do.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(crate) fn count(&self, writer: &Writer, now: Time) -> Result<(), ClientError> {
        if let Some(session) = writer.session {
            self.count_one(WriteLimit::PerSession, pad(session.as_bytes()), now)?;
        }
        if let Some(user) = writer.user {
            self.count_one(WriteLimit::PerUser, pad(user.as_bytes()), now)?;
        }
        self.count_ip(writer.ip, now)
    }

    /// Counts a change by a program with an admin key.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub(crate) fn count_admin_key(
        &self,
        key: AdminKeyId,
        ip: Option<IpAddr>,
        now: Time,
    ) -> Result<(), ClientError> {
        self.count_one(WriteLimit::PerAdminKey, pad(key.as_bytes()), now)?;
        self.count_ip(ip, now)
    }

    /// Counts an act that has a limit of its own, for this session and for its user. It is counted before it is done, so that
    /// of any number of concurrent acts no more are done than the limit allows.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub(crate) fn count_act(
        &self,
        act: WriteLimit,
        (session, user): (SessionId, UserId),
        now: Time,
    ) -> Result<(), ClientError> {
        self.count_one(act, session_key(session), now)?;
        let counted = self.count_one(act, pad(user.as_bytes()), now);
        if counted.is_err() {
            // An act that was refused was not done: the session must not wait longer than its user.
            self.counters.take_back((act, session_key(session)));
        }
        counted
    }

    /// Takes back what the user did not do: an act that changed nothing counts for its session alone. The thief of a session
    /// could otherwise use up the limit of its owner without any effect.
    pub(crate) fn take_back_act(&self, act: WriteLimit, user: UserId) {
        self.counters.take_back((act, pad(user.as_bytes())));
    }

    /// Takes back an act that failed: after an outage the user can try again at once.
    pub(crate) fn take_back_failed_act(&self, act: WriteLimit, (session, user): (SessionId, UserId)) {
        self.counters.take_back((act, session_key(session)));
        self.take_back_act(act, user);
    }

    /// Checks whether a session may be refreshed, without counting: its refresh token is not verified yet.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub(crate) fn check_refresh(
        &self,
        session: SessionId,
        ip: Option<IpAddr>,
        now: Time,
    ) -> Result<(), ClientError> {
        self.check_one(WriteLimit::RefreshesPerSession, pad(session.as_bytes()), now)?;
        self.check_one(WriteLimit::RefreshesPerUser, session_key(session), now)?;
        match ip {
            Some(ip) => self.check_one(WriteLimit::PerIp, client_ip_key(ip, self.ipv6_prefix), now),
            None => Ok(()),
        }
    }

    /// Counts a refresh that succeeded. It refuses nothing: the used token is spent, so the client must get the next one.
    /// At a limit the next refresh of the session is refused.
    pub(crate) fn record_refresh(&self, session: SessionId, user: UserId, ip: Option<IpAddr>, now: Time) {
        let limits = &self.limits;
        let per_session = WriteLimit::RefreshesPerSession;
        let _ = self.counters.count((per_session, pad(session.as_bytes())), per_session.rate(limits), now);
        if let Some(ip) = ip {
            let key = (WriteLimit::PerIp, client_ip_key(ip, self.ipv6_prefix));
            let _ = self.counters.count(key, limits.per_ip, now);
        }
        let per_user = WriteLimit::RefreshesPerUser;
        let counted = self.counters.count((per_user, pad(user.as_bytes())), per_user.rate(limits), now);
        if let Err(wait) = counted {
            // The user of a session is known only after its refresh.
            self.counters.fill((per_user, session_key(session)), now + wait, now);
        }
    }

    /// How many changes were refused, by limit, to register it for export.
    pub(crate) fn refused(&self) -> Family<Label, Counter> {
        self.refused.clone()
    }

    fn count_ip(&self, ip: Option<IpAddr>, now: Time) -> Result<(), ClientError> {
        match ip {
            Some(ip) => self.count_one(WriteLimit::PerIp, client_ip_key(ip, self.ipv6_prefix), now),
            None => Ok(()),
        }
    }

    fn count_one(&self, limit: WriteLimit, id: [u8; 17], now: Time) -> Result<(), ClientError> {
        let counted = self.counters.count((limit, id), limit.rate(&self.limits), now);
        counted.map_err(|wait| self.refuse(limit, wait))
    }

    fn check_one(&self, limit: WriteLimit, id: [u8; 17], now: Time) -> Result<(), ClientError> {
        let checked = self.counters.check((limit, id), limit.rate(&self.limits), now);
        checked.map_err(|wait| self.refuse(limit, wait))
    }

    fn refuse(&self, limit: WriteLimit, wait: Duration) -> ClientError {
        self.refused.get_or_create(&[("limit", limit.as_str())]).inc();
        ClientError::RateLimited(RateLimitReached { limit: limit.description(), retry_after: wait })
    }
}

/// The key of a session under a limit of users. No user has it.
fn session_key(session: SessionId) -> [u8; 17] {
    let mut key = pad(session.as_bytes());
    key[0] = 1;
    key
}

/// An id in the size of the key of a client IP.
fn pad(id: &[u8; 16]) -> [u8; 17] {
    let mut key = [0; 17];
    key[1..].copy_from_slice(id);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn limiter(change: impl FnOnce(&mut WriteRateLimits)) -> WriteRateLimiter {
        let defaults = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        let mut settings = Settings { write_rate_limits: WriteRateLimits::off(), ..defaults };
        change(&mut settings.write_rate_limits);
        WriteRateLimiter::for_settings(&settings)
    }

    fn writer(session: u8, user: u8, ip: &str) -> Writer {
        Writer {
            session: Some(SessionId::from_bytes([session; 16])),
            user: Some(UserId::from_bytes([user; 16])),
            ip: Some(ip.parse().unwrap()),
        }
    }

    fn rate(max: u32) -> RateLimit {
        RateLimit { max, window: MINUTE }
    }

    #[test]
    fn a_session_at_its_limit_uses_up_nothing_of_its_user() {
        let limiter = limiter(|limits| (limits.per_session, limits.per_user) = (rate(2), rate(3)));
        let (thief, owner) = (writer(1, 1, "192.0.2.1"), writer(2, 1, "192.0.2.2"));

        let counted = (0..10).filter(|_| limiter.count(&thief, NOON).is_ok()).count();

        assert_eq!(counted, 2);
        assert_eq!(limiter.count(&owner, NOON), Ok(()));
        assert_eq!(
            limiter.count(&owner, NOON),
            Err(ClientError::RateLimited(RateLimitReached {
                limit: "changes by one user",
                retry_after: MINUTE
            }))
        );
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_share_one_limit() {
        let limiter = limiter(|limits| limits.per_ip = rate(1));

        assert_eq!(limiter.count(&writer(1, 1, "2001:db8::1"), NOON), Ok(()));

        assert!(limiter.count(&writer(2, 2, "2001:db8::2"), NOON).is_err());
        assert_eq!(limiter.count(&writer(3, 3, "2001:db8:0:1::1"), NOON), Ok(()));
    }

    #[test]
    fn a_refresh_is_refused_at_the_limit_of_its_session_and_of_its_user() {
        let limiter = limiter(|limits| {
            limits.refreshes_per_session = rate(2);
            limits.refreshes_per_user = rate(3);
        });
        let (user, session) = (UserId::from_bytes([9; 16]), |id| SessionId::from_bytes([id; 16]));
        let refresh = |id| {
            limiter.check_refresh(session(id), None, NOON).map(|()| {
                limiter.record_refresh(session(id), user, None, NOON);
            })
        };

        assert_eq!([refresh(1), refresh(1)], [Ok(()), Ok(())]);
        assert!(refresh(1).is_err(), "the limit of the session");
        assert_eq!([refresh(2), refresh(3)], [Ok(()), Ok(())], "a refresh that has rotated is answered");
        assert!(refresh(3).is_err(), "the limit of the user");
        assert_eq!(limiter.check_refresh(session(3), None, NOON + MINUTE), Ok(()));
    }

    #[test]
    fn acts_that_change_nothing_count_for_their_session_alone() {
        let limiter = limiter(|limits| limits.session_ends_per_user = rate(2));
        let presented = |session| (SessionId::from_bytes([session; 16]), UserId::from_bytes([9; 16]));
        let act = WriteLimit::SessionEndsPerUser;
        let (thief, owner) = (presented(1), presented(2));
        for _ in 0..2 {
            assert_eq!(limiter.count_act(act, thief, NOON), Ok(()));
            limiter.take_back_act(act, thief.1);
        }

        assert!(limiter.count_act(act, thief, NOON).is_err());
        for _ in 0..2 {
            assert_eq!(limiter.count_act(act, owner, NOON), Ok(()));
        }
        let third = presented(3);
        for _ in 0..5 {
            assert!(limiter.count_act(act, third, NOON + MINUTE / 2).is_err());
        }
        assert_eq!(limiter.count_act(act, third, NOON + MINUTE), Ok(()), "a refused act does not count");
    }

    #[test]
    fn acts_that_failed_count_for_no_user() {
        let limiter = limiter(|limits| limits.session_ends_per_user = rate(2));
        let presented = (SessionId::from_bytes([1; 16]), UserId::from_bytes([9; 16]));
        for _ in 0..5 {
            assert_eq!(limiter.count_act(WriteLimit::SessionEndsPerUser, presented, NOON), Ok(()));
            limiter.take_back_failed_act(WriteLimit::SessionEndsPerUser, presented);
        }
    }

    #[test]
    fn each_refusal_is_counted_under_its_limit() {
        let limiter = limiter(|limits| limits.per_user = rate(1));
        for _ in 0..3 {
            let _ = limiter.count(&writer(1, 1, "192.0.2.1"), NOON);
        }

        let series = |name| limiter.refused().get(&[("limit", name)]).map(|counter| counter.get());
        assert_eq!((series("per_user"), series("per_session")), (Some(2), Some(0)));
    }
}
