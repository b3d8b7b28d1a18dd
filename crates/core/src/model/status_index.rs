//! The number under which the status lists know a session.

use std::fmt;

/// The number of statuses in one list. Every list has this length from the beginning, so that its length says nothing.
pub const STATUS_LIST_SIZE: u64 = 1 << 20;

/// The number of a session in the status lists, which no other session has at the same time.
///
/// A store assigns numbers in order, and a number again when it is free. A reader of the lists must learn no order, so
/// what is published is the number after a keyed permutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusIndex(u64);

impl StatusIndex {
    /// The index with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The number of its list.
    pub const fn list(self) -> u64 {
        self.0 / STATUS_LIST_SIZE
    }

    /// Its place in the list, before the permutation.
    pub const fn place(self) -> u64 {
        self.0 % STATUS_LIST_SIZE
    }
}

impl fmt::Display for StatusIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
