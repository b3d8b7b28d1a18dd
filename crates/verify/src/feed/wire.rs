//! The JSON of the revocation feed, for the issuer that writes it and the verifiers that read it.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use counterfoil_jose::Time;

use crate::id::{FromStrVisitor, IdError, RevocationLogId};
use crate::revocation::log::{RevocationEntry, RevocationPosition, RevocationSubject};

/// One response of `GET /v1/feed`.
///
/// A verifier discards it unless `instance` and `poll` are its own. It publishes all entries, renews its lease only if the
/// response [is complete](Self::is_complete), and sends `after=next` with its next poll, which acknowledges them. Unknown
/// members are ignored, so that later versions can add some.
///
/// ```
/// use counterfoil_verify::{FeedResponse, RevocationPosition};
///
/// let text = r#"{"log":"AQEBAQEBAQEBAQEBAQEBAQ","instance":"b2a9","poll":17,"now":1764000000,"lease_ms":3000,
///     "head":1764000000123,"next":1764000000123,"snapshot":false,"keys":"","entries":[]}"#;
/// let response: FeedResponse = serde_json::from_str(text)?;
/// assert!(response.is_complete() && response.answers(&"b2a9".parse()?, 17));
/// assert_eq!(response.next, RevocationPosition::new(1_764_000_000_123));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedResponse {
    /// The id of the revocation log. Positions of another log cannot be compared with those of this one.
    pub log: RevocationLogId,
    /// The `instance` of the request.
    pub instance: FeedInstanceId,
    /// The `poll` of the request.
    pub poll: u64,
    /// The time of the issuer in Unix seconds. A verifier checks `exp` with its own clock or with this time plus
    /// what has passed since, whichever is later.
    pub now: u64,
    /// How long the verifier may rely on what it knows, in milliseconds from the moment at which it sent this poll.
    pub lease_ms: u64,
    /// The head of the log, read after the request arrived.
    pub head: RevocationPosition,
    /// The position up to which every entry is known with this response. Below `head`: more follows.
    pub next: RevocationPosition,
    /// Whether the entries are all active revocations up to `next`, not only those after the `after` of the request. A
    /// verifier merges them into what it holds all the same.
    pub snapshot: bool,
    /// The SHA-256 of the body of `/.well-known/jwks.json`, as base64url. If it changes, the verifier fetches the keys.
    pub keys: String,
    /// The entries, in the order of their positions.
    pub entries: Vec<FeedEntry>,
}

impl FeedResponse {
    /// Whether the verifier knows the whole log with this response. Only then may it renew its lease.
    pub fn is_complete(&self) -> bool {
        self.next == self.head
    }

    /// Whether this is the response to the poll `poll` of `instance`. Any other response is discarded: a delayed or
    /// repeated one would renew a lease that the issuer does not know.
    pub fn answers(&self, instance: &FeedInstanceId, poll: u64) -> bool {
        self.instance == *instance && self.poll == poll
    }

    /// The entries as they are published to [`Revocations`](crate::Revocations).
    pub fn revocations(&self) -> Vec<RevocationEntry> {
        self.entries.iter().cloned().map(RevocationEntry::from).collect()
    }
}

/// One revocation of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEntry {
    /// Its position in the log.
    pub position: RevocationPosition,
    /// What is revoked: `session:ID`, `user:ID`, `token:ID`, `client:ID`, `key:ID` or `everyone`.
    pub subject: RevocationSubject,
    /// When the last token that it revokes has expired, in Unix seconds. Null for a key, which stays revoked.
    pub until: Option<u64>,
}

/// The time is rounded up: no verifier may forget a revocation before the last token has expired.
impl From<&RevocationEntry> for FeedEntry {
    fn from(entry: &RevocationEntry) -> Self {
        let RevocationEntry { position, subject, until } = entry;
        let until = until.map(|until| until.unix_ms().div_ceil(1000));
        Self { position: *position, subject: subject.clone(), until }
    }
}

impl From<FeedEntry> for RevocationEntry {
    fn from(FeedEntry { position, subject, until }: FeedEntry) -> Self {
        Self { position, subject, until: until.map(Time::from_unix_seconds) }
    }
}

/// The id of one process that follows the feed, which it draws at random when it starts.
///
/// Leases and acknowledgements belong to one instance. Two processes with the same id would acknowledge entries for each
/// other that only one of them has, so a process that forks draws its id after the fork.
///
/// 1 to 64 letters, digits, `-`, `_`, `.` and `~`: what a query holds without percent-encoding (RFC 3986, section 2.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedInstanceId(Arc<str>);

impl FeedInstanceId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FeedInstanceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_unreserved) {
            return Ok(Self(text.into()));
        }
        Err(IdError::expected("1 to 64 letters, digits, `-`, `_`, `.` or `~`"))
    }
}

impl fmt::Display for FeedInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FeedInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedInstanceId({self})")
    }
}

impl Serialize for FeedInstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FeedInstanceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(FromStrVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    fn entry(until_ms: u64) -> RevocationEntry {
        RevocationEntry {
            position: RevocationPosition::new(8),
            subject: RevocationSubject::Session(SessionId::from_bytes([1; 16])),
            until: Some(Time::from_unix_ms(until_ms)),
        }
    }

    #[test]
    fn an_entry_is_written_as_the_protocol_says() {
        let text = serde_json::to_string(&FeedEntry::from(&entry(1_764_001_020_000))).unwrap();

        assert_eq!(text, r#"{"position":8,"subject":"session:AQEBAQEBAQEBAQEBAQEBAQ","until":1764001020}"#);
    }

    #[test]
    fn a_verifier_never_forgets_an_entry_earlier_than_the_issuer() {
        for ms in [1_764_001_020_000, 1_764_001_020_001, 1_764_001_020_999] {
            let read = RevocationEntry::from(FeedEntry::from(&entry(ms)));
            assert!(read.until >= entry(ms).until, "{ms}");
        }
        let key = RevocationEntry { until: None, ..entry(0) };
        assert_eq!(RevocationEntry::from(FeedEntry::from(&key)), key);
    }

    #[test]
    fn an_instance_is_a_short_text_without_reserved_characters() {
        let longest = "a".repeat(64);
        for text in ["a", "b2a9-_.~Z", &longest] {
            assert_eq!(text.parse::<FeedInstanceId>().unwrap().as_str(), text);
        }
        for text in ["", "a b", "a%20", "é", "a/b", "a&b", &"a".repeat(65)] {
            assert!(text.parse::<FeedInstanceId>().is_err(), "{text}");
        }
    }
}
