//! The tables of a store as rows of a copy, on one connection that no other writer shares.

mod exclusive;
pub(crate) mod statements;
pub(crate) mod value;

use std::pin::pin;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::ToSql;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::copy::{COPY_MARK, CopiedRow, CopiedTable, CopiedValue, StoreTables};

use crate::error::{OpenError, QueryError};
use crate::statement::{Connection, statement};
use crate::tables::columns::Text;
use crate::tables::metadata;
use crate::url::PostgresUrl;
use value::{Stored, read_row, sql_type};

pub use exclusive::Existence;

/// The tables of a store that this process alone has open.
pub struct PostgresTables {
    connection: Connection,
    database: String,
}

impl PostgresTables {
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Opens the store in this database. An older schema is migrated.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`](crate::PostgresStore::open), and if there is no store although it must exist.
    pub async fn open(url: &PostgresUrl, existence: Existence) -> Result<Self, OpenError> {
        Ok(Self { connection: exclusive::connect(url, existence).await?, database: url.to_string() })
    }

    /// Runs `operation` in a transaction that also replaces the mark.
    async fn transaction(
        &self,
        operation: impl Future<Output = Result<(), QueryError>>,
        mark: Option<&[u8]>,
    ) -> Result<(), QueryError> {
        self.connection.batch_execute("BEGIN").await?;
        let applied = async {
            operation.await?;
            let statement = match mark {
                Some(mark) => metadata::set(COPY_MARK, mark),
                None => statement!("DELETE FROM metadata WHERE key = $1", Text(COPY_MARK)),
            };
            statement.query(&self.connection).await.map(drop)
        };
        match applied.await {
            Ok(()) => Ok(self.connection.batch_execute("COMMIT").await?),
            Err(error) => {
                // A connection that is lost rolls back by itself.
                let _ = self.connection.batch_execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    async fn insert(&self, table: &CopiedTable, rows: &[CopiedRow]) -> Result<(), QueryError> {
        let types: Vec<_> = table.columns.iter().map(|column| sql_type(column.kind)).collect();
        let sink = self.connection.copy_in(&statements::copy_in(table)).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in rows {
            let values: Vec<Stored<'_>> = row.iter().zip(table.columns).map(Stored::new).collect();
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            writer.as_mut().write(&values).await?;
        }
        writer.finish().await?;
        Ok(())
    }

    async fn update_single_row(&self, table: &CopiedTable, rows: &[CopiedRow]) -> Result<(), QueryError> {
        let statement = self.connection.prepare(&statements::update(table)).await?;
        for row in rows {
            let values: Vec<Stored<'_>> = row.iter().zip(table.columns).map(Stored::new).collect();
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            self.connection.execute(&statement, &values).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl StoreTables for PostgresTables {
    fn location(&self) -> String {
        self.database.clone()
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError> {
        let row =
            self.connection.query_one(&statements::count(table), &[]).await.map_err(QueryError::from)?;
        Ok(row.try_get::<_, i64>(0).map_err(QueryError::from)?.cast_unsigned())
    }

    async fn read(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<Vec<CopiedRow>, StoreError> {
        let read = async {
            let sql = statements::select(table, after.is_some());
            let statement = self.connection.prepare_cached(&sql).await?;
            let after: Vec<Stored<'_>> =
                after.into_iter().flatten().zip(table.columns).map(Stored::new).collect();
            let rows = self.connection.query_raw(&statement, &after).await?;
            let rows: Vec<_> = rows.try_collect().await?;
            rows.iter().map(|row| read_row(table, row)).collect()
        };
        let read: Result<_, QueryError> = read.await;
        Ok(read?)
    }

    async fn write(
        &mut self,
        table: &'static CopiedTable,
        rows: Vec<CopiedRow>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        let written = async {
            match table.is_single_row() {
                true => self.update_single_row(table, &rows).await,
                false => self.insert(table, &rows).await,
            }
        };
        Ok(self.transaction(written, Some(&mark)).await?)
    }

    async fn begin(&mut self, mark: &[u8]) -> Result<(), StoreError> {
        let deleted = async { Ok(self.connection.batch_execute(statements::DELETE_NEW).await?) };
        Ok(self.transaction(deleted, Some(mark)).await?)
    }

    async fn mark(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(metadata::find(&self.connection, COPY_MARK).await?)
    }

    async fn set_mark(&mut self, mark: Option<&[u8]>) -> Result<(), StoreError> {
        Ok(self.transaction(async { Ok(()) }, mark).await?)
    }

    /// Counts the rows for the planner: without that it would read whole tables until the next automatic analysis.
    async fn finish(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.batch_execute("ANALYZE").await.map_err(QueryError::from)?)
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        // The lock ends with the session, if it cannot be given back now.
        let _ = self.connection.batch_execute("SELECT pg_advisory_unlock_all()").await;
        Ok(())
    }
}

impl std::fmt::Debug for PostgresTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresTables").field("database", &self.database).finish_non_exhaustive()
    }
}
