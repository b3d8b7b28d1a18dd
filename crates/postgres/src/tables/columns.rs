//! Conversions between values and PostgreSQL columns, in both directions.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use bytes::BytesMut;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use counterfoil_jose::Time;
use counterfoil_verify::RevocationPosition;

use crate::error::QueryError;

/// The SQL text of a list of columns, each behind the same prefix: `column_list!("u.", id, name)` is `u.id,
/// u.name`.
macro_rules! column_list {
    ($prefix:literal, $first:ident $(, $column:ident)* $(,)?) => {
        concat!($prefix, stringify!($first) $(, ", ", $prefix, stringify!($column))*)
    };
}
pub(crate) use column_list;

/// A time as Unix milliseconds. A time beyond 2^63 ms (292 million years) is stored as that limit.
pub(crate) fn unix_ms(time: Time) -> i64 {
    i64::try_from(time.unix_ms()).unwrap_or(i64::MAX)
}

/// A duration in milliseconds, with the same limit as [`unix_ms`].
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An unsigned number, for a column that must hold it exactly.
///
/// # Errors
///
/// If no column can hold it.
pub(crate) fn unsigned(number: u64) -> Result<i64, QueryError> {
    i64::try_from(number).map_err(|_| QueryError::NumberTooLarge)
}

/// A position in the revocation log.
pub(crate) fn position(position: RevocationPosition) -> Result<i64, QueryError> {
    unsigned(position.number())
}

/// A list as the text of a JSON array.
pub(crate) fn json_array<T: Serialize>(list: &[T]) -> Result<String, QueryError> {
    serde_json::to_string(list).map_err(|_| QueryError::InvalidValue("a list"))
}

/// Free text as a parameter. PostgreSQL stores no NUL in a text, so it is stored as `\0`, and a backslash as `\\`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t>(pub(crate) &'t str);

impl Text<'_> {
    /// The text as it is stored.
    pub(crate) fn into_stored(self) -> String {
        self.escaped().into_owned()
    }

    fn escaped(&self) -> Cow<'_, str> {
        if self.0.contains(['\\', '\0']) {
            Cow::Owned(self.0.replace('\\', r"\\").replace('\0', r"\0"))
        } else {
            Cow::Borrowed(self.0)
        }
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.escaped().as_ref().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

/// Optional free text as a parameter.
pub(crate) fn optional_text(text: Option<&str>) -> Option<Text<'_>> {
    text.map(Text)
}

/// The text that [`Text`] has stored; `None` if it stored another one.
fn unescape(stored: String) -> Option<String> {
    if !stored.contains('\\') {
        return Some(stored);
    }
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                '0' => '\0',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// The columns of a row, read from left to right in the order of the `SELECT`.
pub(crate) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, as a type that the client library reads.
    pub(crate) fn value<T: FromSql<'r>>(&mut self) -> Result<T, QueryError> {
        self.next += 1;
        Ok(self.row.try_get(self.next - 1)?)
    }

    /// Bytes of exactly this length.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], QueryError> {
        let bytes: &[u8] = self.value()?;
        bytes.try_into().map_err(|_| self.invalid())
    }

    /// Bytes of exactly this length, or NULL.
    pub(crate) fn optional_bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, QueryError> {
        let bytes: Option<&[u8]> = self.value()?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| self.invalid())).transpose()
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, QueryError> {
        let number: i64 = self.value()?;
        u64::try_from(number).map_err(|_| self.invalid())
    }

    pub(crate) fn optional_unsigned(&mut self) -> Result<Option<u64>, QueryError> {
        let number: Option<i64> = self.value()?;
        number.map(|number| u64::try_from(number).map_err(|_| self.invalid())).transpose()
    }

    pub(crate) fn position(&mut self) -> Result<RevocationPosition, QueryError> {
        self.unsigned().map(RevocationPosition::new)
    }

    pub(crate) fn time(&mut self) -> Result<Time, QueryError> {
        self.unsigned().map(Time::from_unix_ms)
    }

    pub(crate) fn optional_time(&mut self) -> Result<Option<Time>, QueryError> {
        Ok(self.optional_unsigned()?.map(Time::from_unix_ms))
    }

    pub(crate) fn duration(&mut self) -> Result<Duration, QueryError> {
        self.unsigned().map(Duration::from_millis)
    }

    /// Free text, as [`Text`] stores it.
    pub(crate) fn text(&mut self) -> Result<String, QueryError> {
        let stored: String = self.value()?;
        unescape(stored).ok_or_else(|| self.invalid())
    }

    /// Free text, or NULL.
    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, QueryError> {
        let stored: Option<String> = self.value()?;
        stored.map(|stored| unescape(stored).ok_or_else(|| self.invalid())).transpose()
    }

    /// A word that `parse` accepts.
    pub(crate) fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, QueryError> {
        let text: &str = self.value()?;
        parse(text).ok_or_else(|| self.invalid())
    }

    /// A word that `parse` accepts, or NULL.
    pub(crate) fn optional_word<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, QueryError> {
        let text: Option<&str> = self.value()?;
        text.map(|text| parse(text).ok_or_else(|| self.invalid())).transpose()
    }

    /// A word in the form that the type's `FromStr` accepts.
    pub(crate) fn parsed<T: FromStr>(&mut self) -> Result<T, QueryError> {
        self.word(|text| text.parse().ok())
    }

    pub(crate) fn optional_ip(&mut self) -> Result<Option<IpAddr>, QueryError> {
        self.optional_word(|text| text.parse().ok())
    }

    /// A JSON array.
    pub(crate) fn list<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, QueryError> {
        self.word(|text| serde_json::from_str(text).ok())
    }

    /// A JSON array, or NULL.
    pub(crate) fn optional_list<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, QueryError> {
        self.optional_word(|text| serde_json::from_str(text).ok())
    }

    /// The error for a value in the column just read that this program never writes.
    pub(crate) fn invalid(&self) -> QueryError {
        QueryError::InvalidValue(match self.row.columns().get(self.next - 1) {
            Some(_) => "a column holds an invalid value",
            None => "a column is missing",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_stored_and_read_back() {
        for text in ["", "ada", "\0", "\\", "\\0", "a\0b\\c", "\\\\\0\0", "Zoë 🔑"] {
            let stored = Text(text).escaped().into_owned();
            assert!(!stored.contains('\0'), "{text:?}");
            assert_eq!(unescape(stored).as_deref(), Some(text));
        }
        assert_eq!(Text("\0").escaped(), "\\0");
        assert_eq!(unescape("\\x".to_owned()), None, "it is never stored");
        assert_eq!(unescape("\\".to_owned()), None);
    }
}
