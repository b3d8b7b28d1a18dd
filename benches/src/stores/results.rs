//! What a run has measured.

use crate::report::Sample;

/// One iteration: a sample of each contender, in their order, and of two nodes that answer at the same time.
pub(crate) struct Iteration {
    pub(crate) samples: Vec<Sample>,
    pub(crate) nodes: [Sample; 2],
}

/// The memory of Redis that each session takes, in bytes.
pub(crate) struct RedisMemory {
    pub(crate) ours: f64,
    pub(crate) express: f64,
    pub(crate) tower_sessions: f64,
}

impl RedisMemory {
    /// For people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{:.0} bytes, of express-session {:.0}, of tower-sessions {:.0}",
            self.ours, self.express, self.tower_sessions
        )
    }
}
