//! The SQL of a table that a copy contains.

use counterfoil_core::store::copy::{Column, CopiedTable};

/// `SELECT` for the number of rows.
pub(crate) fn count(table: &CopiedTable) -> String {
    format!("SELECT count(*) FROM {}", table.name)
}

/// `SELECT` for the next rows. The key of the row before them is the parameters, if there is one.
pub(crate) fn select(table: &CopiedTable, has_key: bool) -> String {
    let (columns, name) = (names(table.columns), table.name);
    if table.is_single_row() {
        // There is no row behind the only one.
        return format!("SELECT {columns} FROM {name} WHERE {}", !has_key);
    }
    let key = names(table.key_columns());
    let condition = match has_key {
        true => format!(" WHERE ({key}) > ({})", parameters(table.key)),
        false => String::new(),
    };
    format!("SELECT {columns} FROM {name}{condition} ORDER BY {key} LIMIT {}", table.batch)
}

/// `INSERT` of a row, or the `UPDATE` of the only row.
pub(crate) fn write(table: &CopiedTable) -> String {
    let (columns, name, values) = (names(table.columns), table.name, parameters(table.columns.len()));
    if table.is_single_row() {
        format!("UPDATE {name} SET ({columns}) = (SELECT {values})")
    } else {
        format!("INSERT INTO {name} ({columns}) VALUES ({values})")
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn parameters(count: usize) -> String {
    (1..=count).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rusqlite::Connection;

    use counterfoil_core::store::copy::{ColumnKind, TABLES};

    use super::*;
    use crate::schema;

    /// A table or a column that a migration adds must not be lost in a copy.
    #[test]
    fn a_copy_contains_every_column_of_every_table() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let sql = "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
        for row in rows {
            let (table, column, kind): (String, String, String) = row.unwrap();
            if column != "single_row" {
                found.entry(table).or_default().insert((column, kind));
            }
        }
        for not_copied in ["job_locks", "refinery_schema_history"] {
            assert!(found.remove(not_copied).is_some(), "{not_copied}");
        }

        let copied = TABLES.iter().map(|table| (table.name.to_owned(), columns_of(table))).collect();
        assert_eq!(found, copied);
    }

    fn columns_of(table: &CopiedTable) -> BTreeSet<(String, String)> {
        let kind = |kind| match kind {
            ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
            ColumnKind::Word | ColumnKind::FreeText => "TEXT",
            ColumnKind::Bytes => "BLOB",
        };
        table.columns.iter().map(|column| (column.name.to_owned(), kind(column.kind).to_owned())).collect()
    }
}
