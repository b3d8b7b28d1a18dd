//! Whether the audit log says which sessions have expired.

/// Whether a purge records the sessions that have expired. It counts them in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpiryEvents {
    /// Each has an audit event.
    #[default]
    Record,
    /// None has one.
    Omit,
}
