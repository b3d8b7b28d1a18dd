//! Differences of the tables to those that the migrations make.

use std::collections::BTreeSet;

use counterfoil_core::store::copy::TABLES;

use crate::copy::statements;
use crate::error::QueryError;
use crate::statement::{Connection, statement};

/// Indexes and constraints that do not hold for all rows, and code that runs with statements. The program makes none of
/// these.
const FOREIGN_OBJECTS: &str = "
    SELECT 'the index ' || c.relname || ' is not valid' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid
    UNION ALL
    SELECT 'the constraint ' || conname || ' is not valid' FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND NOT convalidated
    UNION ALL
    SELECT 'the trigger ' || t.tgname || ' is not part of the schema' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
    UNION ALL
    SELECT 'the rule ' || r.rulename || ' is not part of the schema' FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
    LIMIT 20";

/// What differs, each as a sentence without a full stop.
pub(super) async fn find(connection: &Connection) -> Result<Vec<String>, QueryError> {
    let rows = statement!(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = current_schema()"
    )
    .query(connection)
    .await?;
    let mut found = BTreeSet::new();
    for row in &rows {
        found.insert((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    }
    let mut differences: Vec<String> = missing_columns(&found);
    for row in statement!(FOREIGN_OBJECTS).query(connection).await? {
        differences.push(row.try_get(0)?);
    }
    Ok(differences)
}

/// The columns of a copy that are not there, or have another type.
fn missing_columns(found: &BTreeSet<(String, String, String)>) -> Vec<String> {
    let columns = TABLES.iter().flat_map(|table| {
        table.columns.iter().map(|column| {
            let kind = statements::type_name(column.kind);
            (statements::name(table).to_owned(), column.name.to_owned(), kind.to_owned())
        })
    });
    let is_missing = |column: &(String, String, String)| !found.contains(column);
    let shown = |(table, column, kind)| format!("the column {column} of {table} is missing or not a {kind}");
    columns.filter(is_missing).map(shown).collect()
}
