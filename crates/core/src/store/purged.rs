//! What a purge has done, and what follows from it.

use crate::model::audit_event::AuditEvent;
use crate::store::{AppliedChanges, ExpiryEvents};

/// What a purge has done.
#[derive(Debug, Default)]
pub struct Purged {
    /// The deleted rows, and the sessions that were checked and not deleted.
    pub rows: u64,
    /// The events of the sessions that have expired.
    pub expired: Vec<AuditEvent>,
    /// Whether these events are recorded.
    pub expiries: ExpiryEvents,
}

impl Purged {
    /// The expired sessions, for the commit listeners; `None` if there are none.
    pub fn applied_changes(&self) -> Option<AppliedChanges> {
        if self.expired.is_empty() {
            return None;
        }
        Some(AppliedChanges {
            expired_sessions: self
                .expired
                .iter()
                .filter_map(|event| event.session.zip(event.reason))
                .collect(),
            derived_events: match self.expiries {
                ExpiryEvents::Record => self.expired.clone(),
                ExpiryEvents::Omit => Vec::new(),
            },
            ..AppliedChanges::default()
        })
    }
}
