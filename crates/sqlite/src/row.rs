//! How our values stand in columns: the way in and the way out, for each kind of value.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, ToSql, ToSqlOutput, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

/// A time, in Unix milliseconds. What lies beyond 2^63 (in 292 million years) is kept as that: never.
pub(crate) fn time(time: Time) -> i64 {
    i64::try_from(time.unix_ms()).unwrap_or(i64::MAX)
}

/// A duration, in milliseconds; cut off like a time.
pub(crate) fn duration(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A count. One that no column can hold is an error, not another number.
pub(crate) struct Number(pub(crate) u64);

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number =
            i64::try_from(self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        Ok(ToSqlOutput::from(number))
    }
}

/// A list, as a JSON array.
pub(crate) fn list<T: Serialize>(list: &[T]) -> rusqlite::Result<String> {
    serde_json::to_string(list).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// The columns of a row, read from the left to the right: the order is that of the `SELECT`.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, of a type that SQLite has itself.
    pub(crate) fn plain<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// An id, a digest or a salt, of exactly `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> rusqlite::Result<[u8; N]> {
        self.plain()
    }

    pub(crate) fn number(&mut self) -> rusqlite::Result<u64> {
        let number: i64 = self.plain()?;
        u64::try_from(number).map_err(|_| self.unfit(Type::Integer))
    }

    pub(crate) fn position(&mut self) -> rusqlite::Result<RevocationPosition> {
        self.number().map(RevocationPosition::new)
    }

    pub(crate) fn time(&mut self) -> rusqlite::Result<Time> {
        self.number().map(Time::from_unix_ms)
    }

    pub(crate) fn time_if_any(&mut self) -> rusqlite::Result<Option<Time>> {
        let time: Option<i64> = self.plain()?;
        time.map(|time| u64::try_from(time).map(Time::from_unix_ms).map_err(|_| self.unfit(Type::Integer)))
            .transpose()
    }

    pub(crate) fn duration(&mut self) -> rusqlite::Result<Duration> {
        self.number().map(Duration::from_millis)
    }

    /// A text that only some words or names are.
    pub(crate) fn word<T>(&mut self, known: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
        let word: String = self.plain()?;
        known(&word).ok_or_else(|| self.unfit(Type::Text))
    }

    /// A text that only some words are, or nothing.
    pub(crate) fn word_if_any<T>(
        &mut self,
        known: impl FnOnce(&str) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        let word: Option<String> = self.plain()?;
        word.map(|word| known(&word).ok_or_else(|| self.unfit(Type::Text))).transpose()
    }

    /// A name, in its canonical text.
    pub(crate) fn name<T: FromStr>(&mut self) -> rusqlite::Result<T> {
        self.word(|text| text.parse().ok())
    }

    pub(crate) fn address(&mut self) -> rusqlite::Result<Option<IpAddr>> {
        self.word_if_any(|text| text.parse().ok())
    }

    /// A JSON array.
    pub(crate) fn list<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Vec<T>> {
        self.word(|text| serde_json::from_str(text).ok())
    }

    /// A JSON array, or nothing.
    pub(crate) fn list_if_any<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Option<Vec<T>>> {
        self.word_if_any(|text| serde_json::from_str(text).ok())
    }

    /// The column just read holds something that we would never have written.
    pub(crate) fn unfit(&self, kind: Type) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(self.next - 1, kind, Box::new(FromSqlError::InvalidType))
    }
}
