//! Pagination of all lists: `?limit=&after=` in the request, `next` in the response.

use counterfoil_core::model::session::Session;
use counterfoil_core::store::{Page, SessionCursor};
use counterfoil_jose::{Time, base64url};
use counterfoil_verify::SessionId;

use crate::http::error::AppError;
use crate::routes::query_parameters::QueryParameters;

/// How many rows a page has by default, and at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageSize {
    default: u32,
    max: u32,
}

impl PageSize {
    /// For a user's own records.
    pub(super) const USER: Self = Self { default: 50, max: 100 };

    /// For administrators.
    pub(super) const ADMIN: Self = Self { default: 100, max: 1000 };
}

/// The requested page of a list; `C` is the cursor of the list.
#[derive(Debug)]
pub(super) struct PageRequest<C> {
    after: Option<C>,
    limit: u32,
}

impl<C> PageRequest<C> {
    /// Reads `limit` and `after`; `cursor` parses the latter.
    ///
    /// # Errors
    ///
    /// 422 for a limit out of range and for a value of `after` that no response has contained as `next`.
    pub(super) fn new(
        query: &QueryParameters,
        size: PageSize,
        cursor: impl Fn(&str) -> Option<C>,
    ) -> Result<Self, AppError> {
        let limit = query.get("limit")?.map_or(Ok(size.default), |text| parse_limit(text, size.max))?;
        let after = query.get("after")?.map(|text| cursor(text).ok_or_else(invalid_cursor)).transpose()?;
        Ok(Self { after, limit })
    }

    /// The page to read from the store: one row more than requested, which shows whether there is a next
    /// page.
    pub(super) fn to_page(&self) -> Page<C>
    where
        C: Clone,
    {
        Page { after: self.after.clone(), limit: self.limit + 1 }
    }

    /// Removes the additional row. Returns `next`: the cursor of the last row if there are more.
    pub(super) fn finish<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> Option<String> {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        rows.last().filter(|_| has_more).map(cursor)
    }
}

fn parse_limit(text: &str, max: u32) -> Result<u32, AppError> {
    let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
    limit.ok_or_else(|| AppError::field("limit", format!("must be between 1 and {max}")))
}

fn invalid_cursor() -> AppError {
    AppError::field("after", "must be a value of `next`, unchanged")
}

/// The text of the cursor after `session`. It contains no secret, and a forged one is only another place in
/// the list.
pub(super) fn session_cursor(session: &Session) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&session.authenticated_at.unix_ms().to_be_bytes());
    bytes[8..].copy_from_slice(session.id.as_bytes());
    base64url::encode(bytes)
}

/// The inverse of [`session_cursor`].
pub(super) fn parse_session_cursor(text: &str) -> Option<SessionCursor> {
    let bytes: [u8; 24] = base64url::decode_exact(text).ok()?;
    let (time, id) = bytes.split_first_chunk().expect("24 bytes have a chunk of 8");
    let id: [u8; 16] = id.try_into().expect("24 - 8 bytes are 16");
    Some(SessionCursor {
        authenticated_at: Time::from_unix_ms(u64::from_be_bytes(*time)),
        id: SessionId::from_bytes(id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_session_cursor_is_rejected_and_a_forged_one_is_harmless() {
        for bad in ["", "x", "%00", &"A".repeat(31), &"A".repeat(33), "' OR 1=1 --"] {
            assert!(parse_session_cursor(bad).is_none(), "{bad}");
        }
        let forged = parse_session_cursor(&"_".repeat(32)).unwrap();
        assert_eq!(forged.authenticated_at, Time::from_unix_ms(u64::MAX));
    }

    #[test]
    fn a_limit_must_be_in_range() {
        assert_eq!(parse_limit("100", PageSize::USER.max).unwrap(), 100);
        for bad in ["0", "101", "-1", "1e1", "", "99999999999999999999"] {
            assert!(parse_limit(bad, PageSize::USER.max).is_err(), "{bad}");
        }
    }

    #[test]
    fn next_is_the_last_row_of_a_page_that_is_not_the_last() {
        let request = PageRequest::<u32> { after: None, limit: 2 };
        let (mut full, mut last) = (vec![1, 2, 3], vec![4, 5]);

        assert_eq!(request.to_page().limit, 3);
        assert_eq!(request.finish(&mut full, u32::to_string), Some("2".to_owned()));
        assert_eq!(request.finish(&mut last, u32::to_string), None);
        assert_eq!((full.len(), last.len()), (2, 2));
    }
}
