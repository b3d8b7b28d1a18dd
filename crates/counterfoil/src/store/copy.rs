//! Copies a store to another back end, compares both, and marks which of them may be used.

use counterfoil_core::store::StoreError;
use counterfoil_core::store::copy::{
    CopiedTable, CopiedValue, CopyId, CopyMark, CopyPosition, CopyRefusal, CopyStart, StoreTables, TABLES,
    TableDigest, digest_table, start_copy,
};
use counterfoil_jose::random;

use crate::store::copy_mark;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress {
    /// What is being done.
    pub phase: CopyPhase,
    /// How many rows that were done since the last report.
    pub rows: u64,
    /// How many rows there are.
    pub total: u64,
}

/// What a copy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPhase {
    /// It copies rows.
    Copying,
    /// It compares the rows of both stores.
    Comparing,
}

/// A complete copy.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopiedStore {
    /// Where the source is, which is no longer used.
    pub from: String,
    /// Where the copy is.
    pub to: String,
    /// Whether an interrupted copy was continued.
    pub is_resumed: bool,
    /// The tables, which are the same in both stores.
    pub tables: Vec<ComparedTable>,
}

/// A table that is the same in both stores.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ComparedTable {
    /// Its name.
    pub name: &'static str,
    /// The number of its rows.
    pub rows: u64,
    /// The digest of its rows, which does not depend on their order, in hexadecimal digits.
    pub digest: String,
}

/// A copy failed. Unless a variant says otherwise, the same command continues it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The stores cannot be copied so. Nothing was changed.
    #[error(transparent)]
    Refused(#[from] CopyRefusal),
    /// The source cannot be read or marked.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The target cannot be written.
    #[error("the target cannot be written")]
    Target(#[source] StoreError),
    /// The stores differ after the copy. Neither is used until the copy was discarded.
    #[error("the table {table} is not the same in both stores: {source_rows} rows and {target_rows} rows")]
    Different {
        /// The name of the table.
        table: &'static str,
        /// How many rows the source has.
        source_rows: u64,
        /// How many rows the target has.
        target_rows: u64,
    },
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Randomness(#[from] random::RandomUnavailable),
}

impl CopyError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused(CopyRefusal::UnfinishedSource) => "finish that copy first, or name its source",
            Self::Refused(CopyRefusal::SourceMoved) => {
                "use the store that it was moved to; to return to this one, run `counterfoil store reopen STORE`"
            }
            Self::Refused(CopyRefusal::TargetNotEmpty) => {
                "name a file that does not exist, or an empty database"
            }
            Self::Refused(_) => "delete the target, and copy again from the beginning",
            Self::Source(_) | Self::Target(_) | Self::Randomness(_) => {
                "correct the cause, and run the same command again: it continues"
            }
            Self::Different { .. } => {
                "another program has changed one of the stores: delete the target, run `counterfoil store check` on the \
                 source, and copy again"
            }
        }
    }
}

/// Copies `source` to `target`, or continues a copy that was interrupted, and compares both.
///
/// From the first row on no server uses the source, and none uses the target until it is complete: the source is marked
/// first, and the mark of the target is removed last.
///
/// # Errors
///
/// If the stores cannot be copied so, one of them fails, or they differ.
pub(crate) async fn copy_tables(
    source: &mut dyn StoreTables,
    target: &mut dyn StoreTables,
    report: &(dyn Fn(CopyProgress) + Sync),
) -> Result<CopiedStore, CopyError> {
    let source_mark = mark(source).await.map_err(CopyError::Source)?;
    let target_mark = mark(target).await.map_err(CopyError::Target)?;
    let is_empty = is_empty(target).await.map_err(CopyError::Target)?;
    let start = start_copy(source_mark.as_ref(), target_mark.as_ref(), is_empty)?;
    let (from, to) = (source.location(), target.location());
    let total = total(source).await.map_err(CopyError::Source)?;
    let report = |phase, rows| report(CopyProgress { phase, rows, total });

    let is_resumed = matches!(start, CopyStart::Resume { .. });
    let (copy, position) = match start {
        CopyStart::New => begin(source, target).await?,
        CopyStart::Resume { copy, position } => {
            report(CopyPhase::Copying, self::total(target).await.map_err(CopyError::Target)?);
            (copy, position)
        }
    };
    copy_rows(source, target, (copy, position), &|rows| report(CopyPhase::Copying, rows)).await?;
    target.finish().await.map_err(CopyError::Target)?;
    let tables = compare(source, target, &|rows| report(CopyPhase::Comparing, rows)).await?;
    // In this order: at no moment may both be used.
    let moved = CopyMark::Moved { copy, to: to.clone() }.to_stored();
    source.set_mark(Some(&moved)).await.map_err(CopyError::Source)?;
    target.set_mark(None).await.map_err(CopyError::Target)?;
    Ok(CopiedStore { from, to, is_resumed, tables })
}

/// Marks both stores, the source first: if the process ends in between, the source is not used, and the next attempt
/// begins again.
async fn begin(
    source: &mut dyn StoreTables,
    target: &mut dyn StoreTables,
) -> Result<(CopyId, CopyPosition), CopyError> {
    let copy = CopyId::from_bytes(random::bytes()?);
    let mark = CopyMark::Source { copy, to: target.location() }.to_stored();
    source.set_mark(Some(&mark)).await.map_err(CopyError::Source)?;
    let position = CopyPosition { table: TABLES[0].name.to_owned(), after: None };
    let mark = CopyMark::Unfinished { copy, from: source.location(), position: position.clone() };
    target.begin(&mark.to_stored()).await.map_err(CopyError::Target)?;
    Ok((copy, position))
}

async fn mark(store: &mut dyn StoreTables) -> Result<Option<CopyMark>, StoreError> {
    store.mark().await?.as_deref().map(copy_mark::parse).transpose()
}

/// Whether a store holds no more than every new one: the client `default`, and the rules of its names.
async fn is_empty(store: &mut dyn StoreTables) -> Result<bool, StoreError> {
    for table in TABLES {
        let most = match table.name {
            "clients" => 1,
            "metadata" => continue,
            _ if table.is_single_row() => continue,
            _ => 0,
        };
        if store.count(table).await? > most {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn total(store: &mut dyn StoreTables) -> Result<u64, StoreError> {
    let mut total = 0;
    for table in TABLES {
        total += store.count(table).await?;
    }
    Ok(total)
}

/// Copies the rows behind `position`, table after table.
async fn copy_rows(
    source: &mut dyn StoreTables,
    target: &mut dyn StoreTables,
    (copy, position): (CopyId, CopyPosition),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CopyError> {
    let from = source.location();
    let unfinished = |table: &CopiedTable, after| {
        let position = CopyPosition { table: table.name.to_owned(), after };
        CopyMark::Unfinished { copy, from: from.clone(), position }.to_stored()
    };
    let first = TABLES.iter().position(|table| table.name == position.table);
    // A version with other tables has begun the copy.
    let first = first.ok_or(CopyRefusal::OtherCopy)?;
    let mut after = position.after;
    for table in &TABLES[first..] {
        copy_table((source, target, table), after.take(), &|after| unfinished(table, after), progress)
            .await?;
    }
    Ok(())
}

/// Copies the rows of a table behind the key `after`. The next rows are read while the former ones are written.
async fn copy_table(
    (source, target, table): (&mut dyn StoreTables, &mut dyn StoreTables, &'static CopiedTable),
    after: Option<Vec<CopiedValue>>,
    mark: &(dyn Fn(Option<Vec<CopiedValue>>) -> Vec<u8> + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), CopyError> {
    let mut rows = source.read(table, after.as_deref()).await.map_err(CopyError::Source)?;
    while let Some(last) = rows.last() {
        let (key, count) = (table.key_of(last), rows.len() as u64);
        rows.retain(|row| table.is_copied(row));
        let write = target.write(table, rows, mark(key.clone()));
        let read = async {
            match &key {
                Some(key) => source.read(table, Some(key)).await,
                None => Ok(Vec::new()),
            }
        };
        let (written, next) = tokio::join!(write, read);
        written.map_err(CopyError::Target)?;
        rows = next.map_err(CopyError::Source)?;
        progress(count);
    }
    Ok(())
}

/// Reads every table of both stores.
async fn compare(
    source: &mut dyn StoreTables,
    target: &mut dyn StoreTables,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<ComparedTable>, CopyError> {
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let (of_source, of_target) =
            tokio::join!(digest_table(source, table, progress), digest_table(target, table, &|_| {}));
        let (of_source, of_target): (TableDigest, TableDigest) =
            (of_source.map_err(CopyError::Source)?, of_target.map_err(CopyError::Target)?);
        if of_source != of_target {
            return Err(CopyError::Different {
                table: table.name,
                source_rows: of_source.rows(),
                target_rows: of_target.rows(),
            });
        }
        tables.push(ComparedTable {
            name: table.name,
            rows: of_source.rows(),
            digest: of_source.to_string(),
        });
    }
    Ok(tables)
}
