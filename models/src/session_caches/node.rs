//! A node with its memory of one session.

use crate::protocol::Entries;
use crate::session_caches::{Log, Rule};

/// A session as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value {
    /// How many changes it includes.
    pub changes: u8,
    /// The head of the log in the snapshot from which it was read.
    pub head: u8,
}

/// A process with a memory, which follows the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Node {
    /// The position up to which it has applied the log.
    applied: u8,
    /// How many changes were committed when it read the log last. No part of the protocol: what it must not answer without.
    pub followed_changes: u8,
    /// The entries that it holds.
    entries: Entries,
    /// Raised whenever memory is invalidated.
    generation: u8,
    memory: Option<Value>,
    /// A read that is not in memory yet, with the generation before it.
    read: Option<(Value, u8)>,
    /// What it will write to the shared cache.
    pub write: Option<Value>,
    /// Whether it will invalidate its memory: only without the rule.
    pub is_invalidation_due: bool,
}

impl Node {
    /// Applies the log up to its head.
    pub fn follow(&mut self, log: &Log, changes: u8, removed: Option<Rule>) {
        let new = log.entries.after(self.applied);
        let is_pruned = log.pruned > self.applied && removed != Some(Rule::EmptyWhenPruned);
        if new != Entries::default() || is_pruned {
            if removed == Some(Rule::InvalidateBeforeHead) {
                self.is_invalidation_due = true;
            } else {
                self.invalidate();
            }
        }
        self.entries = self.entries.union(new);
        self.applied = log.head;
        self.followed_changes = changes;
    }

    /// Empties the memory.
    pub fn invalidate(&mut self) {
        self.is_invalidation_due = false;
        self.generation += 1;
        self.memory = None;
    }

    /// Forgets the entries up to `position`, which have expired.
    pub fn prune(&mut self, position: u8) {
        self.entries = self.entries.after(position);
    }

    /// Whether it reads.
    pub fn is_reading(&self) -> bool {
        self.read.is_some()
    }

    /// Reads a value, from the store or from the shared cache.
    pub fn begin_read(&mut self, value: Value) {
        self.read = Some((value, self.generation));
    }

    /// Puts what it has read into memory, and gives it to the shared cache.
    pub fn finish_read(&mut self, log: &Log, is_shared: bool, removed: Option<Rule>) {
        let Some((mut value, generation)) = self.read.take() else { return };
        if is_shared && !self.trusts(value, log, removed) {
            return;
        }
        if generation == self.generation || removed == Some(Rule::UnchangedSinceRead) {
            self.memory = Some(value);
        }
        if !is_shared {
            if removed == Some(Rule::HeadOfSnapshot) {
                value.head = log.head;
            }
            self.write = Some(value);
        }
    }

    /// Whether it uses a value of the shared cache.
    pub fn trusts(&self, value: Value, log: &Log, removed: Option<Rule>) -> bool {
        let is_revoked = self.entries.after(value.head) != Entries::default();
        let is_old = value.head < log.pruned;
        (!is_revoked || removed == Some(Rule::HeadOfSharedValue))
            && (!is_old || removed == Some(Rule::AgeOfSharedValue))
    }

    /// Whether it answers from memory, or from what the shared cache has, without a change that it has followed.
    pub fn answers_outdated(&self, shared: Option<Value>, log: &Log, removed: Option<Rule>) -> bool {
        let shared = shared.filter(|value| self.trusts(*value, log, removed));
        let is_outdated = |value: Value| value.changes < self.followed_changes;
        self.memory.is_some_and(is_outdated) || shared.is_some_and(is_outdated)
    }
}
