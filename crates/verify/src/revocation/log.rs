//! The entries of the revocation log: each revokes one subject and has one position.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use counterfoil_jose::Time;

use crate::id::{ClientId, FromStrVisitor, IdError, KeyId, SessionId, TokenId, UserId};

/// A position in the revocation log, which is totally ordered by commit.
///
/// Compare positions only with each other, never with a clock: a clock can be set back.
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

    /// The number, as in the claim `pos` and in the feed.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RevocationPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a revocation applies to. Its text is `kind:id`, or `everyone`.
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
    /// One session with all its tokens, whatever their positions.
    Session(SessionId),
    /// All credentials that were issued to a user before the position.
    User(UserId),
    /// One access token, whatever its position.
    Token(TokenId),
    /// All credentials that were issued to a client application before the position.
    Client(ClientId),
    /// All tokens that a key has signed, whatever their positions: a thief of the key can write any position.
    Key(KeyId),
    /// All credentials that were issued before the position.
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
        let unknown = IdError::expected("session:ID, user:ID, token:ID, client:ID, key:ID or everyone");
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

/// The kind of subject of the entry that revokes a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// Its session ended.
    Session,
    /// All earlier credentials of its user are revoked.
    User,
    /// The access token itself is revoked.
    Token,
    /// All earlier credentials of its client application are revoked.
    Client,
    /// The key that signed it is revoked.
    Key,
    /// All earlier credentials are revoked.
    Everyone,
}

impl SubjectKind {
    /// The prefix of the text of a [`RevocationSubject`].
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

    /// What the entry did to the credential, for the log.
    pub(crate) const fn effect(self) -> &'static str {
        match self {
            Self::Session => "session ended",
            Self::User => "all earlier credentials of the user ended",
            Self::Token => "this token ended",
            Self::Client => "all earlier credentials of the client ended",
            Self::Key => "the signing key was revoked",
            Self::Everyone => "all earlier credentials ended",
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

/// One revocation: its position in the log, its subject, and how long it must be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationEntry {
    /// Its position in the log.
    pub position: RevocationPosition,
    /// What is revoked.
    pub subject: RevocationSubject,
    /// When the last token that it revokes has expired; `None` for a key, which stays revoked.
    pub until: Option<Time>,
}
