//! Checking a whole store in one snapshot, also while a server uses it.

mod decode;
mod rules;
mod schema_difference;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;

use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::store::StoreError;
use counterfoil_core::store::check::{CheckedRows, ConsistencyRule, StoreInspection, Violations};
use counterfoil_core::store::copy::{COPY_MARK, CopiedTable, CopiedValue, CopyMark};

use crate::connection::{Connected, Connector};
use crate::copy::statements;
use crate::copy::value::{Stored, read_row};
use crate::error::{OpenError, QueryError};
use crate::schema;
use crate::statement::Connection;
use crate::tables::{keys, metadata};
use crate::url::PostgresUrl;
use decode::decode;

/// One snapshot for the whole check, in which nothing can be changed.
const BEGIN: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A store that is read in one snapshot.
pub struct PostgresInspection {
    connection: Connection,
    database: String,
}

impl PostgresInspection {
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Connects to the database.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, or has no store.
    pub async fn open(url: &PostgresUrl) -> Result<Self, OpenError> {
        let database = url.to_string();
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Unreachable {
            database: database.clone(),
            source,
        };
        let connector = Connector::new(url, Arc::new(|| None)).map_err(|error| unreachable(error.into()))?;
        let connected = connector.connect().await.map_err(|error| unreachable(error.into()))?;
        let Connected { connection, .. } = connected;
        connection.batch_execute(BEGIN).await.map_err(|error| unreachable(error.into()))?;
        match schema::version(&connection).await.map_err(|error| unreachable(error.into()))? {
            None => Err(OpenError::NoStore { database }),
            // It would not check what it does not know.
            Some(found) if found > schema::newest() => Err(OpenError::NewerSchema {
                database,
                found,
                min_reader: found,
                supported: schema::newest(),
            }),
            Some(_) => Ok(Self { connection, database }),
        }
    }

    async fn read_part(
        &self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<CheckedRows, QueryError> {
        let sql = statements::select(table, after.is_some());
        let statement = self.connection.prepare_cached(&sql).await?;
        let after: Vec<Stored<'_>> =
            after.into_iter().flatten().zip(table.columns).map(Stored::new).collect();
        let rows = self.connection.query_raw(&statement, &after).await?;
        let rows: Vec<_> = rows.try_collect().await?;
        let mut checked = CheckedRows { rows: rows.len() as u64, ..CheckedRows::default() };
        let of_key = CopiedTable { columns: table.key_columns(), ..*table };
        for row in &rows {
            if read_row(table, row).is_err() || decode(table, row).is_err() {
                let key = read_row(&of_key, row)?;
                checked
                    .unreadable
                    .add(|| key.iter().map(CopiedValue::to_shown).collect::<Vec<_>>().join(" "));
            }
        }
        let is_last = checked.rows < u64::from(table.batch) || table.is_single_row();
        checked.next = match rows.last() {
            Some(last) if !is_last => Some(read_row(&of_key, last)?),
            Some(_) | None => None,
        };
        Ok(checked)
    }
}

#[async_trait]
impl StoreInspection for PostgresInspection {
    fn location(&self) -> String {
        self.database.clone()
    }

    async fn damage(&mut self) -> Result<Vec<String>, StoreError> {
        let version = schema::version(&self.connection).await?.unwrap_or_default();
        let newest = schema::newest();
        if version != newest {
            let older = format!(
                "the schema has version {version}: the next start of a server migrates it to {newest}"
            );
            return Ok(vec![older]);
        }
        Ok(schema_difference::find(&self.connection).await?)
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError> {
        let row =
            self.connection.query_one(&statements::count(table), &[]).await.map_err(QueryError::from)?;
        Ok(row.try_get::<_, i64>(0).map_err(QueryError::from)?.cast_unsigned())
    }

    async fn check_rows(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<CheckedRows, StoreError> {
        Ok(self.read_part(table, after).await?)
    }

    async fn violations(&mut self, rule: ConsistencyRule) -> Result<Violations, StoreError> {
        let row = self.connection.query_one(rules::select(rule), &[]).await.map_err(QueryError::from)?;
        let count: i64 = row.try_get(0).map_err(QueryError::from)?;
        let example = row.try_get(1).map_err(QueryError::from)?;
        Ok(Violations { count: count.cast_unsigned(), example })
    }

    async fn keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(keys::all(&self.connection).await?)
    }

    async fn copy_mark(&mut self) -> Result<Option<CopyMark>, StoreError> {
        let mark = metadata::find(&self.connection, COPY_MARK).await?;
        Ok(mark.as_deref().and_then(CopyMark::from_stored))
    }
}

impl std::fmt::Debug for PostgresInspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresInspection").field("database", &self.database).finish_non_exhaustive()
    }
}
