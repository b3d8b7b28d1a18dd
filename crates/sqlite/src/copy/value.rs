//! Conversions between the values of a copy and SQLite columns.

use rusqlite::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use counterfoil_core::store::copy::{ColumnKind, CopiedRow, CopiedTable, CopiedValue};

/// The values of a row, whose columns are those of the table.
pub(crate) fn read_row(table: &CopiedTable, row: &Row<'_>) -> rusqlite::Result<CopiedRow> {
    let column = |(index, kind): (usize, ColumnKind)| {
        let value = row.get_ref(index)?;
        match (kind, value) {
            (_, ValueRef::Null) => Ok(CopiedValue::Null),
            (ColumnKind::Integer, ValueRef::Integer(number)) => Ok(CopiedValue::Integer(number)),
            (ColumnKind::Boolean, ValueRef::Integer(number @ (0 | 1))) => {
                Ok(CopiedValue::Boolean(number == 1))
            }
            (ColumnKind::Word | ColumnKind::FreeText, ValueRef::Text(_)) => {
                row.get(index).map(CopiedValue::Text)
            }
            (ColumnKind::Bytes, ValueRef::Blob(bytes)) => Ok(CopiedValue::Bytes(bytes.to_vec())),
            (_, other) => {
                let name = table.columns[index].name.to_owned();
                Err(rusqlite::Error::InvalidColumnType(index, name, other.data_type()))
            }
        }
    };
    table.columns.iter().map(|column| column.kind).enumerate().map(column).collect()
}

/// A value as a parameter.
pub(crate) struct Stored<'v>(pub(crate) &'v CopiedValue);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            CopiedValue::Integer(number) => ValueRef::Integer(*number),
            CopiedValue::Boolean(value) => ValueRef::Integer(i64::from(*value)),
            CopiedValue::Text(text) => ValueRef::Text(text.as_bytes()),
            CopiedValue::Bytes(bytes) => ValueRef::Blob(bytes),
            CopiedValue::Null => ValueRef::Null,
        }))
    }
}
