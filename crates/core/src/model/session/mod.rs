//! The counterfoil: one login as we remember it, in every mode.

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::credentials::refresh_token::{RefreshToken, RefreshTokenKey, RefreshTokenKeyId, Salt};
use crate::credentials::session_token::{SessionToken, TokenHash};

/// How far a session's `seen_at` may lag behind: it moves at most once in this time, or in half of what the
/// session may lie unused.
///
/// A process that dies takes with it what it has not written yet, which is a second more. So after a crash a
/// session may be over earlier than it should, by that much, and never later.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// How long after a use the next one is worth a write, for a session that may lie unused for `idle`.
pub(crate) fn touch_interval(idle: Duration) -> Duration {
    TOUCH_INTERVAL.min(idle / 2)
}

/// One login, as we remember it.
///
/// Every change makes a new value with the next `revision`, and a store puts it in the place of the
/// old only if nobody was faster. So nothing here locks, waits or reads a clock, and a test needs a
/// value, a token and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name: the `sid` of its tokens.
    pub id: SessionId,
    /// Who logged in.
    pub user: UserId,
    /// Through which application.
    pub client: ClientId,
    /// What was torn off.
    pub credential: SessionCredential,
    /// When the user proved who they are (`auth_time`).
    pub authenticated_at: Time,
    /// How they proved it (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// When it was last used, to [`TOUCH_INTERVAL`]; for a refresh stub, when it last turned.
    pub seen_at: Time,
    /// How long it may lie unused.
    pub idle: Duration,
    /// When it ends, however much it is used.
    pub expires_at: Time,
    /// The head of the revocation log when its login was judged; what a mark above it kills.
    pub pos: RevocationPosition,
    /// The scope that was granted, if any; a refresh can narrow it, never widen it.
    pub scope: Option<String>,
    /// Where from it was last seen.
    pub client_info: ClientInfo,
    /// What the user calls the device.
    pub label: Option<String>,
    /// When and why it ended; an ended session stays for a while, to recognise replays.
    pub ended: Option<SessionEnd>,
    /// Counts the changes; a store swaps only the successor of what it holds.
    pub revision: u64,
}

/// What was torn off a session: by this a store knows how the client's half is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCredential {
    /// A session token; we keep the digest of its secret.
    Cookie(TokenHash),
    /// Access tokens alone; nothing is kept but the record itself.
    AccessOnly,
    /// A refresh token that turns.
    Refresh {
        /// The pepper its tags are made with.
        key_id: RefreshTokenKeyId,
        /// The salt its tags are made with.
        salt: Salt,
        /// The turn that is good now.
        counter: u64,
        /// Since when.
        rotated_at: Time,
    },
}

/// Where a request comes from, as far as we were told: kept for the user's own list, never trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// The address of the peer.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 256 characters, without control characters.
    pub user_agent: Option<String>,
}

/// That a session ended, when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnd {
    /// When.
    pub at: Time,
    /// Why.
    pub reason: EndReason,
}

/// Why something was revoked: the `reason` of the log and the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The client logged out.
    Logout,
    /// The user ended it from another session.
    ByUser,
    /// An administrator ended it.
    ByAdmin,
    /// A spent refresh token was shown again.
    RefreshReuseDetected,
    /// The same browser logged in again.
    Replaced,
    /// The user had more sessions than `max_sessions` allows, and this was the oldest.
    SessionLimit,
    /// The password was changed.
    PasswordChanged,
    /// The user was disabled or deleted.
    UserDisabled,
    /// The user's roles were changed.
    RolesChanged,
    /// A key is in the wrong hands.
    KeyCompromised,
    /// The store was put back from a backup.
    Restored,
}

impl EndReason {
    /// Every cause, for stores that keep the word.
    pub const ALL: [Self; 11] = [
        Self::Logout,
        Self::ByUser,
        Self::ByAdmin,
        Self::RefreshReuseDetected,
        Self::Replaced,
        Self::SessionLimit,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::RolesChanged,
        Self::KeyCompromised,
        Self::Restored,
    ];

    /// The word for it, as stores keep it and the journal shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::ByUser => "by_user",
            Self::ByAdmin => "by_admin",
            Self::RefreshReuseDetected => "refresh_reuse_detected",
            Self::Replaced => "replaced",
            Self::SessionLimit => "session_limit",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::RolesChanged => "roles_changed",
            Self::KeyCompromised => "key_compromised",
            Self::Restored => "restored",
        }
    }

    /// The cause that this word names.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// How long a spent turn is answered again, and since when we have been able to answer at all.
#[derive(Debug, Clone, Copy)]
pub struct RefreshGracePeriod {
    /// The window after a turn in which its predecessor is taken for a lost answer. Zero: no window.
    pub length: Duration,
    /// When this process began to serve: a crash between commit and answer is a lost answer too.
    pub serving_since: Time,
}

impl RefreshGracePeriod {
    /// Whether a turn that is good since `since` is still so new that its answer may have been lost.
    fn covers(&self, rotated_at: Time, now: Time) -> bool {
        !self.length.is_zero() && now <= rotated_at.max(self.serving_since) + self.length
    }
}

/// What a refresh token that was shown amounts to.
///
/// In the first three cases the answer is [`Session::refresh_token`] of the session as it then stands, so a
/// lost answer is given again byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The next turn: this is to be kept, durably, before the answer leaves.
    Rotate(Box<Session>),
    /// The newest token again, just after it was made: the client asks twice. Nothing is written.
    RepeatCurrent,
    /// The token before the newest, just after it was spent: its answer was lost. Nothing is written.
    RepeatWithinGrace,
    /// A spent token: two parties hold this family, and neither can be told from the thief.
    ReuseDetected,
}

impl Session {
    /// Judges the session token `presented`: whether it is this session's, and the session is live.
    ///
    /// # Errors
    ///
    /// Says why not, for the journal. The digest is compared first: who does not know the secret learns
    /// nothing of the state.
    pub fn verify_token(&self, presented: &SessionToken, now: Time) -> Result<(), InvalidCredential> {
        let SessionCredential::Cookie(token_hash) = &self.credential else {
            return Err(InvalidCredential::WrongKind);
        };
        if self.id != presented.session() || !token_hash.matches(presented) {
            return Err(InvalidCredential::Unknown);
        }
        self.check_active(now)
    }

    /// Judges the refresh token `presented`; what to keep and what to answer are in the result.
    ///
    /// # Errors
    ///
    /// If the tag is not of this session nothing changes: nobody can end a session by knowing its id.
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

    /// The session one turn on.
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

    /// The refresh token that is good now, if the session carries one made with `key`.
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

    /// The pepper that its refresh tokens are made with, if it has any.
    pub fn refresh_token_key_id(&self) -> Option<RefreshTokenKeyId> {
        match self.credential {
            SessionCredential::Refresh { key_id, .. } => Some(key_id),
            SessionCredential::Cookie(_) | SessionCredential::AccessOnly => None,
        }
    }

    /// What to keep of a use at `now`: the session as seen now, if that is worth a write.
    pub fn touch(&self, now: Time) -> Option<Self> {
        match self.credential {
            SessionCredential::Cookie(_) if now >= self.seen_at + self.touch_interval() => {
                Some(Self { seen_at: now, revision: self.revision + 1, ..self.clone() })
            }
            SessionCredential::Cookie(_)
            | SessionCredential::AccessOnly
            | SessionCredential::Refresh { .. } => None,
        }
    }

    /// How long after a use the next one is worth a write.
    pub fn touch_interval(&self) -> Duration {
        touch_interval(self.idle)
    }

    /// Whether the session is live: neither ended, nor idle for too long, nor at its absolute end.
    ///
    /// # Errors
    ///
    /// Says which of them it is.
    pub fn check_active(&self, now: Time) -> Result<(), InvalidCredential> {
        if self.ended.is_some() {
            return Err(InvalidCredential::Ended);
        }
        if now >= self.ends_at() {
            return Err(InvalidCredential::Expired);
        }
        Ok(())
    }

    /// When it ends if it is not used any more.
    pub fn ends_at(&self) -> Time {
        self.expires_at.min(self.seen_at + self.idle)
    }

    /// The word for how the client's half is carried: `session`, `jwt` or `hybrid`.
    pub fn mode(&self) -> Mode {
        match self.credential {
            SessionCredential::Cookie(_) => Mode::Session,
            SessionCredential::AccessOnly => Mode::Jwt,
            SessionCredential::Refresh { .. } => Mode::Hybrid,
        }
    }
}

/// The three ways to carry the other half. A word for people and for a client's configuration; nothing
/// branches on it but the choice of the verb at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Session-based authentication: an opaque token, judged against the record.
    #[default]
    Session,
    /// JWT authentication: a signed token, judged locally.
    Jwt,
    /// JWT with refresh tokens.
    Hybrid,
}

impl Mode {
    /// The word, as it stands in requests and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use counterfoil_jose::Secret;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const SALT: Salt = Salt::from_bytes([3; 16]);
    const TEN: Duration = Duration::from_secs(10);
    const GRACE: RefreshGracePeriod = RefreshGracePeriod { length: TEN, serving_since: Time::EPOCH };

    fn key() -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([1; 8]), &Secret::new([1; 32]))
    }

    fn with(credential: SessionCredential) -> Session {
        Session {
            id: SessionId::from_bytes([9; 16]),
            user: UserId::from_bytes([8; 16]),
            client: ClientId::default(),
            credential,
            authenticated_at: NOON,
            amr: vec!["pwd".into()],
            seen_at: NOON,
            idle: Duration::from_secs(7 * 86_400),
            expires_at: NOON + Duration::from_secs(90 * 86_400),
            pos: RevocationPosition::new(5),
            scope: None,
            client_info: ClientInfo::default(),
            label: None,
            ended: None,
            revision: 0,
        }
    }

    fn at_counter(counter: u64) -> Session {
        with(SessionCredential::Refresh { key_id: key().id(), salt: SALT, counter, rotated_at: NOON })
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
    fn the_first_token_turns_at_once() {
        assert_eq!(stored_counter(rotate(&at_counter(0), 0, NOON)), 1);
    }

    #[test]
    fn the_newest_token_turns_after_the_grace_and_holds_within_it() {
        let session = at_counter(4);

        assert_eq!(rotate(&session, 4, NOON + TEN), Ok(RefreshOutcome::RepeatCurrent));
        assert_eq!(stored_counter(rotate(&session, 4, NOON + TEN + Duration::from_millis(1))), 5);
    }

    #[test]
    fn a_lost_answer_is_given_again_within_the_grace() {
        assert_eq!(rotate(&at_counter(4), 3, NOON + TEN), Ok(RefreshOutcome::RepeatWithinGrace));
        assert_eq!(rotate(&at_counter(1), 0, NOON), Ok(RefreshOutcome::RepeatWithinGrace));
    }

    #[test]
    fn the_last_spent_token_is_a_replay_after_the_grace() {
        assert_eq!(
            rotate(&at_counter(4), 3, NOON + TEN + Duration::from_millis(1)),
            Ok(RefreshOutcome::ReuseDetected)
        );
    }

    #[test]
    fn an_older_token_is_a_replay_at_any_time() {
        for older in 0..3 {
            assert_eq!(
                rotate(&at_counter(4), older, NOON),
                Ok(RefreshOutcome::ReuseDetected),
                "turn {older}"
            );
        }
    }

    #[test]
    fn a_turn_that_was_never_kept_ends_nothing() {
        assert_eq!(rotate(&at_counter(4), 5, NOON), Err(InvalidCredential::AheadOfStore));
    }

    #[test]
    fn a_forged_tag_ends_nothing_whatever_turn_it_claims() {
        let thief = RefreshTokenKey::new(key().id(), &Secret::new([2; 32]));
        for counter in 0..8 {
            let forged = RefreshToken::new(&thief, &SALT, SessionId::from_bytes([9; 16]), counter);
            let outcome = at_counter(4).rotate(&forged, &key(), GRACE, NOON);
            assert_eq!(outcome, Err(InvalidCredential::Unknown), "turn {counter}");
        }
    }

    #[test]
    fn a_genuine_token_of_an_ended_session_is_refused_and_no_replay() {
        let ended =
            Session { ended: Some(SessionEnd { at: NOON, reason: EndReason::Logout }), ..at_counter(4) };

        assert_eq!(rotate(&ended, 4, NOON), Err(InvalidCredential::Ended));
        assert_eq!(rotate(&ended, 0, NOON), Err(InvalidCredential::Ended));
    }

    #[test]
    fn a_restart_counts_as_a_lost_answer() {
        let later = NOON + Duration::from_secs(3600);
        let restarted = RefreshGracePeriod { length: TEN, serving_since: later };

        let outcome = at_counter(4).rotate(&token(3), &key(), restarted, later + TEN);
        assert_eq!(outcome, Ok(RefreshOutcome::RepeatWithinGrace));
        let outcome = at_counter(4).rotate(&token(2), &key(), restarted, later);
        assert_eq!(outcome, Ok(RefreshOutcome::ReuseDetected), "an older one is still a replay");
    }

    #[test]
    fn without_a_grace_every_spent_token_is_a_replay_at_once() {
        let none = RefreshGracePeriod { length: Duration::ZERO, serving_since: NOON };
        let session = at_counter(4);

        assert_eq!(session.rotate(&token(3), &key(), none, NOON), Ok(RefreshOutcome::ReuseDetected));
        assert_eq!(stored_counter(session.rotate(&token(4), &key(), none, NOON)), 5);
    }

    #[test]
    fn a_session_ends_idle_and_ends_absolutely() {
        let cookie = with(SessionCredential::AccessOnly);
        assert_eq!(cookie.check_active(NOON + cookie.idle - Duration::from_millis(1)), Ok(()));
        assert_eq!(cookie.check_active(NOON + cookie.idle), Err(InvalidCredential::Expired));

        let used = Session { seen_at: cookie.expires_at - Duration::from_secs(1), ..cookie.clone() };
        assert_eq!(used.check_active(used.expires_at), Err(InvalidCredential::Expired));
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let token = SessionToken::generate(SessionId::from_bytes([9; 16])).unwrap();
        let session = with(SessionCredential::Cookie(token.hash()));

        assert_eq!(session.touch(NOON + Duration::from_millis(59_999)), None);
        let next_revision = session.touch(NOON + Duration::from_secs(60)).unwrap();
        assert_eq!(next_revision.seen_at, NOON + Duration::from_secs(60));
        assert_eq!(next_revision.revision, 1);
    }

    #[test]
    fn another_sessions_secret_admits_nobody() {
        let (mine, other) = (SessionId::from_bytes([9; 16]), SessionId::from_bytes([7; 16]));
        let token = SessionToken::generate(mine).unwrap();
        let session = with(SessionCredential::Cookie(token.hash()));
        assert_eq!(session.verify_token(&token, NOON), Ok(()));

        assert_eq!(
            session.verify_token(&SessionToken::generate(mine).unwrap(), NOON),
            Err(InvalidCredential::Unknown)
        );
        assert_eq!(
            session.verify_token(&SessionToken::generate(other).unwrap(), NOON),
            Err(InvalidCredential::Unknown)
        );
        assert_eq!(at_counter(0).verify_token(&token, NOON), Err(InvalidCredential::WrongKind));
    }

    /// One client that keeps what it was answered last, loses some answers, and asks again in time.
    #[derive(Debug, Clone, Copy)]
    enum RotationStep {
        Refresh { answer_is_lost: bool },
        AskTwice,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = RotationStep> {
        prop_oneof![
            3 => any::<bool>().prop_map(|answer_is_lost| RotationStep::Refresh { answer_is_lost }),
            1 => Just(RotationStep::AskTwice),
            2 => (0_u64..20_000).prop_map(RotationStep::Wait),
        ]
    }

    proptest! {
        /// An honest client that repeats a lost request within the grace never loses its family, always holds
        /// the newest token or the one before it, and what it holds is the session's only lineage.
        #[test]
        fn an_honest_client_never_loses_its_family(steps in prop::collection::vec(step(), 1..60)) {
            let (mut stored, mut held, mut now) = (at_counter(0), 0_u64, NOON);
            let mut lost_at: Option<Time> = None;
            for step in steps {
                match step {
                    RotationStep::Wait(ms) => {
                        now = now + Duration::from_millis(ms);
                        // An honest client asks again within the grace.
                        now = lost_at.map_or(now, |lost| now.min(lost + TEN));
                    }
                    RotationStep::AskTwice | RotationStep::Refresh { .. } => {
                        let rotation = rotate(&stored, held, now);
                        prop_assert!(!matches!(rotation, Ok(RefreshOutcome::ReuseDetected) | Err(_)), "{rotation:?}");
                        let advanced = matches!(rotation, Ok(RefreshOutcome::Rotate(_)));
                        if let Ok(RefreshOutcome::Rotate(next)) = rotation {
                            stored = *next;
                        }
                        let SessionCredential::Refresh { counter, .. } = stored.credential else { unreachable!() };
                        if matches!(step, RotationStep::Refresh { answer_is_lost: true }) {
                            if advanced {
                                lost_at = Some(now);
                            }
                        } else {
                            (held, lost_at) = (counter, None);
                        }
                        prop_assert!(counter - held <= 1);
                    }
                }
            }
        }

        /// Whatever turn is shown at whatever time: only the tag's owner changes anything, turns only go up
        /// by one, and exactly the spent ones outside the window end the session.
        #[test]
        fn every_turn_has_one_judgement(stored in 0_u64..50, presented in 0_u64..60, after in 0_u64..30_000) {
            let now = NOON + Duration::from_millis(after);
            let in_grace = after <= 10_000;
            let outcome = rotate(&at_counter(stored), presented, now);

            let expected = match (stored, presented) {
                (k, t) if t > k => Err(InvalidCredential::AheadOfStore),
                (k, t) if t == k && k > 0 && in_grace => Ok(RefreshOutcome::RepeatCurrent),
                (k, t) if t == k => {
                    prop_assert_eq!(stored_counter(outcome), k + 1);
                    return Ok(());
                }
                (k, t) if t + 1 == k && in_grace => Ok(RefreshOutcome::RepeatWithinGrace),
                _ => Ok(RefreshOutcome::ReuseDetected),
            };
            prop_assert_eq!(outcome, expected);
        }
    }
}
