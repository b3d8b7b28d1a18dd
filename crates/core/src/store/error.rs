//! Errors of a store.

/// An error of the store. It is never the client's fault: the response is 503, and the cause is logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Busy, full, read-only or unreachable. Nothing was changed.
    #[error("the store cannot be used now: {reason}")]
    Unavailable {
        /// What is wrong.
        reason: &'static str,
        /// The error of the back end.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A commit failed and its outcome is unknown. The store rejects everything until it is opened again.
    #[error("the store has failed and must be opened again")]
    Poisoned,
    /// It is not known yet whether a commit was executed: its answer was lost, and the database cannot be asked. The store
    /// finds out by itself, or must be opened again; until then it rejects everything. A caller must not say that the change was
    /// made, nor that it was not.
    #[error("it is not known yet whether the commit was executed")]
    OutcomeUnknown,
    /// A record cannot be read: it is damaged, or another program wrote it.
    #[error("a record in the store cannot be read: {detail}")]
    Corrupt {
        /// The kind of the record and what is wrong.
        detail: &'static str,
        /// The error of the back end.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The back end returned an error that belongs to none of the other kinds. Nothing was changed.
    #[error("the back end of the store returned an error")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
