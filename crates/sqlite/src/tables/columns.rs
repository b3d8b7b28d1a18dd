//! Conversions between values and SQLite columns, in both directions.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, ToSql, ToSqlOutput, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

/// The SQL text of a list of columns, each behind the same prefix: `column_list!("u.", id, name)` is `u.id,
/// u.name`.
macro_rules! column_list {
    ($prefix:literal, $first:ident $(, $column:ident)* $(,)?) => {
        concat!($prefix, stringify!($first) $(, ", ", $prefix, stringify!($column))*)
    };
}
pub(super) use column_list;

/// A time as Unix milliseconds. A time beyond 2^63 ms (292 million years) is stored as that limit.
pub(super) fn unix_ms(time: Time) -> i64 {
    i64::try_from(time.unix_ms()).unwrap_or(i64::MAX)
}

/// A duration in milliseconds, with the same limit as [`unix_ms`].
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An unsigned number. A number that no column can hold is an error.
pub(super) struct Unsigned(pub(super) u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number =
            i64::try_from(self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        Ok(ToSqlOutput::from(number))
    }
}

/// A list as the text of a JSON array.
pub(super) fn json_array<T: Serialize>(list: &[T]) -> rusqlite::Result<String> {
    serde_json::to_string(list).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// The columns of a row, read from left to right in the order of the `SELECT`.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, as a type that rusqlite reads.
    pub(super) fn value<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// A BLOB of exactly `N` bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> rusqlite::Result<[u8; N]> {
        self.value()
    }

    pub(super) fn unsigned(&mut self) -> rusqlite::Result<u64> {
        let number: i64 = self.value()?;
        u64::try_from(number).map_err(|_| self.invalid(Type::Integer))
    }

    pub(super) fn optional_unsigned(&mut self) -> rusqlite::Result<Option<u64>> {
        let number: Option<i64> = self.value()?;
        number.map(|number| u64::try_from(number).map_err(|_| self.invalid(Type::Integer))).transpose()
    }

    pub(super) fn position(&mut self) -> rusqlite::Result<RevocationPosition> {
        self.unsigned().map(RevocationPosition::new)
    }

    pub(super) fn time(&mut self) -> rusqlite::Result<Time> {
        self.unsigned().map(Time::from_unix_ms)
    }

    pub(super) fn optional_time(&mut self) -> rusqlite::Result<Option<Time>> {
        Ok(self.optional_unsigned()?.map(Time::from_unix_ms))
    }

    pub(super) fn duration(&mut self) -> rusqlite::Result<Duration> {
        self.unsigned().map(Duration::from_millis)
    }

    /// A text that `parse` accepts.
    pub(super) fn text<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
        let text: String = self.value()?;
        parse(&text).ok_or_else(|| self.invalid(Type::Text))
    }

    /// A text that `parse` accepts, or NULL.
    pub(super) fn optional_text<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        let text: Option<String> = self.value()?;
        text.map(|text| parse(&text).ok_or_else(|| self.invalid(Type::Text))).transpose()
    }

    /// A text in the form that the type's `FromStr` accepts.
    pub(super) fn parsed<T: FromStr>(&mut self) -> rusqlite::Result<T> {
        self.text(|text| text.parse().ok())
    }

    pub(super) fn optional_ip(&mut self) -> rusqlite::Result<Option<IpAddr>> {
        self.optional_text(|text| text.parse().ok())
    }

    /// A JSON array.
    pub(super) fn list<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Vec<T>> {
        self.text(|text| serde_json::from_str(text).ok())
    }

    /// A JSON array, or NULL.
    pub(super) fn optional_list<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Option<Vec<T>>> {
        self.optional_text(|text| serde_json::from_str(text).ok())
    }

    /// The error for a value in the column just read that this program never writes.
    pub(super) fn invalid(&self, kind: Type) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(self.next - 1, kind, Box::new(FromSqlError::InvalidType))
    }
}
