//! Checking a whole database in one snapshot, also while a server uses it.

mod decode;
mod rules;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params_from_iter};

use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::store::StoreError;
use counterfoil_core::store::check::{CheckedRows, ConsistencyRule, StoreInspection, Violations};
use counterfoil_core::store::copy::{COPY_MARK, CopiedTable, CopiedValue, CopyMark};

use crate::blocking_connection::BlockingConnection;
use crate::copy::statements;
use crate::copy::value::{Stored, read_row};
use crate::error::OpenError;
use crate::file::check::{check_header, check_wal};
use crate::file::connection;
use crate::file::open::canonical_path;
use crate::tables::{keys, metadata};
use crate::{schema, schema_check};
use decode::decode;

/// The most inconsistencies of pages and indexes that are listed.
const MAX_LISTED: u32 = 10;

/// A database that is read in one snapshot.
#[derive(Debug)]
pub struct SqliteInspection {
    connection: BlockingConnection,
    path: PathBuf,
}

impl SqliteInspection {
    /// Opens the database at `path`, which exists. It need not be unlocked.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no database of this program or an older version of it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = canonical_path(path)?;
        let metadata = path.metadata().map_err(|error| OpenError::from_io(&path, error))?;
        check_header(&path, &metadata)?;
        check_wal(&path)?;
        let connection = open_snapshot(&path).map_err(|error| OpenError::from_sqlite(&path, error))?;
        Ok(Self { connection: BlockingConnection::new(connection), path })
    }
}

fn open_snapshot(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connection::for_reading(path)?;
    // The write-ahead log stays as it is, also if no server uses the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

#[async_trait]
impl StoreInspection for SqliteInspection {
    fn location(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn damage(&mut self) -> Result<Vec<String>, StoreError> {
        self.connection.run(|connection| damage(connection)).await
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, StoreError> {
        let count = move |connection: &mut Connection| {
            connection.query_row(&statements::count(table), [], |row| row.get(0))
        };
        self.connection.run(count).await.map(i64::cast_unsigned)
    }

    async fn check_rows(
        &mut self,
        table: &'static CopiedTable,
        after: Option<&[CopiedValue]>,
    ) -> Result<CheckedRows, StoreError> {
        let after = after.map(<[_]>::to_vec);
        self.connection.run(move |connection| check_rows(connection, table, after.as_deref())).await
    }

    async fn violations(&mut self, rule: ConsistencyRule) -> Result<Violations, StoreError> {
        let select = move |connection: &mut Connection| {
            connection.query_row(rules::select(rule), [], |row| {
                Ok(Violations { count: row.get::<_, i64>(0)?.cast_unsigned(), example: row.get(1)? })
            })
        };
        self.connection.run(select).await
    }

    async fn keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        self.connection.run(|connection| keys::all(connection)).await
    }

    async fn copy_mark(&mut self) -> Result<Option<CopyMark>, StoreError> {
        let mark = self.connection.run(|connection| metadata::find(connection, COPY_MARK)).await?;
        Ok(mark.as_deref().and_then(CopyMark::from_stored))
    }
}

/// The schema first: before it is known to be ours, nothing in it is run.
fn damage(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let version = schema::header_version(connection)?;
    if let Some(difference) = schema_check::difference(connection, version)? {
        return Ok(vec![format!("the schema was changed: {difference}")]);
    }
    if version != schema::VERSION {
        let newest = schema::VERSION;
        return Ok(vec![format!(
            "the schema has version {version}: the next start of a server migrates it to {newest}"
        )]);
    }
    if schema::version(connection)? != Some(version) {
        return Ok(vec!["the migration history is invalid".to_owned()]);
    }
    let mut pages = connection.prepare(&format!("PRAGMA integrity_check({MAX_LISTED})"))?;
    let found = pages.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut damage: Vec<_> = found.into_iter().filter(|line| line != "ok").collect();
    if !schema::has_single_rows(connection, version)? {
        damage.push("a required row is missing".to_owned());
    }
    Ok(damage)
}

fn check_rows(
    connection: &Connection,
    table: &'static CopiedTable,
    after: Option<&[CopiedValue]>,
) -> rusqlite::Result<CheckedRows> {
    let mut statement = connection.prepare_cached(&statements::select(table, after.is_some()))?;
    let mut rows = statement.query(params_from_iter(after.into_iter().flatten().map(Stored)))?;
    let mut checked = CheckedRows::default();
    while let Some(row) = rows.next()? {
        checked.rows += 1;
        let key: Vec<CopiedValue> = read_key(table, row)?;
        if read_row(table, row).is_err() || decode(table, row).is_err() {
            checked.unreadable.add(|| key.iter().map(CopiedValue::to_shown).collect::<Vec<_>>().join(" "));
        }
        checked.next = Some(key);
    }
    if checked.rows < u64::from(table.batch) || table.is_single_row() {
        checked.next = None;
    }
    Ok(checked)
}

fn read_key(table: &CopiedTable, row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<CopiedValue>> {
    let key = CopiedTable { columns: table.key_columns(), ..*table };
    read_row(&key, row)
}
