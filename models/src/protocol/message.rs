//! What the network carries. It loses, delays, reorders and repeats.

/// A message on its way. A message that is lost is one that is never delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From a verifier to the issuer.
    Poll(Poll),
    /// From the issuer to a verifier.
    Response(Response),
}

/// A poll of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Poll {
    /// The process that sends it.
    pub sender: Sender,
    /// Its number.
    pub number: u8,
    /// The position up to which the process has every entry. It acknowledges. `None`: it has nothing.
    pub after: Option<u8>,
}

/// A process between two restarts: what draws an instance id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    /// The index of the process.
    pub process: u8,
    /// How often it was restarted.
    pub restarts: u8,
}

/// A response to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Response {
    /// To whom.
    pub to: Sender,
    /// The number of the poll.
    pub number: u8,
    /// The head of the log.
    pub head: u8,
    /// The position up to which the process has every entry with this response.
    pub next: u8,
    /// Whether the entries are a snapshot.
    pub is_snapshot: bool,
    /// The entries.
    pub entries: Entries,
}

/// A set of entries of the log, by their positions. The entry at a position revokes the token of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Entries(u8);

impl Entries {
    /// The entries after the first position, up to the second.
    pub fn between(after: u8, up_to: u8) -> Self {
        (after..up_to).fold(Self::default(), |entries, position| entries.union(Self(1 << (position + 1))))
    }

    /// The entry at `position` alone.
    pub fn at(position: u8) -> Self {
        Self(1 << position)
    }

    /// Those of these entries that have a position after this one.
    pub fn after(self, position: u8) -> Self {
        Self(self.0 & !((2 << position) - 1))
    }

    /// The highest position, or 0 if there is no entry.
    pub fn head(self) -> u8 {
        (1..8).rev().find(|position| self.contains(*position)).unwrap_or(0)
    }

    /// The entries of both.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the entry at `position` is one of them.
    pub fn contains(self, position: u8) -> bool {
        self.0 & (1 << position) != 0
    }
}
