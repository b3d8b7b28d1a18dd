//! The keys of the metadata under which a process saves what a later start needs: the mark of its shutdown, and what is known
//! about its clock. Of several nodes each has keys of its own.

use counterfoil_core::store::Store;

/// The owner in the keys of the only process that has a store open.
pub(crate) const ONLY_PROCESS: &str = "0";

/// Whose state the keys of this process have.
#[derive(Debug, Clone)]
pub(crate) struct StateKeys {
    /// This process. As a node it draws a new id at each start, so two nodes with one name have separate state.
    process: String,
    /// The node by its name, which stays the same when it is restarted.
    node: String,
}

impl StateKeys {
    /// The keys of this process in `store`, for which its node has the name `node`.
    pub(crate) fn new(store: &dyn Store, node: &str) -> Self {
        match store.node_registry() {
            Some(registry) => Self { process: registry.id().to_string(), node: node.to_owned() },
            None => Self { process: ONLY_PROCESS.to_owned(), node: ONLY_PROCESS.to_owned() },
        }
    }

    /// The keys of a node, for tests without a store that nodes share.
    #[cfg(test)]
    pub(crate) fn of_node(process: &str, node: &str) -> Self {
        Self { process: process.to_owned(), node: node.to_owned() }
    }

    /// The owner of what ends with this process.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// The owner of what the next process of this node continues.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Whether this process is the only one that can have the store open.
    pub(crate) fn is_only_process(&self) -> bool {
        self.process == ONLY_PROCESS
    }
}
