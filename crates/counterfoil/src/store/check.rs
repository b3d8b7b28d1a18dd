//! Reads a whole store and lists what is wrong with it.

use counterfoil_core::store::StoreError;
use counterfoil_core::store::check::{RULES, StoreInspection, Violations};
use counterfoil_core::store::copy::{CopiedTable, CopyMark, TABLES};
use counterfoil_jose::SealingKey;

/// Something that is wrong with a store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreFinding {
    /// Its kind, for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// How many records are affected; 0 if it is not about records.
    pub count: u64,
    /// The id of one of them, bytes in hexadecimal digits.
    pub example: Option<String>,
}

/// The result of a check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckedStore {
    /// Where the store is.
    pub store: String,
    /// The number of rows of each table.
    pub tables: Vec<(&'static str, u64)>,
    /// What is wrong; empty if nothing is.
    pub findings: Vec<StoreFinding>,
    /// Whether the keys were decrypted with the master key.
    pub are_keys_checked: bool,
    /// What the store is in a copy, in words; `None` if it can be used.
    pub copy: Option<String>,
}

impl StoreFinding {
    fn of_records(code: &'static str, message: impl Into<String>, found: Violations) -> Option<Self> {
        let Violations { count, example } = found;
        (count > 0).then(|| Self { code, message: message.into(), count, example })
    }
}

/// Checks the schema, every row, the rules between them, and whether `master_key` opens every key that is in use. `report`
/// gets the number of rows of each part and of all.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn check(
    store: &mut dyn StoreInspection,
    master_key: Option<&SealingKey>,
    report: &(dyn Fn(u64, u64) + Sync),
) -> Result<CheckedStore, StoreError> {
    let mut checked = CheckedStore {
        store: store.location(),
        tables: Vec::new(),
        findings: store.damage().await?.into_iter().map(damage).collect(),
        are_keys_checked: false,
        copy: None,
    };
    if !checked.findings.is_empty() {
        // Rows and rules mean nothing in another schema or on damaged pages.
        return Ok(checked);
    }
    checked.copy = store.copy_mark().await?.map(|mark| words(&mark));
    let mut total = 0;
    for table in TABLES {
        total += store.count(table).await?;
    }
    for table in TABLES {
        let (rows, unreadable) = check_table(store, table, &|rows| report(rows, total)).await?;
        let message = format!("rows of {} cannot be read", table.name);
        checked.findings.extend(StoreFinding::of_records("unreadable_row", message, unreadable));
        checked.tables.push((table.name, rows));
    }
    for rule in RULES {
        let violations = store.violations(rule).await?;
        checked.findings.extend(StoreFinding::of_records(rule.as_str(), rule.violation(), violations));
    }
    let has_unreadable_keys = checked.findings.iter().any(|finding| finding.message.contains("of keys"));
    if let Some(master_key) = master_key
        && !has_unreadable_keys
    {
        let sealed = unopened_keys(store, master_key).await?;
        checked.findings.extend(StoreFinding::of_records(
            "key_not_opened",
            "keys cannot be decrypted with the master key",
            sealed,
        ));
        checked.are_keys_checked = true;
    }
    Ok(checked)
}

fn damage(message: String) -> StoreFinding {
    StoreFinding { code: "damaged", message, count: 0, example: None }
}

fn words(mark: &CopyMark) -> String {
    match mark {
        CopyMark::Source { to, .. } => format!("it is being copied to {to}"),
        CopyMark::Moved { to, .. } => format!("it was moved to {to}"),
        CopyMark::Unfinished { from, .. } => format!("it is an unfinished copy of {from}"),
    }
}

/// Reads a table part by part, so that the memory does not grow with it.
async fn check_table(
    store: &mut dyn StoreInspection,
    table: &'static CopiedTable,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(u64, Violations), StoreError> {
    let (mut rows, mut unreadable, mut after) = (0, Violations::default(), None);
    loop {
        let part = store.check_rows(table, after.as_deref()).await?;
        rows += part.rows;
        unreadable.append(part.unreadable);
        progress(part.rows);
        after = part.next;
        if after.is_none() {
            return Ok((rows, unreadable));
        }
    }
}

async fn unopened_keys(
    store: &mut dyn StoreInspection,
    master_key: &SealingKey,
) -> Result<Violations, StoreError> {
    let mut found = Violations::default();
    let keys = store.keys().await?;
    for key in keys.iter().filter(|key| key.state.needs_secret() && key.open(master_key).is_err()) {
        found.add(|| key.id.to_string());
    }
    Ok(found)
}
