//! When a key is published, used, retired and dropped: judged from what is kept and the time alone.

use std::time::Duration;

use counterfoil_jose::{Algorithm, Time};
use counterfoil_verify::KeyId;

use crate::model::client::Lifetimes;
use crate::model::key::{KeyPurpose, KeyRecord, KeyState};
use crate::services::revoker::LEEWAY_AND_SKEW;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How the keys of an installation follow one another.
///
/// There is always a next key, published and unused. It signs when every verifier that keeps the public keys for
/// [`max_age`](Self::max_age) must have seen it, and not before; the one before it stays among the public keys
/// until the last token that it may have signed has expired.
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
    /// What the keys are made for. Where another algorithm signs now, a rotation begins by itself.
    pub algorithm: Algorithm,
    /// How long a key signs until the next one takes its place; `None`: until somebody asks for it.
    pub interval: Option<Duration>,
    /// How long whoever fetches the public keys may keep them: the `max-revision_sum` of the key set.
    pub max_age: Duration,
    /// What is added for the nodes to take up a change, and for the way to whoever asks them.
    pub margin: Duration,
}

/// What is to be done about the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleDecision {
    /// This, now.
    Run(RotationStep),
    /// Nothing before this time; `None`: nothing at all until somebody asks for it.
    WaitUntil(Option<Time>),
}

/// One step, one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationStep {
    /// Publish a next key. If there is one already it is for the wrong algorithm: it has signed nothing, and goes.
    Publish,
    /// The next key signs from now on, another is published, and the one that signed is retired.
    Activate,
    /// The last token of this retired key has expired.
    Remove(KeyId),
}

impl RotationSchedule {
    /// A new key for ES256 every 90 days, public keys that may be kept for five minutes.
    pub const DEFAULT: Self = Self {
        algorithm: Algorithm::Es256,
        interval: Some(Duration::from_secs(90 * DAY.as_secs())),
        max_age: Duration::from_secs(300),
        margin: Duration::from_secs(120),
    };

    /// How long a key is published before it signs anything.
    pub fn publication_period(&self) -> Duration {
        self.max_age.saturating_add(self.margin)
    }

    /// What is to be done at `now` about the keys that are `stored`, if no access token may live longer than
    /// `max_access_lifetime`. After each step it is judged anew.
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
        // A ring without a current key does not open, so nobody asks about one.
        let Some(current) = signing_key_in(stored, KeyState::Current) else {
            return ScheduleDecision::WaitUntil(None);
        };
        let Some(next) = self.usable_next_key(stored, current) else {
            return ScheduleDecision::Run(RotationStep::Publish);
        };
        match self.activation_time(next, current) {
            Some(at) if at <= now => ScheduleDecision::Run(RotationStep::Activate),
            begins => {
                ScheduleDecision::WaitUntil(begins.into_iter().chain(next_removal.map(|(at, _)| at)).min())
            }
        }
    }

    /// When a next key takes the place of the current one, as far as that is known.
    pub fn activation_time(&self, next: &KeyRecord, current: &KeyRecord) -> Option<Time> {
        let known = next.created_at + self.publication_period();
        let is_other = next.algorithm != current.algorithm;
        let by_age =
            self.interval.map(|interval| current.activated_at.unwrap_or(current.created_at) + interval);
        let wanted = [next.activated_at, is_other.then_some(known), by_age].into_iter().flatten().min();
        wanted.map(|at| at.max(known))
    }

    /// When a retired key is dropped; `None` for one that is not retired.
    ///
    /// A signing key goes when the last token that it may have signed is refused by every verifier. A pepper goes
    /// when the longest-lived refresh family that any client may have had is over, so that nobody is logged out.
    pub fn removed_at(&self, key: &KeyRecord, max_access_lifetime: Duration) -> Option<Time> {
        match (key.state, key.purpose) {
            (KeyState::Retired, KeyPurpose::Signing) => {
                Some(key.changed_at + max_access_lifetime + LEEWAY_AND_SKEW + self.margin)
            }
            (KeyState::Retired, KeyPurpose::RefreshToken) => {
                let max_access_lifetime = Duration::from_secs(Lifetimes::CEILING.refresh_absolute);
                Some(key.changed_at + max_access_lifetime + LEEWAY_AND_SKEW + self.margin)
            }
            (KeyState::Next | KeyState::Current | KeyState::Removed | KeyState::Revoked, _) => None,
        }
    }

    /// The next key, if it is for the algorithm that is to come after the current one.
    pub(super) fn usable_next_key<'k>(
        &self,
        stored: &'k [KeyRecord],
        current: &KeyRecord,
    ) -> Option<&'k KeyRecord> {
        let algorithm = self.algorithm_after(current);
        signing_key_in(stored, KeyState::Next).filter(|next| next.algorithm == algorithm.as_str())
    }

    /// What the key after `current` is for.
    pub(super) fn algorithm_after(&self, current: &KeyRecord) -> Algorithm {
        current.algorithm.parse().map_or(self.algorithm, |current| self.next_algorithm(current))
    }

    /// What the key after one for `current` is for: what is configured, unless that is of the other family. No
    /// verifier believes public keys and shared secrets together (RFC 8725, section 2.1), so there is no orderly way
    /// from one to the other.
    pub(super) fn next_algorithm(&self, current: Algorithm) -> Algorithm {
        if current.is_symmetric() == self.algorithm.is_symmetric() { self.algorithm } else { current }
    }
}

/// The signing key in this state; of a current or a next one there is one at most.
pub(super) fn signing_key_in(stored: &[KeyRecord], state: KeyState) -> Option<&KeyRecord> {
    find_key(stored, KeyPurpose::Signing, state)
}

/// The key for this purpose in this state.
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

    fn two() -> Vec<KeyRecord> {
        vec![key("current", KeyState::Current, NOON), key("next", KeyState::Next, NOON)]
    }

    fn evaluate(stored: &[KeyRecord], now: Time) -> ScheduleDecision {
        SCHEDULE.evaluate(stored, HOUR, now)
    }

    #[test]
    fn a_key_signs_for_its_time_and_then_the_next_one_does() {
        let end = NOON + 90 * DAY;

        assert_eq!(evaluate(&two(), NOON), ScheduleDecision::WaitUntil(Some(end)));
        assert_eq!(evaluate(&two(), end - Duration::from_millis(1)), ScheduleDecision::WaitUntil(Some(end)));
        assert_eq!(evaluate(&two(), end), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn there_is_always_a_next_key() {
        assert_eq!(evaluate(&two()[..1], NOON), ScheduleDecision::Run(RotationStep::Publish));
    }

    #[test]
    fn nothing_is_signed_by_a_key_that_not_everybody_can_know() {
        let late = NOON + 100 * DAY;
        let stored = [key("current", KeyState::Current, NOON), key("next", KeyState::Next, late)];
        let known = late + SCHEDULE.publication_period();

        assert_eq!(evaluate(&stored, late), ScheduleDecision::WaitUntil(Some(known)));
        assert_eq!(evaluate(&stored, known), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn without_automatic_rotation_a_key_signs_until_somebody_asks() {
        let off = RotationSchedule { interval: None, ..SCHEDULE };
        let mut stored = two();
        assert_eq!(off.evaluate(&stored, HOUR, NOON + 10_000 * DAY), ScheduleDecision::WaitUntil(None));

        stored[1] = stored[1].scheduled_for(NOON);

        let known = NOON + off.publication_period();
        assert_eq!(off.evaluate(&stored, HOUR, NOON), ScheduleDecision::WaitUntil(Some(known)));
        assert_eq!(off.evaluate(&stored, HOUR, known), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn a_retired_key_stays_until_its_last_token_has_expired_and_no_longer() {
        let mut stored = two();
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
    fn a_pepper_stays_for_as_long_as_a_refresh_family_can_live() {
        let mut stored = two();
        stored
            .push(KeyRecord { purpose: KeyPurpose::RefreshToken, ..key("pepper", KeyState::Retired, NOON) });

        let leaves = SCHEDULE.removed_at(&stored[2], HOUR).unwrap();

        assert!(leaves > NOON + Duration::from_secs(Lifetimes::CEILING.refresh_absolute));
        assert!(leaves > NOON + 90 * DAY);
    }

    #[test]
    fn another_algorithm_is_taken_up_in_an_orderly_way() {
        let other = RotationSchedule { algorithm: Algorithm::Ed25519, ..SCHEDULE };
        assert_eq!(other.evaluate(&two(), HOUR, NOON), ScheduleDecision::Run(RotationStep::Publish));

        let mut stored = two();
        stored[1].algorithm = "Ed25519".into();

        let known = NOON + other.publication_period();
        assert_eq!(other.evaluate(&stored, HOUR, NOON), ScheduleDecision::WaitUntil(Some(known)));
        assert_eq!(other.evaluate(&stored, HOUR, known), ScheduleDecision::Run(RotationStep::Activate));
    }

    #[test]
    fn no_rotation_leads_from_public_keys_to_a_secret() {
        let other = RotationSchedule { algorithm: Algorithm::Hs256, ..SCHEDULE };

        assert_eq!(other.evaluate(&two(), HOUR, NOON), evaluate(&two(), NOON));
    }
}
