//! Pagination of all lists: `limit` and `after` in the request, `next` in the answer.

mod cursor;
mod list_response;

use counterfoil_core::ClientError;
use counterfoil_core::store::{Page, Scan, StoreError};

pub(crate) use cursor::{CreatedCursor, Cursor, session_cursor};
pub use list_response::{ListItem, ListResponse};

/// How many rows a page has by default, and at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    default: u32,
    max: u32,
}

impl PageSize {
    /// For a user's own records.
    pub(crate) const USER: Self = Self { default: 50, max: 100 };

    /// For administrators.
    pub(crate) const ADMIN: Self = Self { default: 100, max: 1000 };

    /// The limit in `text`, or the default.
    ///
    /// # Errors
    ///
    /// If it is not a number in range.
    pub(crate) fn parse_limit(self, text: Option<&str>) -> Result<u32, ClientError> {
        self.check_limit(text.map(|text| text.parse().unwrap_or_default()))
    }

    /// The limit, or the default.
    ///
    /// # Errors
    ///
    /// If it is not in range.
    pub(crate) fn check_limit(self, limit: Option<u32>) -> Result<u32, ClientError> {
        let limit = limit.unwrap_or(self.default);
        let detail = || format!("must be between 1 and {}", self.max);
        let is_in_range = (1..=self.max).contains(&limit);
        if is_in_range { Ok(limit) } else { Err(ClientError::Field { field: "limit", detail: detail() }) }
    }
}

/// The most reads for a page of a filtered list. Each visits at most 2,000 rows.
const MAX_READS: usize = 25;

/// The requested page of a list; `C` is the position after which it starts.
#[derive(Debug)]
pub(crate) struct Pagination<C> {
    after: Option<C>,
    limit: u32,
}

impl<C: Cursor> Pagination<C> {
    /// A page of `limit` rows after the cursor `after`.
    ///
    /// # Errors
    ///
    /// For a cursor that no answer has contained as `next`.
    pub(crate) fn new(after: Option<&str>, limit: u32) -> Result<Self, ClientError> {
        let detail = || "must be a value of `next`, unchanged".to_owned();
        let invalid = || ClientError::Field { field: "after", detail: detail() };
        let after = after.map(|text| C::parse(text).ok_or_else(invalid)).transpose()?;
        Ok(Self { after, limit })
    }

    /// The page to read from the store: one row more than requested, which shows whether there is a next page.
    pub(crate) fn to_page(&self) -> Page<C> {
        Page { after: self.after.clone(), limit: self.limit + 1 }
    }

    /// The rows of the page in a filtered list, of which each read visits a part, and the row after which the reads have
    /// stopped, if the page is not full although more rows follow. `read` gets where it starts and how many rows are missing.
    ///
    /// # Errors
    ///
    /// If `read` fails.
    pub(crate) async fn read<T, F>(
        &self,
        read: impl Fn(Page<C>) -> F,
    ) -> Result<(Vec<T>, Option<C>), StoreError>
    where
        F: Future<Output = Result<Scan<T, C>, StoreError>>,
    {
        let mut page = self.to_page();
        let mut rows = Vec::new();
        for _ in 0..MAX_READS {
            let scan = read(page.clone()).await?;
            rows.extend(scan.rows);
            page.limit = (self.limit + 1).saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            match scan.next {
                Some(next) if page.limit > 0 => page.after = Some(next),
                Some(_) | None => return Ok((rows, None)),
            }
        }
        Ok((rows, page.after))
    }

    /// Removes the additional row. Returns `next`: the cursor of the last row if there are more.
    pub(crate) fn finish<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> C) -> Option<String> {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        rows.last().filter(|_| has_more).map(|row| cursor(row).to_text())
    }
}

impl<C: Cursor + Ord> Pagination<C> {
    /// The rows of the page in a list that is not read page by page, and `next`. The rows are sorted by their cursors,
    /// so that the page is found also if the row before it was removed.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> C) -> (Vec<T>, Option<String>) {
        // A store may order the ids of one time in another way, such as by their bytes.
        rows.sort_by_cached_key(&cursor);
        let Page { after, limit } = self.to_page();
        let is_after = |row: &T| after.as_ref().is_none_or(|after| cursor(row) > *after);
        let mut page: Vec<T> = rows.into_iter().filter(is_after).take(limit as usize).collect();
        let next = self.finish(&mut page, cursor);
        (page, next)
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::store::AuditEventNumber;
    use counterfoil_jose::Time;

    use super::*;

    fn pagination<C: Cursor>(after: Option<&str>, limit: u32) -> Pagination<C> {
        Pagination::new(after, limit).unwrap()
    }

    fn created(ms: u64, id: &str) -> CreatedCursor {
        CreatedCursor { at: Time::from_unix_ms(ms), id: id.to_owned() }
    }

    #[test]
    fn a_limit_must_be_in_range() {
        assert_eq!(PageSize::USER.parse_limit(Some("100")).unwrap(), 100);
        assert_eq!(PageSize::ADMIN.check_limit(None).unwrap(), 100);
        for bad in ["0", "101", "-1", "1e1", "", "99999999999999999999"] {
            assert!(PageSize::USER.parse_limit(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn next_is_the_last_row_of_a_page_that_is_not_the_last() {
        let request = pagination::<AuditEventNumber>(None, 2);
        let (mut full, mut last) = (vec![1, 2, 3], vec![4, 5]);

        assert_eq!(request.to_page().limit, 3);
        assert_eq!(request.finish(&mut full, Clone::clone), Some("2".to_owned()));
        assert_eq!(request.finish(&mut last, Clone::clone), None);
        assert_eq!((full.len(), last.len()), (2, 2));
    }

    #[tokio::test]
    async fn a_page_of_a_list_without_matches_stops_and_says_where() {
        let visit = |page: Page<AuditEventNumber>| async move {
            let start = page.after.unwrap_or(1_000_000);
            Ok(Scan { rows: Vec::<u64>::new(), next: Some(start - 2_000) })
        };

        let first = pagination::<AuditEventNumber>(None, 10).read(visit).await.unwrap();
        assert_eq!(first, (vec![], Some(950_000)));
        let second = pagination(Some("950000"), 10).read(visit).await.unwrap();
        assert_eq!(second, (vec![], Some(900_000)));
    }

    #[test]
    fn pages_of_a_list_that_changes_have_every_remaining_row_once() {
        let mut rows = vec![created(1, "a"), created(1, "b"), created(2, "a"), created(3, "a")];

        let (first, next) = pagination(None, 2).cut(rows.clone(), Clone::clone);
        rows.remove(1);
        let (second, end) = pagination(next.as_deref(), 2).cut(rows, Clone::clone);

        assert_eq!(first, [created(1, "a"), created(1, "b")]);
        assert_eq!((second, end), (vec![created(2, "a"), created(3, "a")], None));
    }
}
