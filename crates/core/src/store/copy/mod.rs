//! Moving a store from one back end to another: its tables as neutral rows, their digests, and the marks that keep two
//! servers from using both.
//!
//! A copy contains the rows as they are, so every credential stays valid: the id and the head of the revocation log, the
//! revisions and the counters are the same in both stores. Only one of them may be used afterwards.

mod digest;
mod mark;
mod table;
mod tables;
mod value;

use async_trait::async_trait;

use crate::store::StoreError;

pub use digest::TableDigest;
pub use mark::{COPY_MARK, CopyId, CopyMark, CopyPosition, CopyRefusal, CopyStart, start_copy};
pub use table::{Column, ColumnKind, CopiedTable, METADATA, TABLES};
pub use value::{CopiedRow, CopiedValue};

/// The tables of a store that this process alone has open.
///
/// It is for a copy: it reads and writes rows without any of the rules of [`Store`](crate::Store).
#[async_trait]
pub trait StoreTables: Send {
    /// Where the store is, without a password.
    fn location(&self) -> String;

    /// The number of rows of a table.
    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError>;

    /// The next rows of a table, at most [`CopiedTable::batch`]: those behind the row with the key `after`, in the order of
    /// the keys as this store sorts them. A table of a single row has no key, and returns its row for no key alone.
    async fn read(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<Vec<CopiedRow>, StoreError>;

    /// Writes rows and replaces the mark, in one durable transaction. A table of a single row gets the values of the row.
    async fn write(
        &mut self,
        table: &'static CopiedTable,
        rows: Vec<CopiedRow>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// Deletes the rows that every new store has and that a copy contains, and sets the mark, in one durable transaction.
    async fn begin(&mut self, mark: &[u8]) -> Result<(), StoreError>;

    /// The mark [`COPY_MARK`].
    async fn mark(&mut self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets the mark, or removes it, durably.
    async fn set_mark(&mut self, mark: Option<&[u8]>) -> Result<(), StoreError>;

    /// Prepares the database for use after many rows were written.
    async fn finish(&mut self) -> Result<(), StoreError>;

    /// Closes the store and releases its lock.
    async fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// The digest of the rows of a table that a copy contains; `progress` gets the number of rows of each batch.
///
/// # Errors
///
/// If the table cannot be read.
pub async fn digest_table(
    store: &mut dyn StoreTables,
    table: &'static CopiedTable,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<TableDigest, StoreError> {
    let (mut digest, mut after) = (TableDigest::default(), None);
    loop {
        let rows = store.read(table, after.as_deref()).await?;
        let Some(last) = rows.last() else { return Ok(digest) };
        after = table.key_of(last);
        rows.iter().filter(|row| table.is_copied(row)).for_each(|row| digest.add(row));
        progress(rows.len() as u64);
        if after.is_none() {
            return Ok(digest);
        }
    }
}
