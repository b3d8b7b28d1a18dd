//! Which token exchanges the audit log names already.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::services::login_rate_limiter::RateLimit;
use crate::services::window_counters::WindowCounters;

/// How long an exchange is not recorded again.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// How many audiences of one session are recorded in a window. Where a client may request any audience, each request
/// could name another one.
const MAX_AUDIENCES: u32 = 16;

/// The detail of the event that stands for all further audiences of a window.
const FURTHER_AUDIENCES: &str = "further audiences";

/// Remembers which exchanges were recorded in the last hour, so that a session that exchanges its credential for each
/// request does not fill the disk. It is in memory: after a restart an exchange is recorded once more.
#[derive(Debug, Default)]
pub(super) struct ExchangeLog {
    recorded: WindowCounters<Key>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Audience(SessionId, u64),
    Audiences(SessionId),
    Further(SessionId),
}

/// An exchange that must be recorded, with the detail of its event.
#[derive(Debug)]
pub(super) struct DueRecord<'a> {
    pub(super) detail: Option<&'a str>,
    key: Key,
}

impl ExchangeLog {
    /// Whether this exchange must be recorded before it is answered. Of concurrent equal ones only the first must.
    /// `audience` is `None` for the issuer itself.
    pub(super) fn take<'a>(
        &self,
        session: SessionId,
        audience: Option<&'a str>,
        now: Time,
    ) -> Option<DueRecord<'a>> {
        let key = Key::Audience(session, self.hasher.hash_one(audience));
        self.recorded.check(key, rate(1), now).ok()?;
        // Before the audience has a counter of its own: one session must not fill the table, and so have the exchanges of
        // others recorded again.
        if self.count(Key::Audiences(session), MAX_AUDIENCES, now).is_some() {
            self.count(key, 1, now)?;
            return Some(DueRecord { detail: audience, key });
        }
        let key = Key::Further(session);
        self.count(key, 1, now)?;
        Some(DueRecord { detail: Some(FURTHER_AUDIENCES), key })
    }

    /// Makes the exchange due again: it could not be recorded.
    pub(super) fn put_back(&self, record: &DueRecord<'_>) {
        self.recorded.take_back(record.key);
    }

    fn count(&self, key: Key, max: u32, now: Time) -> Option<()> {
        self.recorded.count(key, rate(max), now).ok()
    }
}

const fn rate(max: u32) -> RateLimit {
    RateLimit { max, window: WINDOW }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const SESSION: SessionId = SessionId::from_bytes([1; 16]);

    #[test]
    fn an_exchange_is_recorded_once_an_hour_for_each_session_and_audience() {
        let log = ExchangeLog::default();
        let is_due = |session, audience, now| log.take(session, audience, now).is_some();

        assert!(is_due(SESSION, None, NOON));
        assert!(!is_due(SESSION, None, NOON + WINDOW / 2));
        assert!(is_due(SESSION, Some("orders"), NOON));
        assert!(is_due(SessionId::from_bytes([2; 16]), None, NOON));
        assert!(is_due(SESSION, None, NOON + WINDOW));
    }

    #[test]
    fn many_audiences_of_one_session_are_recorded_as_further_ones() {
        let log = ExchangeLog::default();
        let audiences: Vec<String> = (0..1000).map(|number| format!("https://{number}.example")).collect();

        let details: Vec<_> = audiences
            .iter()
            .filter_map(|audience| log.take(SESSION, Some(audience.as_str()), NOON)?.detail)
            .collect();

        assert_eq!(details.len(), 17);
        assert_eq!(details[16], FURTHER_AUDIENCES);
        assert_eq!(log.recorded.len(), 18, "further audiences have no counter");
    }

    #[test]
    fn an_exchange_that_was_not_recorded_is_due_again() {
        let log = ExchangeLog::default();
        let due = log.take(SESSION, None, NOON).unwrap();

        log.put_back(&due);

        assert!(log.take(SESSION, None, NOON).is_some());
    }
}
