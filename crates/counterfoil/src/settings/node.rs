//! Settings of a node: a process that serves from a store which others serve from too.

use std::time::Duration;

/// The settings of a node. They have no effect on a SQLite store, which one process has open.
///
/// ```
/// use std::time::Duration;
/// use counterfoil::NodeSettings;
///
/// assert_eq!(NodeSettings::default().lease, Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSettings {
    /// The name in lists and metrics, under which the clock checkpoint is saved; `None`: the host name. The nodes of a store must
    /// have different names. Two with one name both serve, and a start of one continues from the clock of the other.
    pub name: Option<String>,
    /// How long a node answers from memory after it began a renewal. A node that cannot renew accepts no credential and
    /// answers 503. It renews four times in a lease.
    pub lease: Duration,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self { name: None, lease: Duration::from_secs(2) }
    }
}

impl NodeSettings {
    /// The name to show.
    pub(crate) fn display_name(&self) -> String {
        let host_name = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = self.name.clone().unwrap_or_else(host_name);
        let name = name.trim();
        if name.is_empty() { "node".to_owned() } else { name.chars().take(MAX_NAME_CHARS).collect() }
    }
}

/// The longest name that is shown.
const MAX_NAME_CHARS: usize = 255;
