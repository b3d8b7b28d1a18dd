//! What happens next, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// One thing that happens. Verifiers, nodes and revocations are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A node has read the log up to this number of revocations.
    LogRead { node: usize, known: usize },
    /// A poll is served from now on: it was sent, or its slot has come.
    PollServed { verifier: usize },
    /// A poll has waited for as long as it may, if it is still this one.
    WaitOver { verifier: usize, poll: u64 },
    /// A core begins to write the response to a poll.
    ResponseBegins { verifier: usize },
    /// A verifier shows the revocations of a response to its threads.
    ResponseReceived { verifier: usize, known: usize },
}

/// The events to come.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    inserted: u64,
}

impl Events {
    pub(super) fn insert(&mut self, at: Duration, event: Event) {
        self.inserted += 1;
        self.queue.push(Reverse((at, self.inserted, event)));
    }

    pub(super) fn next(&mut self) -> Option<(Duration, Event)> {
        self.queue.pop().map(|Reverse((at, _, event))| (at, event))
    }
}
