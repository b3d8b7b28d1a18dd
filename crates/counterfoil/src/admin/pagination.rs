//! Pages of lists for administrators: their size, and the cursor that leads to the next page.

use serde::Serialize;
use serde_json::{Value, json};

use counterfoil_core::model::session::Session;
use counterfoil_core::store::SessionCursor;
use counterfoil_jose::Time;

use crate::admin::AdminError;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// The page of a list that a command asks for.
pub(super) struct PageRequest {
    /// The cursor `next` of the previous page.
    pub(super) after: Option<String>,
    /// The most rows; values outside 1 to 1000 are clamped.
    pub(super) limit: Option<u32>,
}

impl PageRequest {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// How many rows to read: one more than the page has, which shows whether there is a next page.
    pub(super) fn read_limit(&self) -> u32 {
        self.limit() + 1
    }

    /// Drops the additional row. Returns the cursor of the last row if there is a next page.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> Option<String> {
        let limit = self.limit() as usize;
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        rows.last().filter(|_| has_next).map(cursor)
    }
}

impl PageRequest {
    /// The rows of the page of a list that is not read page by page, and the cursor of the next page. `position`
    /// increases from row to row, so that a page is found also if the row before it was removed.
    pub(super) fn slice<T>(
        &self,
        rows: Vec<T>,
        position: impl Fn(&T) -> (Time, String),
    ) -> Result<(Vec<T>, Option<String>), AdminError> {
        let invalid = || AdminError::new("`after` must be the `next` of the previous page");
        let after = self.after.as_deref().map(|text| parse_position(text).ok_or_else(invalid)).transpose()?;
        let is_after = |row: &T| after.as_ref().is_none_or(|after| position(row) > *after);
        let mut page: Vec<T> = rows.into_iter().filter(is_after).take(self.read_limit() as usize).collect();
        let next = self.cut(&mut page, |row| {
            let (at, id) = position(row);
            format!("{}.{id}", at.unix_ms())
        });
        Ok((page, next))
    }
}

fn parse_position(text: &str) -> Option<(Time, String)> {
    let (ms, id) = text.split_once('.')?;
    Some((Time::from_unix_ms(ms.parse().ok()?), id.to_owned()))
}

/// `records` as JSON.
pub(super) fn rows<T, R: Serialize>(records: &[T], row: impl Fn(&T) -> R) -> Value {
    json!(records.iter().map(row).collect::<Vec<_>>())
}

/// The cursor that continues a list of sessions after `session`: `<milliseconds>.<id>`.
pub(crate) fn session_cursor(session: &Session) -> String {
    format!("{}.{}", session.authenticated_at.unix_ms(), session.id)
}

/// Parses what [`session_cursor`] returned.
pub(crate) fn parse_session_cursor(text: &str) -> Option<SessionCursor> {
    let (ms, id) = text.split_once('.')?;
    Some(SessionCursor { authenticated_at: Time::from_unix_ms(ms.parse().ok()?), id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::SessionId;

    use super::*;

    #[test]
    fn only_a_page_with_a_successor_has_a_cursor() {
        let page = PageRequest { after: None, limit: Some(2) };
        let cut = |mut rows: Vec<u32>| (page.cut(&mut rows, u32::to_string), rows);

        assert_eq!(page.read_limit(), 3);
        assert_eq!(cut(vec![1, 2]), (None, vec![1, 2]));
        assert_eq!(cut(vec![1, 2, 3]), (Some("2".into()), vec![1, 2]));
    }

    #[test]
    fn pages_of_a_list_that_changes_have_every_remaining_row_once() {
        let row = |ms: u64, id: &str| (Time::from_unix_ms(ms), id.to_owned());
        let page = |after, rows: &[(Time, String)]| {
            PageRequest { after, limit: Some(2) }.slice(rows.to_vec(), Clone::clone).unwrap()
        };
        let mut rows = vec![row(1, "a"), row(1, "b"), row(2, "a"), row(3, "a")];

        let (first, next) = page(None, &rows);
        rows.remove(1);
        let (second, end) = page(next, &rows);

        assert_eq!((first, second), (vec![row(1, "a"), row(1, "b")], vec![row(2, "a"), row(3, "a")]));
        assert_eq!(end, None);
        let bad = PageRequest { after: Some("x".to_owned()), limit: None };
        assert!(bad.slice(rows, Clone::clone).is_err());
    }

    #[test]
    fn a_session_cursor_is_parsed_to_its_position() {
        let id = SessionId::from_bytes([7; 16]);

        let cursor = parse_session_cursor(&format!("1764000000123.{id}")).unwrap();

        assert_eq!(cursor, SessionCursor { authenticated_at: Time::from_unix_ms(1_764_000_000_123), id });
        for bad in ["", ".", "1.", ".x", "x.AAAA", "-1.AAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(parse_session_cursor(bad).is_none(), "{bad}");
        }
    }
}
