//! The conditions for serving requests, by their names.

/// A condition for serving requests. While one fails, requests should be sent to other instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadinessCheck {
    /// The server is not shutting down.
    Closing,
    /// The store can be read. If not, it has failed and must be reopened.
    Store,
    /// The store can be written. If not, the disk is full, read-only or broken, and reads still work.
    StoreWrites,
    /// No clock jump waits for acceptance. Until then no credentials are issued.
    Clock,
    /// The keys in the store could be loaded.
    Keys,
    /// This node knows what the others have committed. If not, it cannot renew its lease.
    NodeLease,
    /// The threads that hash passwords make progress.
    Hashing,
}

impl ReadinessCheck {
    /// All checks.
    pub(crate) const ALL: [Self; 7] = [
        Self::Closing,
        Self::Store,
        Self::StoreWrites,
        Self::Clock,
        Self::Keys,
        Self::NodeLease,
        Self::Hashing,
    ];

    /// The name in `/readyz` and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Store => "store",
            Self::StoreWrites => "store_writes",
            Self::Clock => "clock",
            Self::Keys => "keys",
            Self::NodeLease => "node_lease",
            Self::Hashing => "hashing",
        }
    }
}
