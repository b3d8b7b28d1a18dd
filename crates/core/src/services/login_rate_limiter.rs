//! How often somebody may guess: failures are counted durably, successes never.
//!
//! ```text
//!   admit      reads the counters before anything is hashed; full: 429, whoever the name belongs to
//!   failed     takes from all of them in one commit; who took too much learns nothing from the failure
//!   succeeded  reads them again; too many were faster: 429, though the password was right
//! ```
//!
//! So of any number of guesses at the same time no more are answered than the limit allows, and a login that
//! succeeds writes nothing in the usual case. Nothing that a client shows or begins anew resets a counter; only
//! the owner's own success ends the count of failures in a row.
//!
//! A stranger must not lock the owner out by failing on purpose. So the count in a row, the one limit that holds
//! wherever one comes from, spares sources that have logged in to this account within [`RateLimits::known_for`].
//!
//! The same holds for the current password that a change of it asks for: the thief of a session guesses, and must
//! not lock the owner out. So each session has its count, which ends long before that of the user does.
//!
//! The names of counters are keyed hashes: none of them tells what somebody typed, or where from.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{HmacKey, Time, base64url};
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::ClientError;
use crate::services::ServiceError;
use crate::store::{Change, CommitOutcome, CounterIncrement, CounterKey, CounterValue, Store};

/// How long before its end the mark of a known source is renewed at the earliest: most logins write none.
const RENEWED: Duration = Duration::from_secs(24 * 60 * 60);

/// So many within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub most: u32,
    /// Within which time, from the first of them on.
    pub window: Duration,
}

/// How often what may be tried.
///
/// ```
/// use std::time::Duration;
/// use counterfoil_core::services::login_rate_limiter::{RateLimits, RateLimit};
///
/// let strict = RateLimits { source: RateLimit { most: 10, window: Duration::from_secs(60) }, ..RateLimits::default() };
/// assert_eq!(strict.account_and_source.most, 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Failed logins to one account from one source.
    pub account_and_source: RateLimit,
    /// Failed logins from one source, whatever the account.
    pub source: RateLimit,
    /// Failed logins to one account in a row, from sources that it does not know; wrong current passwords of one
    /// user in a row. NIST SP 800-63B-4, section 3.2.2, wants at most 100.
    pub in_a_row: RateLimit,
    /// Wrong current passwords in one session. Far fewer than `in_a_row`, and for as long: who has stolen one
    /// session is not to fill the count of its owner.
    pub password_changes: RateLimit,
    /// Registrations from one source.
    pub registrations: RateLimit,
    /// How long an account knows a source after a login from there.
    pub known_for: Duration,
    /// How many leading bits of an IPv6 address make a source: whoever has one address has the other 2^64 of the
    /// network too.
    pub ipv6_prefix: u8,
}

impl Default for RateLimits {
    fn default() -> Self {
        let rate = |most, minutes: u64| RateLimit { most, window: Duration::from_secs(60 * minutes) };
        Self {
            account_and_source: rate(20, 15),
            source: rate(100, 1),
            in_a_row: rate(100, 24 * 60),
            password_changes: rate(20, 24 * 60),
            registrations: rate(100, 60),
            known_for: Duration::from_secs(30 * 24 * 60 * 60),
            ipv6_prefix: 64,
        }
    }
}

/// Counts failures and says who has to wait.
#[derive(Clone)]
pub struct LoginRateLimiter {
    store: Arc<dyn Store>,
    key: HmacKey,
    limits: RateLimits,
}

/// A guess that was let through, and where its failure is counted.
#[derive(Debug)]
#[must_use]
pub struct LoginAttempt {
    bounds: Vec<RateLimitRule>,
    in_a_row: RateLimitRule,
    /// The mark of the source in this account, and until when it stands.
    known: Option<(CounterKey, Time)>,
}

/// A counter and what it may hold.
#[derive(Debug, Clone)]
struct RateLimitRule {
    /// Its word in the log.
    name: &'static str,
    counter: CounterKey,
    rate: RateLimit,
}

impl LoginRateLimiter {
    /// Counts in `store`, under names that are hashed with `key`: the same key at every start.
    pub fn new(store: Arc<dyn Store>, key: HmacKey, limits: RateLimits) -> Self {
        Self { store, key, limits }
    }

    /// Lets a login to `account` through, if there is a guess left. `account` is what the name comes to when it
    /// is looked up, whether or not it belongs to somebody. Without an address only the count in a row holds.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub async fn admit_login(
        &self,
        account: &str,
        from: Option<IpAddr>,
        now: Time,
    ) -> Result<LoginAttempt, ServiceError> {
        let account = account.as_bytes();
        let mut guess = LoginAttempt {
            bounds: Vec::new(),
            in_a_row: self.bound("in a row", [b"r", b"", account], self.limits.in_a_row),
            known: None,
        };
        if let Some(source) = from.map(|ip| source_of(ip, self.limits.ipv6_prefix)) {
            let both = ("account and source", self.limits.account_and_source);
            guess.bounds = vec![
                self.bound(both.0, [b"b", &source, account], both.1),
                self.bound("source", [b"s", &source, b""], self.limits.source),
            ];
            guess.known = Some((self.counter([b"k", &source, account]), Time::EPOCH));
        }
        self.admit(guess, now).await
    }

    /// Lets a change of the password through, if the session and the user have a guess at the current one left.
    /// Without a session only the user's count in a row holds.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub async fn admit_password_change(
        &self,
        user: UserId,
        session: Option<SessionId>,
        now: Time,
    ) -> Result<LoginAttempt, ServiceError> {
        let of_session = |session: SessionId| {
            let about: [&[u8]; 3] = [b"c", b"", session.as_bytes()];
            self.bound("password changes of a session", about, self.limits.password_changes)
        };
        let about: [&[u8]; 3] = [b"d", b"", user.as_bytes()];
        let guess = LoginAttempt {
            bounds: session.map(of_session).into_iter().collect(),
            in_a_row: self.bound("password changes in a row", about, self.limits.in_a_row),
            known: None,
        };
        self.admit(guess, now).await
    }

    /// Counts a registration.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if there were too many from there.
    pub async fn admit_registration(&self, from: Option<IpAddr>, now: Time) -> Result<(), ServiceError> {
        let Some(ip) = from else { return Ok(()) };
        let source = source_of(ip, self.limits.ipv6_prefix);
        let bound = self.bound("registrations", [b"n", &source, b""], self.limits.registrations);
        let told = self.store.take(&[bound.taking()], now).await?;
        wait_for(told.into_iter().filter(|spent| bound.is_exceeded_by(*spent)), now)
    }

    /// Counts a failure. The guess beyond the last is told to wait, like all after it.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if others that came at the same time were counted before.
    pub async fn failed(&self, guess: &LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let takings: Vec<CounterIncrement> = guess.all().map(RateLimitRule::taking).collect();
        let told = self.store.take(&takings, now).await?;
        for (bound, spent) in guess.all().zip(&told) {
            if spent.taken == u64::from(bound.rate.most) {
                tracing::warn!(limit = bound.name, "too many failed guesses: the next ones have to wait");
            }
        }
        let exceeded = guess.binding(now).zip(told).filter(|(bound, spent)| bound.is_exceeded_by(*spent));
        wait_for(exceeded.map(|(_, spent)| spent), now)
    }

    /// Ends the count of failures in a row, and remembers the source as one that the account knows.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if so many failed at the same time that this guess was one too many: who guesses in
    /// parallel is not to win by it.
    pub async fn succeeded(&self, guess: LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let (guess, failures) = self.look(guess, now).await?;
        let mut changes = Vec::new();
        if failures > 0 {
            let none = CounterValue { taken: 0, until: now };
            changes.push(Change::SetCounter(guess.in_a_row.counter, none));
        }
        if let Some((counter, until)) = guess.known
            && until < now + self.limits.known_for.saturating_sub(RENEWED)
        {
            let known = CounterValue { taken: 1, until: now + self.limits.known_for };
            changes.push(Change::SetCounter(counter, known));
        }
        if changes.is_empty() {
            return Ok(());
        }
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }

    async fn admit(&self, guess: LoginAttempt, now: Time) -> Result<LoginAttempt, ServiceError> {
        self.look(guess, now).await.map(|(guess, _)| guess)
    }

    /// Reads what the counters hold: refused where one that binds is full. Tells how many failed in a row.
    async fn look(&self, guess: LoginAttempt, now: Time) -> Result<(LoginAttempt, u64), ServiceError> {
        let known = guess.known.iter().map(|(counter, _)| counter.clone());
        let counters: Vec<_> = guess.all().map(|bound| bound.counter.clone()).chain(known).collect();
        let spent = self.store.spent(&counters, now).await?;
        let failures = spent[guess.bounds.len()].taken;
        let standing = spent.get(guess.bounds.len() + 1).filter(|mark| mark.taken > 0);
        let until = standing.map_or(Time::EPOCH, |mark| mark.until);
        let guess = LoginAttempt { known: guess.known.map(|(counter, _)| (counter, until)), ..guess };
        let full = guess.binding(now).zip(spent).filter(|(bound, spent)| bound.is_full_at(*spent));
        wait_for(full.map(|(_, spent)| spent), now)?;
        Ok((guess, failures))
    }

    fn bound(&self, name: &'static str, about: [&[u8]; 3], rate: RateLimit) -> RateLimitRule {
        RateLimitRule { name, counter: self.counter(about), rate }
    }

    /// The name of a counter: a byte for its kind, a source of 17 bytes or none, and an account.
    fn counter(&self, about: [&[u8]; 3]) -> CounterKey {
        CounterKey(base64url::encode(self.key.tag(&about)))
    }
}

impl LoginAttempt {
    /// Where a failure is counted; the count in a row comes last.
    fn all(&self) -> impl Iterator<Item = &RateLimitRule> {
        self.bounds.iter().chain([&self.in_a_row])
    }

    /// Those of them that may refuse this guess, in the same order.
    fn binding(&self, now: Time) -> impl Iterator<Item = &RateLimitRule> {
        let is_known = self.known.as_ref().is_some_and(|(_, until)| *until > now);
        self.bounds.iter().chain((!is_known).then_some(&self.in_a_row))
    }
}

impl RateLimitRule {
    fn taking(&self) -> CounterIncrement {
        CounterIncrement { counter: self.counter.clone(), cost: 1, window: self.rate.window }
    }

    fn is_full_at(&self, spent: CounterValue) -> bool {
        spent.taken >= self.rate.most.into()
    }

    fn is_exceeded_by(&self, spent: CounterValue) -> bool {
        spent.taken > self.rate.most.into()
    }
}

/// Refused until the last of these windows is over.
fn wait_for(full: impl Iterator<Item = CounterValue>, now: Time) -> Result<(), ServiceError> {
    match full.map(|spent| spent.until).max() {
        Some(until) => Err(ClientError::RateLimited(until.since(now)).into()),
        None => Ok(()),
    }
}

/// Whom an address belongs to, as far as one can tell: an IPv4 address (also one that is written as IPv6) or the
/// network of an IPv6 address. A fixed number of bytes.
pub fn source_of(ip: IpAddr, ipv6_prefix: u8) -> [u8; 17] {
    let (family, bits) = match ip.to_canonical() {
        IpAddr::V4(ip) => (4, ip.to_ipv6_mapped().to_bits()),
        IpAddr::V6(ip) => (6, network_of(ip, ipv6_prefix)),
    };
    let mut source = [family; 17];
    source[1..].copy_from_slice(&bits.to_be_bytes());
    source
}

fn network_of(ip: Ipv6Addr, prefix: u8) -> u128 {
    let host_bits = 128_u32.saturating_sub(prefix.into());
    ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ip: &str) -> [u8; 17] {
        source_of(ip.parse().unwrap(), 64)
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_source() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source_of("::1".parse().unwrap(), 0), source_of("ff::".parse().unwrap(), 0));
        assert_ne!(source_of("::1".parse().unwrap(), 128), source_of("::2".parse().unwrap(), 128));
        assert_eq!(source_of("::1".parse().unwrap(), 128), source_of("::1".parse().unwrap(), 200));
    }

    #[test]
    fn an_ipv4_address_is_one_source_however_it_is_written() {
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        // What merely holds the same bits is somewhere else.
        assert_ne!(source("192.0.2.1"), source("::192.0.2.1"));
    }
}
