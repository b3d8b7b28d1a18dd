//! The store that the nodes share: the revocation log, and a row for each process.

use std::time::Duration;

use crate::protocol::Entries;

/// The id of a row. Each process that joins draws a new one.
pub type RowId = u8;

/// What is committed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Store {
    /// The entries of the log.
    pub log: Entries,
    /// The highest position that was drawn, perhaps by a transaction that is not committed.
    pub drawn: u8,
    /// The rows, in the order of their ids.
    pub rows: Vec<Row>,
    last_id: RowId,
}

/// What a node says about itself. It has counters and durations, and no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// Which process it belongs to.
    pub id: RowId,
    /// Raised by each renewal.
    pub counter: u8,
    /// The node has every entry up to here, and so has each verifier that has a lease from it.
    pub in_force: u8,
    /// The lease that the node gives to verifiers.
    pub promise: Duration,
}

impl Store {
    /// Commits a revocation. Returns its position.
    pub fn revoke(&mut self) -> u8 {
        let position = self.draw();
        self.commit(position);
        position
    }

    /// Draws a position for a transaction.
    pub fn draw(&mut self) -> u8 {
        self.drawn += 1;
        self.drawn
    }

    /// Commits the transaction that drew `position`.
    pub fn commit(&mut self, position: u8) {
        self.log = self.log.union(Entries::at(position));
    }

    /// Commits a new row.
    pub fn insert(&mut self, in_force: u8, promise: Duration) -> RowId {
        self.last_id += 1;
        self.rows.push(Row { id: self.last_id, counter: 1, in_force, promise });
        self.last_id
    }

    /// The row with this id, unless it was removed.
    pub fn row(&self, id: RowId) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Commits a renewal of a row. `None`: it was removed.
    pub fn renew(&mut self, id: RowId, in_force: u8) -> Option<()> {
        let row = self.rows.iter_mut().find(|row| row.id == id)?;
        row.counter += 1;
        row.in_force = in_force;
        Some(())
    }

    /// Removes a row.
    pub fn remove(&mut self, id: RowId) {
        self.rows.retain(|row| row.id != id);
    }
}
