//! The SQL of a table that a copy contains.

use counterfoil_core::store::copy::{Column, ColumnKind, CopiedTable};

/// Deletes the rows that every new store has.
pub(crate) const DELETE_NEW: &str = "DELETE FROM clients; DELETE FROM metadata WHERE key <> 'name_rules'";

/// `SELECT` for the number of rows.
pub(crate) fn count(table: &CopiedTable) -> String {
    format!("SELECT count(*) FROM {}", name(table))
}

/// `SELECT` for the next rows. The key of the row before them is the parameters, if there is one.
pub(crate) fn select(table: &CopiedTable, has_key: bool) -> String {
    let (columns, name) = (names(table.columns), name(table));
    if table.is_single_row() {
        // There is no row behind the only one.
        return format!("SELECT {columns} FROM {name} WHERE {}", !has_key);
    }
    let key = names(table.key_columns());
    let condition = match has_key {
        true => format!(" WHERE ({key}) > ({})", parameters(table.key_columns())),
        false => String::new(),
    };
    format!("SELECT {columns} FROM {name}{condition} ORDER BY {key} LIMIT {}", table.batch)
}

/// `COPY` into a table.
pub(crate) fn copy_in(table: &CopiedTable) -> String {
    format!("COPY {} ({}) FROM STDIN BINARY", name(table), names(table.columns))
}

/// `UPDATE` of the only row of a table.
pub(crate) fn update(table: &CopiedTable) -> String {
    let values = table.columns.iter().zip(1..).map(|(column, number)| {
        let kind = type_name(column.kind);
        format!("{} = ${number}::{kind}", column.name)
    });
    format!("UPDATE {} SET {} WHERE single_row", name(table), values.collect::<Vec<_>>().join(", "))
}

/// The newest time is in the table of the writer here.
pub(crate) fn name(table: &CopiedTable) -> &'static str {
    if table.name == "newest_time" { "writer" } else { table.name }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn parameters(columns: &[Column]) -> String {
    let typed = |(column, number): (&Column, usize)| format!("${number}::{}", type_name(column.kind));
    columns.iter().zip(1..).map(typed).collect::<Vec<_>>().join(", ")
}

/// The type of a column, as the migrations spell it.
pub(crate) const fn type_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "bigint",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Word | ColumnKind::FreeText => "text",
        ColumnKind::Bytes => "bytea",
    }
}
