//! The revocation log as a verifier sees it: entries at positions, each about one subject.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use counterfoil_jose::Time;

use crate::id::{ClientId, FromStrVisitor, IdError, KeyId, SessionId, TokenId, UserId};

/// A place in the revocation log, which is totally ordered in the order of commits.
///
/// Positions are compared with each other only, never with a clock: a clock can be set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevocationPosition(u64);

impl RevocationPosition {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// The position with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, as it stands in `pos` and in the feed.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RevocationPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a revocation is about. Its text is `kind:name`, or `everyone`.
///
/// ```
/// use counterfoil_verify::{ClientId, RevocationSubject};
///
/// let subject: RevocationSubject = "client:shop".parse()?;
/// assert_eq!(subject, RevocationSubject::Client("shop".parse()?));
/// assert_eq!(subject.to_string(), "client:shop");
/// # Ok::<(), counterfoil_verify::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RevocationSubject {
    /// One login, whatever the position of its tokens.
    Session(SessionId),
    /// All that a user was given before the position.
    User(UserId),
    /// One access token, whatever its position.
    Token(TokenId),
    /// All that a client application was given before the position.
    Client(ClientId),
    /// All that a key has signed, whatever the position: its thief chooses that.
    Key(KeyId),
    /// All that anybody was given before the position.
    Everyone,
}

impl fmt::Display for RevocationSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}

impl FromStr for RevocationSubject {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let unknown = IdError::expected("session:, user:, token:, client: or key: and a name, or everyone");
        if text == "everyone" {
            return Ok(Self::Everyone);
        }
        match text.split_once(':').ok_or(unknown)? {
            ("session", name) => name.parse().map(Self::Session),
            ("user", name) => name.parse().map(Self::User),
            ("token", name) => name.parse().map(Self::Token),
            ("client", name) => name.parse().map(Self::Client),
            ("key", name) => name.parse().map(Self::Key),
            _ => Err(unknown),
        }
    }
}

impl Serialize for RevocationSubject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RevocationSubject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FromStrVisitor(PhantomData))
    }
}

/// The kind of subject by whose entry a credential is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// Its session ended.
    Session,
    /// Its user's credentials ended.
    User,
    /// It ended by itself.
    Token,
    /// The credentials of its client application ended.
    Client,
    /// Its key is no longer trusted.
    Key,
    /// Everybody's credentials ended.
    Everyone,
}

impl SubjectKind {
    /// The word that [`RevocationSubject`] begins with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Token => "token",
            Self::Client => "client",
            Self::Key => "key",
            Self::Everyone => "everyone",
        }
    }
}

impl From<&RevocationSubject> for SubjectKind {
    fn from(subject: &RevocationSubject) -> Self {
        match subject {
            RevocationSubject::Session(_) => Self::Session,
            RevocationSubject::User(_) => Self::User,
            RevocationSubject::Token(_) => Self::Token,
            RevocationSubject::Client(_) => Self::Client,
            RevocationSubject::Key(_) => Self::Key,
            RevocationSubject::Everyone => Self::Everyone,
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One revocation: what ended, where it stands in the log, and how long it must be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEntry {
    /// Where it stands.
    pub position: RevocationPosition,
    /// What it is about.
    pub subject: RevocationSubject,
    /// When the last token that it could kill has expired; `None` for a key, which is never forgotten.
    pub until: Option<Time>,
}
