//! Rotation of refresh tokens, and detection of their reuse (RFC 9700, section 4.14.2).

use std::time::Duration;

use counterfoil_jose::Time;

use crate::client_error::InvalidCredential;
use crate::credentials::refresh_token::{RefreshToken, RefreshTokenKey, RefreshTokenKeyId, Salt};
use crate::model::session::{Session, SessionCredential};

/// How far the time of a rotation may be ahead of the time of a request: requests read the clock at their start, and of two
/// concurrent ones the later may rotate first. More means that the clock was set back.
const MAX_REQUEST_DURATION: Duration = Duration::from_secs(60);

/// How long a used refresh token may be repeated.
#[derive(Debug, Clone, Copy)]
pub struct RefreshGracePeriod {
    /// The time after a rotation during which the former token is accepted again. Zero: never.
    pub length: Duration,
    /// The crash before this process began to serve; `None` after a clean shutdown.
    pub crash: Option<Crash>,
}

/// The crash of the former process. A response that it did not send counts as lost.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// The newest time that the former process wrote to the store.
    pub last_write: Time,
    /// When this process began to serve.
    pub serving_since: Time,
}

impl RefreshGracePeriod {
    /// Whether a token that was issued at `rotated_at` may not have reached the client yet.
    ///
    /// After a crash the period of the last rotations starts again. That of older rotations does not: otherwise every
    /// used token would be valid after a restart, and a thief could wait for one. A rotation in the future is not covered:
    /// an operator has set the clock back, and the used token would be valid until that time.
    fn covers(&self, rotated_at: Time, now: Time) -> bool {
        if rotated_at > now + MAX_REQUEST_DURATION {
            return false;
        }
        let was_pending = |crash: &Crash| rotated_at + self.length >= crash.last_write;
        let start = match self.crash.filter(was_pending) {
            Some(crash) => rotated_at.max(crash.serving_since),
            None => rotated_at,
        };
        !self.length.is_zero() && now <= start + self.length
    }
}

/// The outcome of presenting a refresh token.
///
/// In the first three cases the response is the [`Session::refresh_token`] of the resulting session, so that
/// a lost response is repeated byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The session with the next counter. It must be stored durably before the response is sent.
    Rotate(Box<Session>),
    /// The current token, just after it was issued: the client retries. Nothing is written.
    RepeatCurrent,
    /// The former token, just after the rotation: the response was lost. Nothing is written.
    RepeatWithinGrace,
    /// A used token: two parties hold tokens of this session, and the server cannot tell which one is the
    /// thief (RFC 9700, section 4.14.2).
    ReuseDetected,
}

impl Session {
    /// Verifies a refresh token and decides about the rotation. Nothing is changed here.
    ///
    /// # Errors
    ///
    /// Why the token is not valid. A token without a valid MAC never leads to a change: knowing the id of a
    /// session is not enough to end it.
    pub fn rotate(
        &self,
        presented: &RefreshToken,
        key: &RefreshTokenKey,
        grace: RefreshGracePeriod,
        now: Time,
    ) -> Result<RefreshOutcome, InvalidCredential> {
        let SessionCredential::Refresh { key_id: stored_key_id, salt, counter, rotated_at } = self.credential
        else {
            return Err(InvalidCredential::WrongKind);
        };
        if self.id != presented.session() || stored_key_id != key.id() || !presented.has_valid_mac(key, &salt)
        {
            return Err(InvalidCredential::Unknown);
        }
        self.check_active(now)?;

        let in_grace = grace.covers(rotated_at, now);
        match counter.checked_sub(presented.counter()) {
            None => Err(InvalidCredential::AheadOfStore),
            Some(0) if counter > 0 && in_grace => Ok(RefreshOutcome::RepeatCurrent),
            Some(0) => Ok(RefreshOutcome::Rotate(Box::new(self.with_next_counter(
                stored_key_id,
                salt,
                counter,
                now,
            )?))),
            Some(1) if in_grace => Ok(RefreshOutcome::RepeatWithinGrace),
            Some(_) => Ok(RefreshOutcome::ReuseDetected),
        }
    }

    /// The session with the next counter.
    fn with_next_counter(
        &self,
        key_id: RefreshTokenKeyId,
        salt: Salt,
        counter: u64,
        now: Time,
    ) -> Result<Self, InvalidCredential> {
        let counter = counter.checked_add(1).ok_or(InvalidCredential::Unknown)?;
        Ok(Self {
            credential: SessionCredential::Refresh { key_id, salt, counter, rotated_at: now },
            seen_at: now,
            revision: self.revision + 1,
            ..self.clone()
        })
    }

    /// The current refresh token, if the session has one and `key` is its key.
    pub fn refresh_token(&self, key: &RefreshTokenKey) -> Option<RefreshToken> {
        match &self.credential {
            SessionCredential::Refresh { key_id: stored_key_id, salt, counter, .. }
                if *stored_key_id == key.id() =>
            {
                Some(RefreshToken::new(key, salt, self.id, *counter))
            }
            SessionCredential::Refresh { .. }
            | SessionCredential::Cookie(_)
            | SessionCredential::AccessOnly => None,
        }
    }

    /// The id of the key of its refresh tokens, if it has any.
    pub fn refresh_token_key_id(&self) -> Option<RefreshTokenKeyId> {
        match self.credential {
            SessionCredential::Refresh { key_id, .. } => Some(key_id),
            SessionCredential::Cookie(_) | SessionCredential::AccessOnly => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use counterfoil_jose::Secret;
    use counterfoil_verify::SessionId;

    use crate::model::session::sample::{NOON, session_with};
    use crate::model::session::{EndReason, SessionEnd};

    use super::*;

    const SALT: Salt = Salt::from_bytes([3; 16]);
    const TEN: Duration = Duration::from_secs(10);
    const GRACE: RefreshGracePeriod = RefreshGracePeriod { length: TEN, crash: None };

    fn key() -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([1; 8]), &Secret::new([1; 32]))
    }

    fn at_counter(counter: u64) -> Session {
        session_with(SessionCredential::Refresh { key_id: key().id(), salt: SALT, counter, rotated_at: NOON })
    }

    fn token(counter: u64) -> RefreshToken {
        RefreshToken::new(&key(), &SALT, SessionId::from_bytes([9; 16]), counter)
    }

    fn rotate(session: &Session, counter: u64, now: Time) -> Result<RefreshOutcome, InvalidCredential> {
        session.rotate(&token(counter), &key(), GRACE, now)
    }

    fn stored_counter(rotation: Result<RefreshOutcome, InvalidCredential>) -> u64 {
        match rotation {
            Ok(RefreshOutcome::Rotate(next)) => match next.credential {
                SessionCredential::Refresh { counter, .. } => counter,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_token_is_rotated_at_once() {
        assert_eq!(stored_counter(rotate(&at_counter(0), 0, NOON)), 1);
    }

    #[test]
    fn the_current_token_is_repeated_within_the_grace_period_and_rotated_after_it() {
        let session = at_counter(4);

        assert_eq!(rotate(&session, 4, NOON + TEN), Ok(RefreshOutcome::RepeatCurrent));
        assert_eq!(stored_counter(rotate(&session, 4, NOON + TEN + Duration::from_millis(1))), 5);
    }

    #[test]
    fn a_lost_response_is_repeated_within_the_grace_period() {
        assert_eq!(rotate(&at_counter(4), 3, NOON + TEN), Ok(RefreshOutcome::RepeatWithinGrace));
        assert_eq!(rotate(&at_counter(1), 0, NOON), Ok(RefreshOutcome::RepeatWithinGrace));
    }

    #[test]
    fn the_former_token_is_reuse_after_the_grace_period() {
        assert_eq!(
            rotate(&at_counter(4), 3, NOON + TEN + Duration::from_millis(1)),
            Ok(RefreshOutcome::ReuseDetected)
        );
    }

    #[test]
    fn an_older_token_is_reuse_at_any_time() {
        for older in 0..3 {
            assert_eq!(
                rotate(&at_counter(4), older, NOON),
                Ok(RefreshOutcome::ReuseDetected),
                "counter {older}"
            );
        }
    }

    #[test]
    fn a_counter_ahead_of_the_store_ends_nothing() {
        assert_eq!(rotate(&at_counter(4), 5, NOON), Err(InvalidCredential::AheadOfStore));
    }

    #[test]
    fn a_forged_mac_ends_nothing_whatever_counter_it_claims() {
        let attacker_key = RefreshTokenKey::new(key().id(), &Secret::new([2; 32]));
        for counter in 0..8 {
            let forged = RefreshToken::new(&attacker_key, &SALT, SessionId::from_bytes([9; 16]), counter);
            let outcome = at_counter(4).rotate(&forged, &key(), GRACE, NOON);
            assert_eq!(outcome, Err(InvalidCredential::Unknown), "counter {counter}");
        }
    }

    #[test]
    fn a_token_of_an_ended_session_is_rejected_but_is_not_reuse() {
        let ended =
            Session { ended: Some(SessionEnd { at: NOON, reason: EndReason::Logout }), ..at_counter(4) };

        assert_eq!(rotate(&ended, 4, NOON), Err(InvalidCredential::Ended(Some("by logout"))));
        assert_eq!(rotate(&ended, 0, NOON), Err(InvalidCredential::Ended(Some("by logout"))));
    }

    /// A process that crashed `after` the rotation, and one that serves again an hour later.
    fn crashed(after: Duration) -> (RefreshGracePeriod, Time) {
        let serving_since = NOON + Duration::from_secs(3600);
        let crash = Crash { last_write: NOON + after, serving_since };
        (RefreshGracePeriod { length: TEN, crash: Some(crash) }, serving_since)
    }

    #[test]
    fn a_crash_within_the_grace_period_counts_as_a_lost_response() {
        let (grace, restart) = crashed(TEN);

        let outcome = at_counter(4).rotate(&token(3), &key(), grace, restart + TEN);
        assert_eq!(outcome, Ok(RefreshOutcome::RepeatWithinGrace));
        let outcome = at_counter(4).rotate(&token(2), &key(), grace, restart);
        assert_eq!(outcome, Ok(RefreshOutcome::ReuseDetected), "an older token is still reuse");
    }

    #[test]
    fn a_token_that_was_used_long_before_a_crash_is_still_reuse() {
        let (grace, restart) = crashed(TEN + Duration::from_millis(1));

        let outcome = at_counter(4).rotate(&token(3), &key(), grace, restart);
        assert_eq!(outcome, Ok(RefreshOutcome::ReuseDetected));
    }

    #[test]
    fn a_clean_restart_does_not_extend_the_grace_period() {
        let clean = RefreshGracePeriod { length: TEN, crash: None };

        let later = NOON + TEN + Duration::from_millis(1);
        let outcome = at_counter(4).rotate(&token(3), &key(), clean, later);
        assert_eq!(outcome, Ok(RefreshOutcome::ReuseDetected));
    }

    #[test]
    fn the_length_of_the_pause_after_a_crash_does_not_matter() {
        for pause in [1, 60, 3600] {
            let serving_since = NOON + Duration::from_secs(pause);
            let crash = Crash { last_write: NOON + Duration::from_secs(1), serving_since };
            let grace = RefreshGracePeriod { length: TEN, crash: Some(crash) };
            let outcome = |now| at_counter(4).rotate(&token(3), &key(), grace, now);

            assert_eq!(outcome(serving_since + TEN), Ok(RefreshOutcome::RepeatWithinGrace), "{pause}");
            let later = serving_since + TEN + Duration::from_millis(1);
            assert_eq!(outcome(later), Ok(RefreshOutcome::ReuseDetected), "{pause}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_a_used_token_valid() {
        let minute = Duration::from_secs(60);
        let crash = Crash { last_write: NOON, serving_since: NOON - 60 * minute };
        for crash in [None, Some(crash)] {
            let grace = RefreshGracePeriod { length: TEN, crash };
            let outcome = |shown, now| at_counter(4).rotate(&token(shown), &key(), grace, now);

            assert_eq!(outcome(3, NOON - 30 * minute), Ok(RefreshOutcome::ReuseDetected));
            assert_eq!(stored_counter(outcome(4, NOON - 30 * minute)), 5, "the current token is rotated");
            // Of two concurrent requests, the one that began later rotated first.
            assert_eq!(outcome(3, NOON - Duration::from_secs(5)), Ok(RefreshOutcome::RepeatWithinGrace));
        }
    }

    #[test]
    fn without_a_grace_period_every_used_token_is_reuse() {
        let none = RefreshGracePeriod { length: Duration::ZERO, crash: None };
        let session = at_counter(4);

        assert_eq!(session.rotate(&token(3), &key(), none, NOON), Ok(RefreshOutcome::ReuseDetected));
        assert_eq!(stored_counter(session.rotate(&token(4), &key(), none, NOON)), 5);
    }

    /// A client that stores the last response, loses some responses, and retries in time.
    #[derive(Debug, Clone, Copy)]
    enum ClientStep {
        Refresh { response_is_lost: bool },
        Retry,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = ClientStep> {
        prop_oneof![
            3 => any::<bool>().prop_map(|response_is_lost| ClientStep::Refresh { response_is_lost }),
            1 => Just(ClientStep::Retry),
            2 => (0_u64..20_000).prop_map(ClientStep::Wait),
        ]
    }

    proptest! {
        /// A client that retries a lost request within the grace period never loses its session, and always
        /// holds the current token or the one before it.
        #[test]
        fn a_client_that_retries_in_time_never_loses_its_session(steps in prop::collection::vec(step(), 1..60)) {
            let (mut stored, mut client_counter, mut now) = (at_counter(0), 0_u64, NOON);
            let mut lost_at: Option<Time> = None;
            for step in steps {
                match step {
                    ClientStep::Wait(ms) => {
                        now = now + Duration::from_millis(ms);
                        // The client retries within the grace period.
                        now = lost_at.map_or(now, |lost| now.min(lost + TEN));
                    }
                    ClientStep::Retry | ClientStep::Refresh { .. } => {
                        let rotation = rotate(&stored, client_counter, now);
                        prop_assert!(!matches!(rotation, Ok(RefreshOutcome::ReuseDetected) | Err(_)), "{rotation:?}");
                        let is_rotated = matches!(rotation, Ok(RefreshOutcome::Rotate(_)));
                        if let Ok(RefreshOutcome::Rotate(next)) = rotation {
                            stored = *next;
                        }
                        let SessionCredential::Refresh { counter, .. } = stored.credential else { unreachable!() };
                        if matches!(step, ClientStep::Refresh { response_is_lost: true }) {
                            if is_rotated {
                                lost_at = Some(now);
                            }
                        } else {
                            (client_counter, lost_at) = (counter, None);
                        }
                        prop_assert!(counter - client_counter <= 1);
                    }
                }
            }
        }

        /// For every counter at every time: only a valid MAC changes anything, the counter rises by one, and
        /// exactly the used tokens outside the grace period end the session.
        #[test]
        fn every_counter_has_one_outcome(stored in 0_u64..50, presented in 0_u64..60, after in 0_u64..30_000) {
            let now = NOON + Duration::from_millis(after);
            let in_grace = after <= 10_000;
            let outcome = rotate(&at_counter(stored), presented, now);

            let expected = match (stored, presented) {
                (current, shown) if shown > current => Err(InvalidCredential::AheadOfStore),
                (current, shown) if shown == current && current > 0 && in_grace => Ok(RefreshOutcome::RepeatCurrent),
                (current, shown) if shown == current => {
                    prop_assert_eq!(stored_counter(outcome), current + 1);
                    return Ok(());
                }
                (current, shown) if shown + 1 == current && in_grace => Ok(RefreshOutcome::RepeatWithinGrace),
                _ => Ok(RefreshOutcome::ReuseDetected),
            };
            prop_assert_eq!(outcome, expected);
        }
    }
}
