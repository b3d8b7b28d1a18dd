//! The counterfoil: one login as we remember it, in every mode.

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, Position, SessionId, UserId};

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
    pub stub: SessionCredential,
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
    pub pos: Position,
    /// The scope that was granted, if any; a refresh can narrow it, never widen it.
    pub scope: Option<String>,
    /// Where from it was last seen.
    pub from: ClientInfo,
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
        pepper: RefreshTokenKeyId,
        /// The salt its tags are made with.
        salt: Salt,
        /// The turn that is good now.
        turn: u64,
        /// Since when.
        since: Time,
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
    pub cause: EndReason,
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
    pub const ALL: [Self; 10] = [
        Self::Logout,
        Self::ByUser,
        Self::ByAdmin,
        Self::RefreshReuseDetected,
        Self::Replaced,
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
            Self::RefreshReuseDetected => "replay",
            Self::Replaced => "replaced",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::RolesChanged => "roles_changed",
            Self::KeyCompromised => "key_compromised",
            Self::Restored => "restored",
        }
    }

    /// The cause that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
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
    fn covers(&self, since: Time, now: Time) -> bool {
        !self.length.is_zero() && now <= since.max(self.serving_since) + self.length
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
    /// Judges the session token `shown`: whether it is this session's, and the session is live.
    ///
    /// # Errors
    ///
    /// Says why not, for the journal. The digest is compared first: who does not know the secret learns
    /// nothing of the state.
    pub fn admit(&self, shown: &SessionToken, now: Time) -> Result<(), InvalidCredential> {
        let SessionCredential::Cookie(digest) = &self.stub else { return Err(InvalidCredential::WrongKind) };
        if self.id != shown.session() || !digest.is_of(shown) {
            return Err(InvalidCredential::Unknown);
        }
        self.is_live(now)
    }

    /// Judges the refresh token `shown`; what to keep and what to answer are in the result.
    ///
    /// # Errors
    ///
    /// If the tag is not of this session nothing changes: nobody can end a session by knowing its id.
    pub fn rotate(
        &self,
        shown: &RefreshToken,
        pepper: &RefreshTokenKey,
        grace: RefreshGracePeriod,
        now: Time,
    ) -> Result<RefreshOutcome, InvalidCredential> {
        let SessionCredential::Refresh { pepper: made_with, salt, turn, since } = self.stub else {
            return Err(InvalidCredential::WrongKind);
        };
        if self.id != shown.session() || made_with != pepper.id() || !shown.is_genuine(pepper, &salt) {
            return Err(InvalidCredential::Unknown);
        }
        self.is_live(now)?;

        let in_grace = grace.covers(since, now);
        match turn.checked_sub(shown.turn()) {
            None => Err(InvalidCredential::AheadOfStore),
            Some(0) if turn > 0 && in_grace => Ok(RefreshOutcome::RepeatCurrent),
            Some(0) => Ok(RefreshOutcome::Rotate(Box::new(self.turned(made_with, salt, turn, now)?))),
            Some(1) if in_grace => Ok(RefreshOutcome::RepeatWithinGrace),
            Some(_) => Ok(RefreshOutcome::ReuseDetected),
        }
    }

    /// The session one turn on.
    fn turned(
        &self,
        pepper: RefreshTokenKeyId,
        salt: Salt,
        turn: u64,
        now: Time,
    ) -> Result<Self, InvalidCredential> {
        let turn = turn.checked_add(1).ok_or(InvalidCredential::Unknown)?;
        Ok(Self {
            stub: SessionCredential::Refresh { pepper, salt, turn, since: now },
            seen_at: now,
            revision: self.revision + 1,
            ..self.clone()
        })
    }

    /// The refresh token that is good now, if the session carries one made with `pepper`.
    pub fn refresh_token(&self, pepper: &RefreshTokenKey) -> Option<RefreshToken> {
        match &self.stub {
            SessionCredential::Refresh { pepper: made_with, salt, turn, .. } if *made_with == pepper.id() => {
                Some(RefreshToken::of(pepper, salt, self.id, *turn))
            }
            SessionCredential::Refresh { .. }
            | SessionCredential::Cookie(_)
            | SessionCredential::AccessOnly => None,
        }
    }

    /// The pepper that its refresh tokens are made with, if it has any.
    pub fn pepper(&self) -> Option<RefreshTokenKeyId> {
        match self.stub {
            SessionCredential::Refresh { pepper, .. } => Some(pepper),
            SessionCredential::Cookie(_) | SessionCredential::AccessOnly => None,
        }
    }

    /// What to keep of a use at `now`: the session as seen now, if that is worth a write.
    pub fn touch(&self, now: Time) -> Option<Self> {
        match self.stub {
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
    pub fn is_live(&self, now: Time) -> Result<(), InvalidCredential> {
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
        match self.stub {
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

    fn pepper() -> RefreshTokenKey {
        RefreshTokenKey::new(RefreshTokenKeyId::from_bytes([1; 8]), &Secret::new([1; 32]))
    }

    fn with(stub: SessionCredential) -> Session {
        Session {
            id: SessionId::from_bytes([9; 16]),
            user: UserId::from_bytes([8; 16]),
            client: ClientId::default(),
            stub,
            authenticated_at: NOON,
            amr: vec!["pwd".into()],
            seen_at: NOON,
            idle: Duration::from_secs(7 * 86_400),
            expires_at: NOON + Duration::from_secs(90 * 86_400),
            pos: Position::new(5),
            scope: None,
            from: ClientInfo::default(),
            label: None,
            ended: None,
            revision: 0,
        }
    }

    fn at_turn(turn: u64) -> Session {
        with(SessionCredential::Refresh { pepper: pepper().id(), salt: SALT, turn, since: NOON })
    }

    fn token(turn: u64) -> RefreshToken {
        RefreshToken::of(&pepper(), &SALT, SessionId::from_bytes([9; 16]), turn)
    }

    fn rotate(session: &Session, turn: u64, now: Time) -> Result<RefreshOutcome, InvalidCredential> {
        session.rotate(&token(turn), &pepper(), GRACE, now)
    }

    fn kept_turn(rotation: Result<RefreshOutcome, InvalidCredential>) -> u64 {
        match rotation {
            Ok(RefreshOutcome::Rotate(next)) => match next.stub {
                SessionCredential::Refresh { turn, .. } => turn,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_token_turns_at_once() {
        assert_eq!(kept_turn(rotate(&at_turn(0), 0, NOON)), 1);
    }

    #[test]
    fn the_newest_token_turns_after_the_grace_and_holds_within_it() {
        let session = at_turn(4);

        assert_eq!(rotate(&session, 4, NOON + TEN), Ok(RefreshOutcome::RepeatCurrent));
        assert_eq!(kept_turn(rotate(&session, 4, NOON + TEN + Duration::from_millis(1))), 5);
    }

    #[test]
    fn a_lost_answer_is_given_again_within_the_grace() {
        assert_eq!(rotate(&at_turn(4), 3, NOON + TEN), Ok(RefreshOutcome::RepeatWithinGrace));
        assert_eq!(rotate(&at_turn(1), 0, NOON), Ok(RefreshOutcome::RepeatWithinGrace));
    }

    #[test]
    fn the_last_spent_token_is_a_replay_after_the_grace() {
        assert_eq!(
            rotate(&at_turn(4), 3, NOON + TEN + Duration::from_millis(1)),
            Ok(RefreshOutcome::ReuseDetected)
        );
    }

    #[test]
    fn an_older_token_is_a_replay_at_any_time() {
        for older in 0..3 {
            assert_eq!(rotate(&at_turn(4), older, NOON), Ok(RefreshOutcome::ReuseDetected), "turn {older}");
        }
    }

    #[test]
    fn a_turn_that_was_never_kept_ends_nothing() {
        assert_eq!(rotate(&at_turn(4), 5, NOON), Err(InvalidCredential::AheadOfStore));
    }

    #[test]
    fn a_forged_tag_ends_nothing_whatever_turn_it_claims() {
        let thief = RefreshTokenKey::new(pepper().id(), &Secret::new([2; 32]));
        for turn in 0..8 {
            let forged = RefreshToken::of(&thief, &SALT, SessionId::from_bytes([9; 16]), turn);
            let judged = at_turn(4).rotate(&forged, &pepper(), GRACE, NOON);
            assert_eq!(judged, Err(InvalidCredential::Unknown), "turn {turn}");
        }
    }

    #[test]
    fn a_genuine_token_of_an_ended_session_is_refused_and_no_replay() {
        let ended = Session { ended: Some(SessionEnd { at: NOON, cause: EndReason::Logout }), ..at_turn(4) };

        assert_eq!(rotate(&ended, 4, NOON), Err(InvalidCredential::Ended));
        assert_eq!(rotate(&ended, 0, NOON), Err(InvalidCredential::Ended));
    }

    #[test]
    fn a_restart_counts_as_a_lost_answer() {
        let later = NOON + Duration::from_secs(3600);
        let restarted = RefreshGracePeriod { length: TEN, serving_since: later };

        let judged = at_turn(4).rotate(&token(3), &pepper(), restarted, later + TEN);
        assert_eq!(judged, Ok(RefreshOutcome::RepeatWithinGrace));
        let judged = at_turn(4).rotate(&token(2), &pepper(), restarted, later);
        assert_eq!(judged, Ok(RefreshOutcome::ReuseDetected), "an older one is still a replay");
    }

    #[test]
    fn without_a_grace_every_spent_token_is_a_replay_at_once() {
        let none = RefreshGracePeriod { length: Duration::ZERO, serving_since: NOON };
        let session = at_turn(4);

        assert_eq!(session.rotate(&token(3), &pepper(), none, NOON), Ok(RefreshOutcome::ReuseDetected));
        assert_eq!(kept_turn(session.rotate(&token(4), &pepper(), none, NOON)), 5);
    }

    #[test]
    fn a_session_ends_idle_and_ends_absolutely() {
        let cookie = with(SessionCredential::AccessOnly);
        assert_eq!(cookie.is_live(NOON + cookie.idle - Duration::from_millis(1)), Ok(()));
        assert_eq!(cookie.is_live(NOON + cookie.idle), Err(InvalidCredential::Expired));

        let used = Session { seen_at: cookie.expires_at - Duration::from_secs(1), ..cookie.clone() };
        assert_eq!(used.is_live(used.expires_at), Err(InvalidCredential::Expired));
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let token = SessionToken::draw(SessionId::from_bytes([9; 16])).unwrap();
        let session = with(SessionCredential::Cookie(token.digest()));

        assert_eq!(session.touch(NOON + Duration::from_millis(59_999)), None);
        let touched = session.touch(NOON + Duration::from_secs(60)).unwrap();
        assert_eq!(touched.seen_at, NOON + Duration::from_secs(60));
        assert_eq!(touched.revision, 1);
    }

    #[test]
    fn another_sessions_secret_admits_nobody() {
        let (mine, other) = (SessionId::from_bytes([9; 16]), SessionId::from_bytes([7; 16]));
        let token = SessionToken::draw(mine).unwrap();
        let session = with(SessionCredential::Cookie(token.digest()));
        assert_eq!(session.admit(&token, NOON), Ok(()));

        assert_eq!(session.admit(&SessionToken::draw(mine).unwrap(), NOON), Err(InvalidCredential::Unknown));
        assert_eq!(session.admit(&SessionToken::draw(other).unwrap(), NOON), Err(InvalidCredential::Unknown));
        assert_eq!(at_turn(0).admit(&token, NOON), Err(InvalidCredential::WrongKind));
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
            let (mut kept, mut held, mut now) = (at_turn(0), 0_u64, NOON);
            let mut lost_at: Option<Time> = None;
            for step in steps {
                match step {
                    RotationStep::Wait(ms) => {
                        now = now + Duration::from_millis(ms);
                        // An honest client asks again within the grace.
                        now = lost_at.map_or(now, |lost| now.min(lost + TEN));
                    }
                    RotationStep::AskTwice | RotationStep::Refresh { .. } => {
                        let rotation = rotate(&kept, held, now);
                        prop_assert!(!matches!(rotation, Ok(RefreshOutcome::ReuseDetected) | Err(_)), "{rotation:?}");
                        let advanced = matches!(rotation, Ok(RefreshOutcome::Rotate(_)));
                        if let Ok(RefreshOutcome::Rotate(next)) = rotation {
                            kept = *next;
                        }
                        let SessionCredential::Refresh { turn, .. } = kept.stub else { unreachable!() };
                        if matches!(step, RotationStep::Refresh { answer_is_lost: true }) {
                            if advanced {
                                lost_at = Some(now);
                            }
                        } else {
                            (held, lost_at) = (turn, None);
                        }
                        prop_assert!(turn - held <= 1);
                    }
                }
            }
        }

        /// Whatever turn is shown at whatever time: only the tag's owner changes anything, turns only go up
        /// by one, and exactly the spent ones outside the window end the session.
        #[test]
        fn every_turn_has_one_judgement(kept in 0_u64..50, shown in 0_u64..60, after in 0_u64..30_000) {
            let now = NOON + Duration::from_millis(after);
            let in_grace = after <= 10_000;
            let judged = rotate(&at_turn(kept), shown, now);

            let expected = match (kept, shown) {
                (k, t) if t > k => Err(InvalidCredential::AheadOfStore),
                (k, t) if t == k && k > 0 && in_grace => Ok(RefreshOutcome::RepeatCurrent),
                (k, t) if t == k => {
                    prop_assert_eq!(kept_turn(judged), k + 1);
                    return Ok(());
                }
                (k, t) if t + 1 == k && in_grace => Ok(RefreshOutcome::RepeatWithinGrace),
                _ => Ok(RefreshOutcome::ReuseDetected),
            };
            prop_assert_eq!(judged, expected);
        }
    }
}
