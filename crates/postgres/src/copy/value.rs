//! Conversions between the values of a copy and PostgreSQL columns.

use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use counterfoil_core::store::copy::{Column, ColumnKind, CopiedRow, CopiedTable, CopiedValue};

use crate::error::QueryError;
use crate::tables::columns::{Columns, Text};

/// The values of a row, whose columns are those of the table.
pub(crate) fn read_row(table: &CopiedTable, row: &Row) -> Result<CopiedRow, QueryError> {
    let mut columns = Columns::new(row);
    let mut read = |kind| {
        Ok(match kind {
            ColumnKind::Integer => columns.value::<Option<i64>>()?.map(CopiedValue::Integer),
            ColumnKind::Boolean => columns.value::<Option<bool>>()?.map(CopiedValue::Boolean),
            ColumnKind::Word => columns.value::<Option<String>>()?.map(CopiedValue::Text),
            ColumnKind::FreeText => columns.optional_text()?.map(CopiedValue::Text),
            ColumnKind::Bytes => columns.value::<Option<Vec<u8>>>()?.map(CopiedValue::Bytes),
        }
        .unwrap_or(CopiedValue::Null))
    };
    table.columns.iter().map(|column| read(column.kind)).collect()
}

/// The type of a column.
pub(crate) const fn sql_type(kind: ColumnKind) -> Type {
    match kind {
        ColumnKind::Integer => Type::INT8,
        ColumnKind::Boolean => Type::BOOL,
        ColumnKind::Word | ColumnKind::FreeText => Type::TEXT,
        ColumnKind::Bytes => Type::BYTEA,
    }
}

/// A value as a parameter, and as a column of `COPY`.
#[derive(Debug)]
pub(crate) struct Stored<'v> {
    value: &'v CopiedValue,
    kind: ColumnKind,
}

impl<'v> Stored<'v> {
    pub(crate) fn new((value, column): (&'v CopiedValue, &Column)) -> Self {
        Self { value, kind: column.kind }
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.value {
            CopiedValue::Null => Ok(IsNull::Yes),
            CopiedValue::Integer(number) => number.to_sql(kind, out),
            CopiedValue::Boolean(value) => value.to_sql(kind, out),
            CopiedValue::Text(text) if self.kind == ColumnKind::FreeText => Text(text).to_sql(kind, out),
            CopiedValue::Text(text) => text.to_sql(kind, out),
            CopiedValue::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::BOOL, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
