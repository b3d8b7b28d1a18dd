//! Refreshes of one session at several nodes, and a primary that is replaced by its standby.

/// The turn of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Refreshes {
    /// The turn that the primary has.
    pub turn: u8,
    /// The turn that the standby has.
    pub standby: u8,
    /// The turn that a client was given.
    pub acknowledged: u8,
    /// Whether the standby has become the primary.
    pub is_promoted: bool,
    /// The turn that each node has loaded.
    pub loaded: Vec<Option<u8>>,
    /// How often each turn was replaced by a successor.
    pub successors: Vec<u8>,
}

impl Refreshes {
    /// Replaces the turn that the node has loaded, unless another node was first.
    pub fn swap(&mut self, node: usize, checks_revision: bool) {
        let Some(loaded) = self.loaded[node].take() else { return };
        if loaded == self.turn || !checks_revision {
            self.successors[usize::from(loaded)] += 1;
            self.turn = loaded + 1;
        }
    }

    /// The standby becomes the primary. What it does not have was never given to a client.
    pub fn promote(&mut self) {
        self.is_promoted = true;
        self.turn = self.standby;
        self.successors[usize::from(self.standby)..].fill(0);
    }
}
