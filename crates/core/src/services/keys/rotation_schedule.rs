//! The rotation schedule: decides from the stored keys and the time when a key is published, activated, retired and
//! removed.

use std::time::Duration;

use counterfoil_jose::{Algorithm, Time};
use counterfoil_verify::KeyId;

use crate::model::client::Lifetimes;
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::revoker::LEEWAY_AND_SKEW;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How the keys of an installation rotate.
///
/// There is always a next key, published and unused. It is activated only after every verifier that caches the public keys
/// for [`max_age`](Self::max_age) must have seen it. The previous key stays published until the last token that it may
/// have signed has expired.
///
/// ```
/// use std::time::Duration;
/// use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
///
/// let schedule = RotationSchedule { max_age: Duration::from_secs(3600), ..RotationSchedule::DEFAULT };
/// assert!(schedule.publication_period() > schedule.max_age);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationSchedule {
    /// The algorithm of new keys. If the current key has another algorithm, a rotation starts by itself.
    pub algorithm: Algorithm,
    /// How long a key is current before the next one is activated; `None`: until a rotation is requested.
    pub interval: Option<Duration>,
    /// How long clients may cache the public keys: the `max-age` of the key set (RFC 9111, section 5.2.2.1).
    pub max_age: Duration,
    /// The margin for the nodes to load a change, and for the network.
    pub margin: Duration,
}

/// The decision of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleDecision {
    /// This step is due.
    Run(RotationStep),
    /// No step is due before this time; `None`: none until a rotation is requested.
    WaitUntil(Option<Time>),
}

/// A step of the rotation. Each step is one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationStep {
    /// Publish a next key. An existing next key has the wrong algorithm; it has signed nothing and is removed.
    Publish,
    /// Activate the next key, publish another next key, and retire the current one.
    Activate,
    /// Remove this retired key, since its last token has expired.
    Remove(KeyId),
}

impl RotationSchedule {
    /// A new ES256 key every 90 days, and public keys that may be cached for five minutes.
    pub const DEFAULT: Self = Self {
        algorithm: Algorithm::Es256,
        interval: Some(Duration::from_secs(90 * DAY.as_secs())),
        max_age: Duration::from_secs(300),
        margin: Duration::from_secs(120),
    };

    /// How long a key is published before it is activated.
    pub fn publication_period(&self) -> Duration {
        self.max_age.saturating_add(self.margin)
    }

    /// Decides which step is due at `now` for the `stored` keys, if no access token lives longer than
    /// `max_access_lifetime`. Evaluate again after each step.
    pub fn evaluate(
        &self,
        stored: &[KeyRecord],
        max_access_lifetime: Duration,
        now: Time,
    ) -> ScheduleDecision {
        let next_removal =
            stored.iter().filter_map(|key| Some((self.removed_at(key, max_access_lifetime)?, key)));
        let next_removal = next_removal.min_by_key(|(at, _)| *at);
        if let Some((at, key)) = next_removal
            && at <= now
        {
            return ScheduleDecision::Run(RotationStep::Remove(key.id.clone()));
        }
        // Unreachable in practice: keys without a current one do not open.
        let Some(current) = signing_key_in(stored, KeyState::Current) else {
            return ScheduleDecision::WaitUntil(None);
        };
        let Some(next) = self.usable_next_key(stored, current) else {
            return ScheduleDecision::Run(RotationStep::Publish);
        };
        match self.activation_time(next, current) {
            Some(at) if at <= now => ScheduleDecision::Run(RotationStep::Activate),
            activation => ScheduleDecision::WaitUntil(
                activation.into_iter().chain(next_removal.map(|(at, _)| at)).min(),
            ),
        }
    }

    /// When the next key replaces the current one, if that is known.
    pub fn activation_time(&self, next: &KeyRecord, current: &KeyRecord) -> Option<Time> {
        let published = next.created_at + self.publication_period();
        let has_other_algorithm = next.algorithm != current.algorithm;
        let by_age =
            self.interval.map(|interval| current.activated_at.unwrap_or(current.created_at) + interval);
        let due =
            [next.activated_at, has_other_algorithm.then_some(published), by_age].into_iter().flatten().min();
        due.map(|at| at.max(published))
    }

    /// When a retired key is removed; `None` if the key is not retired.
    ///
    /// A signing key is removed when every verifier rejects the last token that it may have signed. A refresh token key is
    /// removed after the maximum lifetime of any session with refresh tokens, so that no user is logged out.
    pub fn removed_at(&self, key: &KeyRecord, max_access_lifetime: Duration) -> Option<Time> {
        match (key.state, key.purpose) {
            (KeyState::Retired, KeyPurpose::Signing) => {
                Some(key.changed_at + max_access_lifetime + LEEWAY_AND_SKEW + self.margin)
            }
            (KeyState::Retired, KeyPurpose::RefreshToken) => {
                let max_session_lifetime = Duration::from_secs(Lifetimes::CEILING.refresh_absolute);
                Some(key.changed_at + max_session_lifetime + LEEWAY_AND_SKEW + self.margin)
            }
            (KeyState::Next | KeyState::Current | KeyState::Removed | KeyState::Revoked, _) => None,
        }
    }

    /// The next key, if it has the algorithm that follows the current one.
    pub(super) fn usable_next_key<'k>(
        &self,
        stored: &'k [KeyRecord],
        current: &KeyRecord,
    ) -> Option<&'k KeyRecord> {
        let algorithm = self.algorithm_after(current);
        signing_key_in(stored, KeyState::Next).filter(|next| next.algorithm == algorithm.as_str())
    }

    /// The algorithm of the key after `current`.
    pub(super) fn algorithm_after(&self, current: &KeyRecord) -> Algorithm {
        current.algorithm.parse().map_or(self.algorithm, |current| self.next_algorithm(current))
    }

    /// The algorithm after `current`: the configured one, unless one is asymmetric and the other symmetric. No verifier
    /// accepts public keys and shared secrets together (RFC 8725, section 2.1), so switching between them is not
    /// supported.
    pub(super) fn next_algorithm(&self, current: Algorithm) -> Algorithm {
        if current.is_symmetric() == self.algorithm.is_symmetric() { self.algorithm } else { current }
    }
}

/// The signing key in this state. There is at most one current and one next key.
pub(super) fn signing_key_in(stored: &[KeyRecord], state: KeyState) -> Option<&KeyRecord> {
    find_key(stored, KeyPurpose::Signing, state)
}

/// The key with this purpose in this state.
pub(super) fn find_key(stored: &[KeyRecord], purpose: KeyPurpose, state: KeyState) -> Option<&KeyRecord> {
    stored.iter().find(|key| key.purpose == purpose && key.state == state)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const HOUR: Duration = Duration::from_secs(3600);
    const SCHEDULE: RotationSchedule = RotationSchedule::DEFAULT;

    fn key(name: &str, state: KeyState, at: Time) -> KeyRecord {
        KeyRecord {
            id: name.parse().unwrap(),
            purpose: KeyPurpose::Signing,
            algorithm: "ES256".into(),
            sealed: Vec::new(),
            state,
            created_at: at,
            changed_at: at,
            activated_at: (state == KeyState::Current).then_some(at),
            revision: 0,
        }
    }

    fn current_and_next() -> Vec<KeyRecord> {
        vec![key("current", KeyState::Current, NOON), key("next", KeyState::Next, NOON)]
    }

    fn evaluate(stored: &[KeyRecord], now: Time) -> ScheduleDecision {
        SCHEDULE.evaluate(stored, HOUR, now)
    }

    #[test]
    fn the_next_key_is_activated_after_the_interval() {
        let end = NOON + 90 * DAY;

        assert_eq!(evaluate(&current_and_next(), NOON), ScheduleDecision::WaitUntil(Some(end)));
        assert_eq!(
            evaluate(&current_and_next(), end - Duration::from_millis(1)),
            ScheduleDecision::WaitUntil(Some(end))
        );
        assert_eq!(evaluate(&current_and_next(), end), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn a_missing_next_key_is_published() {
        assert_eq!(evaluate(&current_and_next()[..1], NOON), ScheduleDecision::Run(RotationStep::Publish));
    }

    #[test]
    fn a_key_is_not_activated_before_its_publication_period_ends() {
        let late = NOON + 100 * DAY;
        let stored = [key("current", KeyState::Current, NOON), key("next", KeyState::Next, late)];
        let published = late + SCHEDULE.publication_period();

        assert_eq!(evaluate(&stored, late), ScheduleDecision::WaitUntil(Some(published)));
        assert_eq!(evaluate(&stored, published), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn without_an_interval_a_key_is_current_until_a_rotation_is_requested() {
        let off = RotationSchedule { interval: None, ..SCHEDULE };
        let mut stored = current_and_next();
        assert_eq!(off.evaluate(&stored, HOUR, NOON + 10_000 * DAY), ScheduleDecision::WaitUntil(None));

        stored[1] = stored[1].scheduled_for(NOON);

        let published = NOON + off.publication_period();
        assert_eq!(off.evaluate(&stored, HOUR, NOON), ScheduleDecision::WaitUntil(Some(published)));
        assert_eq!(off.evaluate(&stored, HOUR, published), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn a_retired_key_is_removed_when_its_last_token_has_expired() {
        let mut stored = current_and_next();
        stored.push(key("retired", KeyState::Retired, NOON));
        let last = NOON + HOUR + LEEWAY_AND_SKEW + SCHEDULE.margin;

        assert_eq!(
            evaluate(&stored, last - Duration::from_millis(1)),
            ScheduleDecision::WaitUntil(Some(last))
        );
        assert_eq!(
            evaluate(&stored, last),
            ScheduleDecision::Run(RotationStep::Remove("retired".parse().unwrap()))
        );
    }

    #[test]
    fn a_retired_refresh_token_key_is_kept_for_the_maximum_session_lifetime() {
        let mut stored = current_and_next();
        stored
            .push(KeyRecord { purpose: KeyPurpose::RefreshToken, ..key("refresh", KeyState::Retired, NOON) });

        let removed_at = SCHEDULE.removed_at(&stored[2], HOUR).unwrap();

        assert!(removed_at > NOON + Duration::from_secs(Lifetimes::CEILING.refresh_absolute));
        assert!(removed_at > NOON + 90 * DAY);
    }

    #[test]
    fn a_new_algorithm_starts_after_the_publication_period() {
        let other = RotationSchedule { algorithm: Algorithm::Ed25519, ..SCHEDULE };
        assert_eq!(
            other.evaluate(&current_and_next(), HOUR, NOON),
            ScheduleDecision::Run(RotationStep::Publish)
        );

        let mut stored = current_and_next();
        stored[1].algorithm = "Ed25519".into();

        let published = NOON + other.publication_period();
        assert_eq!(other.evaluate(&stored, HOUR, NOON), ScheduleDecision::WaitUntil(Some(published)));
        assert_eq!(other.evaluate(&stored, HOUR, published), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn the_schedule_does_not_switch_from_asymmetric_to_symmetric_keys() {
        let other = RotationSchedule { algorithm: Algorithm::Hs256, ..SCHEDULE };

        assert_eq!(other.evaluate(&current_and_next(), HOUR, NOON), evaluate(&current_and_next(), NOON));
    }
}
