//! Pages of lists for administrators: their size, and the cursor that leads to the next page.

use serde::Serialize;
use serde_json::{Value, json};

use counterfoil_core::model::session::Session;
use counterfoil_core::store::SessionCursor;
use counterfoil_jose::Time;

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
    fn a_session_cursor_is_parsed_to_its_position() {
        let id = SessionId::from_bytes([7; 16]);

        let cursor = parse_session_cursor(&format!("1764000000123.{id}")).unwrap();

        assert_eq!(cursor, SessionCursor { authenticated_at: Time::from_unix_ms(1_764_000_000_123), id });
        for bad in ["", ".", "1.", ".x", "x.AAAA", "-1.AAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(parse_session_cursor(bad).is_none(), "{bad}");
        }
    }
}
