//! The counterfoil: one login as we remember it, in every mode.

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, Position, SessionId, UserId};

use crate::issued::refresh::{Pepper, PepperId, RefreshToken, Salt};
use crate::issued::session::{Digest, SessionToken};
use crate::refusal::Unfit;

/// How far a session's `seen_at` may lag behind: it is written at most once in this time.
pub const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

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
    pub stub: Stub,
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
    pub from: Circumstances,
    /// What the user calls the device.
    pub label: Option<String>,
    /// When and why it ended; an ended session stays for a while, to recognise replays.
    pub ended: Option<Ended>,
    /// Counts the changes; a store swaps only the successor of what it holds.
    pub revision: u64,
}

/// What was torn off a session: by this a store knows how the client's half is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stub {
    /// A session token; we keep the digest of its secret.
    Cookie(Digest),
    /// Access tokens alone; nothing is kept but the record itself.
    Access,
    /// A refresh token that turns.
    Refresh {
        /// The pepper its tags are made with.
        pepper: PepperId,
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
pub struct Circumstances {
    /// The address of the peer.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 256 characters, without control characters.
    pub user_agent: Option<String>,
}

/// That a session ended, when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// Why.
    pub cause: Cause,
}

/// Why something was revoked: the `reason` of the log and the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The client logged out.
    Logout,
    /// The user ended it from another session.
    ByUser,
    /// An administrator ended it.
    ByAdmin,
    /// A spent refresh token was shown again.
    Replay,
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
}

impl Cause {
    /// Every cause, for stores that keep the word.
    pub const ALL: [Self; 9] = [
        Self::Logout,
        Self::ByUser,
        Self::ByAdmin,
        Self::Replay,
        Self::Replaced,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::RolesChanged,
        Self::KeyCompromised,
    ];

    /// The word for it, as stores keep it and the journal shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::ByUser => "by_user",
            Self::ByAdmin => "by_admin",
            Self::Replay => "replay",
            Self::Replaced => "replaced",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::RolesChanged => "roles_changed",
            Self::KeyCompromised => "key_compromised",
        }
    }

    /// The cause that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// How long a spent turn is answered again, and since when we have been able to answer at all.
#[derive(Debug, Clone, Copy)]
pub struct Grace {
    /// The window after a turn in which its predecessor is taken for a lost answer. Zero: no window.
    pub length: Duration,
    /// When this process began to serve: a crash between commit and answer is a lost answer too.
    pub serving_since: Time,
}

impl Grace {
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
pub enum Rotation {
    /// The next turn: this is to be kept, durably, before the answer leaves.
    Advance(Box<Session>),
    /// The newest token again, just after it was made: the client asks twice. Nothing is written.
    Hold,
    /// The token before the newest, just after it was spent: its answer was lost. Nothing is written.
    Repeat,
    /// A spent token: two parties hold this family, and neither can be told from the thief.
    Replay,
}

impl Session {
    /// Judges the session token `shown`: whether it is this session's, and the session is live.
    ///
    /// # Errors
    ///
    /// Says why not, for the journal. The digest is compared first: who does not know the secret learns
    /// nothing of the state.
    pub fn admit(&self, shown: &SessionToken, now: Time) -> Result<(), Unfit> {
        let Stub::Cookie(digest) = &self.stub else { return Err(Unfit::OtherKind) };
        if self.id != shown.session() || !digest.is_of(shown) {
            return Err(Unfit::Unknown);
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
        pepper: &Pepper,
        grace: Grace,
        now: Time,
    ) -> Result<Rotation, Unfit> {
        let Stub::Refresh { pepper: made_with, salt, turn, since } = self.stub else {
            return Err(Unfit::OtherKind);
        };
        if self.id != shown.session() || made_with != pepper.id() || !shown.is_genuine(pepper, &salt) {
            return Err(Unfit::Unknown);
        }
        self.is_live(now)?;

        let in_grace = grace.covers(since, now);
        match turn.checked_sub(shown.turn()) {
            None => Err(Unfit::Ahead),
            Some(0) if turn > 0 && in_grace => Ok(Rotation::Hold),
            Some(0) => Ok(Rotation::Advance(Box::new(self.turned(made_with, salt, turn, now)?))),
            Some(1) if in_grace => Ok(Rotation::Repeat),
            Some(_) => Ok(Rotation::Replay),
        }
    }

    /// The session one turn on.
    fn turned(&self, pepper: PepperId, salt: Salt, turn: u64, now: Time) -> Result<Self, Unfit> {
        let turn = turn.checked_add(1).ok_or(Unfit::Unknown)?;
        Ok(Self {
            stub: Stub::Refresh { pepper, salt, turn, since: now },
            seen_at: now,
            revision: self.revision + 1,
            ..self.clone()
        })
    }

    /// The refresh token that is good now, if the session carries one made with `pepper`.
    pub fn refresh_token(&self, pepper: &Pepper) -> Option<RefreshToken> {
        match &self.stub {
            Stub::Refresh { pepper: made_with, salt, turn, .. } if *made_with == pepper.id() => {
                Some(RefreshToken::of(pepper, salt, self.id, *turn))
            }
            Stub::Refresh { .. } | Stub::Cookie(_) | Stub::Access => None,
        }
    }

    /// The pepper that its refresh tokens are made with, if it has any.
    pub fn pepper(&self) -> Option<PepperId> {
        match self.stub {
            Stub::Refresh { pepper, .. } => Some(pepper),
            Stub::Cookie(_) | Stub::Access => None,
        }
    }

    /// What to keep of a use at `now`: the session as seen now, if that is worth a write.
    pub fn touch(&self, now: Time) -> Option<Self> {
        match self.stub {
            Stub::Cookie(_) if now.since(self.seen_at) >= TOUCH_INTERVAL => {
                Some(Self { seen_at: now, revision: self.revision + 1, ..self.clone() })
            }
            Stub::Cookie(_) | Stub::Access | Stub::Refresh { .. } => None,
        }
    }

    /// Whether the session is live: neither ended, nor idle for too long, nor at its absolute end.
    ///
    /// # Errors
    ///
    /// Says which of them it is.
    pub fn is_live(&self, now: Time) -> Result<(), Unfit> {
        if self.ended.is_some() {
            return Err(Unfit::Ended);
        }
        if now >= self.ends_at() {
            return Err(Unfit::Expired);
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
            Stub::Cookie(_) => Mode::Session,
            Stub::Access => Mode::Jwt,
            Stub::Refresh { .. } => Mode::Hybrid,
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
