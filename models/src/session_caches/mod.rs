//! A model of the caches of several nodes: the memory of each, and a cache that they share.
//!
//! One session changes: a role of its user, its end. Nodes follow the log of the changes, read the session from the store or from the
//! shared cache, and keep it. Between any two steps a node may stand still. The shared cache loses values, and a late write brings
//! back an old one. Leases are in `models/src/nodes`; here a node answers for what it has followed. [`Rule`] names what can be left out.

mod node;
mod refreshes;
mod rule;

use stateright::{Model, Property};

use crate::protocol::Entries;
pub use crate::session_caches::node::{Node, Value};
pub use crate::session_caches::refreshes::Refreshes;
pub use crate::session_caches::rule::Rule;

/// A node answers as if a change had not happened that it has followed.
pub const OUTDATED: &str = "no node answers without a change that it has followed";
/// I3: a turn has one successor.
pub const TWO_SUCCESSORS: &str = "a refresh token has at most one successor";
/// I2: what was acknowledged is not lost.
pub const LOST: &str = "a refresh that was acknowledged is not lost";
/// The model reaches what it is about.
pub const SHARED: &str = "a node uses a value of the shared cache that includes every change";

/// The caches within bounds, perhaps without one of their rules.
#[derive(Debug, Clone)]
pub struct SessionCaches {
    /// How much happens.
    pub bounds: Bounds,
    /// The rule that is left out.
    pub removed: Option<Rule>,
}

/// How much happens at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The number of nodes.
    pub nodes: usize,
    /// How often the session is changed.
    pub changes: u8,
    /// How often nodes read the session, together.
    pub reads: u8,
    /// Whether the entries of the log are pruned once.
    pub prunes: bool,
    /// How often the session is refreshed.
    pub refreshes: u8,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// How often the session was changed.
    pub changes: u8,
    /// The log of the changes.
    pub log: Log,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What the shared cache has.
    pub shared: Option<Value>,
    /// The nodes whose read is one of the shared cache.
    reads_shared: Vec<bool>,
    reads: u8,
    /// The refreshes of the session.
    pub refreshes: Refreshes,
}

/// The log of the changes, in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Log {
    /// The entries that are not pruned.
    pub entries: Entries,
    /// The position of the last entry.
    pub head: u8,
    /// The position up to which entries were pruned.
    pub pruned: u8,
}

/// An event. A node is named by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A change is committed, with its entry.
    Change,
    /// The entries have expired, and are pruned everywhere.
    Prune,
    /// A node applies the log.
    Follow(usize),
    /// A node invalidates its memory, later than it should.
    Invalidate(usize),
    /// A node reads the session from the store.
    Read(usize),
    /// A node reads the session from the shared cache.
    ReadShared(usize),
    /// A node uses what it has read.
    FinishRead(usize),
    /// A write of a node reaches the shared cache.
    WriteShared(usize),
    /// The shared cache loses its value.
    LoseShared,
    /// A node loads the session for a refresh.
    Load(usize),
    /// A node replaces the turn.
    Swap(usize),
    /// The standby has what the primary has.
    Replicate,
    /// A client gets its token.
    Acknowledge,
    /// The standby becomes the primary.
    Promote,
}

impl Model for SessionCaches {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let count = self.bounds.nodes;
        let refreshes = Refreshes {
            loaded: vec![None; count],
            successors: vec![0; usize::from(self.bounds.refreshes)],
            ..Refreshes::default()
        };
        vec![State {
            changes: 0,
            log: Log::default(),
            nodes: vec![Node::default(); count],
            shared: None,
            reads_shared: vec![false; count],
            reads: 0,
            refreshes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.changes < self.bounds.changes {
            actions.push(Action::Change);
        }
        if self.bounds.prunes && state.log.pruned == 0 && state.log.head > 0 {
            actions.push(Action::Prune);
        }
        for (index, node) in state.nodes.iter().enumerate() {
            if node.followed_changes < state.changes {
                actions.push(Action::Follow(index));
            }
            if node.is_invalidation_due {
                actions.push(Action::Invalidate(index));
            }
            if node.is_reading() {
                actions.push(Action::FinishRead(index));
            } else if state.reads < self.bounds.reads {
                actions.push(Action::Read(index));
                actions.extend(state.shared.map(|_| Action::ReadShared(index)));
            }
            actions.extend(node.write.map(|_| Action::WriteShared(index)));
        }
        actions.extend(state.shared.map(|_| Action::LoseShared));
        if self.bounds.refreshes > 0 {
            self.refresh_actions(&state.refreshes, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.act(action, self.removed);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always(OUTDATED, |model: &Self, state: &State| {
                !state.nodes.iter().any(|node| node.answers_outdated(state.shared, &state.log, model.removed))
            }),
            Property::always(TWO_SUCCESSORS, |_, state: &State| {
                state.refreshes.successors.iter().all(|count| *count <= 1)
            }),
            Property::always(LOST, |_, state: &State| state.refreshes.acknowledged <= state.refreshes.turn),
        ];
        if self.bounds.changes > 0 {
            all.push(Property::sometimes(SHARED, |model: &Self, state: &State| {
                let is_used = |value: &Value| {
                    let trusts = |node: &Node| node.trusts(*value, &state.log, model.removed);
                    value.changes == model.bounds.changes && state.nodes.iter().all(trusts)
                };
                state.shared.as_ref().is_some_and(is_used)
            }));
        }
        all
    }
}

impl SessionCaches {
    fn refresh_actions(&self, refreshes: &Refreshes, actions: &mut Vec<Action>) {
        for (index, loaded) in refreshes.loaded.iter().enumerate() {
            if loaded.is_some() {
                actions.push(Action::Swap(index));
            } else if refreshes.turn < self.bounds.refreshes {
                actions.push(Action::Load(index));
            }
        }
        if !refreshes.is_promoted {
            actions.extend((refreshes.standby < refreshes.turn).then_some(Action::Replicate));
            actions.push(Action::Promote);
        }
        let is_replicated = refreshes.is_promoted || refreshes.standby >= refreshes.turn;
        if is_replicated || self.removed == Some(Rule::AcknowledgeReplicated) {
            actions.push(Action::Acknowledge);
        }
    }
}

impl State {
    fn act(&mut self, action: Action, removed: Option<Rule>) {
        match action {
            Action::Change => {
                self.changes += 1;
                if removed != Some(Rule::EntryForEachChange) {
                    self.log.head += 1;
                    self.log.entries = self.log.entries.union(Entries::at(self.log.head));
                }
            }
            Action::Prune => {
                self.log.pruned = self.log.head;
                self.log.entries = Entries::default();
                self.nodes.iter_mut().for_each(|node| node.prune(self.log.head));
            }
            Action::Follow(index) => self.nodes[index].follow(&self.log, self.changes, removed),
            Action::Invalidate(index) => self.nodes[index].invalidate(),
            Action::Read(index) => {
                self.begin_read(index, Value { changes: self.changes, head: self.log.head }, false);
            }
            Action::ReadShared(index) => {
                if let Some(value) = self.shared {
                    self.begin_read(index, value, true);
                }
            }
            Action::FinishRead(index) => {
                self.nodes[index].finish_read(&self.log, self.reads_shared[index], removed);
                self.reads_shared[index] = false;
            }
            Action::WriteShared(index) => self.shared = self.nodes[index].write.take(),
            Action::LoseShared => self.shared = None,
            Action::Load(index) => self.refreshes.loaded[index] = Some(self.refreshes.turn),
            Action::Swap(index) => self.refreshes.swap(index, removed != Some(Rule::SwapByRevision)),
            Action::Replicate => self.refreshes.standby = self.refreshes.turn,
            Action::Acknowledge => self.refreshes.acknowledged = self.refreshes.turn,
            Action::Promote => self.refreshes.promote(),
        }
    }

    fn begin_read(&mut self, index: usize, value: Value, is_shared: bool) {
        self.reads += 1;
        self.reads_shared[index] = is_shared;
        self.nodes[index].begin_read(value);
    }
}
