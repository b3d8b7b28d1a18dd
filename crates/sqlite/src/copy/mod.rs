//! The tables of a database as rows of a copy, on one connection that holds the lock of the file.

pub(crate) mod statements;
pub(crate) mod value;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::{Connection, params_from_iter};

use counterfoil_core::store::StoreError;
use counterfoil_core::store::copy::{COPY_MARK, CopiedRow, CopiedTable, CopiedValue, StoreTables};

use crate::blocking_connection::BlockingConnection;
use crate::error::OpenError;
use crate::file::file_lock::FileLock;
use crate::file::open::{self, OpenedDatabase};
use value::{Stored, read_row};

/// The page cache while rows are written, in KiB: the indexes by user and by time are written at random places.
const CACHE_KIB: i64 = 256 * 1024;

/// The size of the write-ahead log, in pages, after which its pages are moved into the database. Only the writer of a server
/// must notice a failed move; here the next one repeats it, and the last one is checked.
const CHECKPOINT_PAGES: i64 = 16 * 1024;

/// The tables of a database that this process has locked.
pub struct SqliteTables {
    connection: BlockingConnection,
    path: PathBuf,
    lock: FileLock,
}

impl SqliteTables {
    /// Opens the database at `path`, or creates it if nothing exists there. An older schema is migrated.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`](crate::SqliteStore::open).
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let OpenedDatabase { connection, path, lock } = open::open(path)?;
        let settings = [("cache_size", -CACHE_KIB), ("wal_autocheckpoint", CHECKPOINT_PAGES)];
        for (name, value) in settings {
            let set = connection.pragma_update(None, name, value);
            set.map_err(|error| OpenError::from_sqlite(&path, error))?;
        }
        Ok(Self { connection: BlockingConnection::new(connection), path, lock })
    }
}

#[async_trait]
impl StoreTables for SqliteTables {
    fn location(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError> {
        self.connection
            .run(move |connection| {
                connection
                    .query_row(&statements::count(table), [], |row| row.get::<_, i64>(0))
                    .map(i64::cast_unsigned)
            })
            .await
    }

    async fn read(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<Vec<CopiedRow>, StoreError> {
        let after = after.map(<[_]>::to_vec);
        self.connection
            .run(move |connection| {
                let mut statement = connection.prepare_cached(&statements::select(table, after.is_some()))?;
                let parameters = after.iter().flatten().map(Stored);
                let rows = statement.query_map(params_from_iter(parameters), |row| read_row(table, row))?;
                rows.collect()
            })
            .await
    }

    async fn write(
        &mut self,
        table: &'static CopiedTable,
        rows: Vec<CopiedRow>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.connection
            .run(move |connection| {
                let transaction = connection.transaction()?;
                {
                    let mut write = transaction.prepare_cached(&statements::write(table))?;
                    for row in &rows {
                        write.execute(params_from_iter(row.iter().map(Stored)))?;
                    }
                }
                set_mark(&transaction, Some(&mark))?;
                transaction.commit()
            })
            .await
    }

    async fn begin(&mut self, mark: &[u8]) -> Result<(), StoreError> {
        let mark = mark.to_vec();
        self.connection
            .run(move |connection| {
                let transaction = connection.transaction()?;
                transaction
                    .execute_batch("DELETE FROM clients; DELETE FROM metadata WHERE key <> 'name_rules'")?;
                set_mark(&transaction, Some(&mark))?;
                transaction.commit()
            })
            .await
    }

    async fn mark(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.connection.run(|connection| crate::tables::metadata::find(connection, COPY_MARK)).await
    }

    async fn set_mark(&mut self, mark: Option<&[u8]>) -> Result<(), StoreError> {
        let mark = mark.map(<[_]>::to_vec);
        self.connection.run(move |connection| set_mark(connection, mark.as_deref())).await
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        self.connection.run(checkpoint).await
    }

    async fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.connection.run(checkpoint).await?;
        self.connection.close()?;
        drop(self.lock);
        Ok(())
    }
}

/// Moves every page of the write-ahead log into the database.
fn checkpoint(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn set_mark(connection: &Connection, mark: Option<&[u8]>) -> rusqlite::Result<()> {
    match mark {
        Some(mark) => crate::tables::metadata::set(connection, COPY_MARK, mark),
        None => connection.execute("DELETE FROM metadata WHERE key = ?1", [COPY_MARK]).map(drop),
    }
}

impl std::fmt::Debug for SqliteTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteTables").field("path", &self.path).finish_non_exhaustive()
    }
}
