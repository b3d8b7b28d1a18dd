//! Entries of the revocation log that a transaction appends, until their positions are known.

use counterfoil_core::store::NewRevocation;
use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::error::QueryError;
use crate::statement::{Connection, KeptRows, Pipeline};
use crate::tables::revocation_log;

/// Entries of a transaction in which nothing else needs their positions.
///
/// The statement that takes the positions is sent with `COMMIT`. So the row of the log head, which all commits that revoke
/// something wait for, is not locked while an answer is on its way.
pub(crate) struct AppendedEntries {
    entries: Vec<NewRevocation>,
    /// The rows of the statement that appends them.
    rows: KeptRows,
}

impl AppendedEntries {
    pub(crate) fn new(entries: Vec<NewRevocation>, rows: KeptRows) -> Self {
        Self { entries, rows }
    }

    /// The entries with the positions in the answer to their statement.
    pub(crate) fn read(&self, pipeline: &Pipeline<'_, '_>) -> Result<Vec<RevocationEntry>, QueryError> {
        let last = revocation_log::read_head(pipeline.kept(self.rows))?;
        Ok(with_positions(&self.entries, last))
    }

    /// The entries, as the revocation log has them: their commit was executed, and its answer was lost.
    ///
    /// An entry that has expired meanwhile may have been purged. It gets the head, which is not below its position.
    pub(crate) async fn find(&self, connection: &Connection) -> Result<Vec<RevocationEntry>, QueryError> {
        let positions = revocation_log::positions_of(connection, &self.entries).await?;
        let head = revocation_log::head(connection).await?;
        let position = |entry: &NewRevocation| positions.get(&entry.subject.to_string()).copied();
        let found = |entry: &NewRevocation| entry_at(entry, position(entry).unwrap_or(head));
        Ok(self.entries.iter().map(found).collect())
    }
}

/// These entries at the positions up to `last`, in their order.
pub(crate) fn with_positions(entries: &[NewRevocation], last: RevocationPosition) -> Vec<RevocationEntry> {
    let positions = (1..=last.number()).rev().zip(entries.iter().rev());
    let mut entries: Vec<_> =
        positions.map(|(number, entry)| entry_at(entry, RevocationPosition::new(number))).collect();
    entries.reverse();
    entries
}

fn entry_at(entry: &NewRevocation, position: RevocationPosition) -> RevocationEntry {
    RevocationEntry { position, subject: entry.subject.clone(), until: entry.remember_until }
}
