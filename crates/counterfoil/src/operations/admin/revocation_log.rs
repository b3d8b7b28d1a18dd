//! The revocation log, as an administrator reads it: the newest entries first.

use std::num::NonZeroU32;

use counterfoil_core::store::StoreError;
use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::app::App;
use crate::operations::admin::responses::RevocationListResponse;
use crate::operations::admin::verifiers::fleet_waits;
use crate::operations::error::OperationError;
use crate::operations::pagination::{Cursor, Pagination};

/// The most entries that one read returns.
const MAX_ENTRIES: u32 = 1_000;

/// The most reads for one page. Positions follow the clock, so between two entries there may be few or very many of them.
const MAX_READS: usize = 100;

/// A position in the log.
impl Cursor for RevocationPosition {
    fn to_text(&self) -> String {
        self.number().to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::new)
    }
}

/// Lists the entries, the newest first, with the revocations that wait for the fleet; `next` leads to older entries. A page
/// may have fewer entries than requested although more follow.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    page: Pagination<RevocationPosition>,
) -> Result<RevocationListResponse, OperationError> {
    let head = app.parts.store.revocation_log_head().await?;
    let page = page.to_page();
    // A page is asked for with one row more, which is not needed here.
    let limit = page.limit.saturating_sub(1).max(1) as usize;
    let end = page.after.map_or(head.number(), |before| before.number().saturating_sub(1).min(head.number()));
    let (entries, next) = read_backwards(app, end, limit).await?;
    Ok(RevocationListResponse::new(head, &entries, next, fleet_waits(app)))
}

/// At most `limit` entries up to the position `end`, the newest first, and the position before which the next page is.
async fn read_backwards(
    app: &App,
    mut end: u64,
    limit: usize,
) -> Result<(Vec<RevocationEntry>, Option<RevocationPosition>), StoreError> {
    let store = &app.parts.store;
    let first = store.revocation_log_after(RevocationPosition::START, NonZeroU32::MIN).await?.entries.pop();
    let Some(first) = first.map(|entry| entry.position.number()) else { return Ok((Vec::new(), None)) };
    let mut found: Vec<RevocationEntry> = Vec::new();
    let mut covered = limit as u64;
    // From the position after this one to `end` there are more entries than one read returns.
    let mut too_far: Option<u64> = None;
    for _ in 0..MAX_READS {
        if end < first {
            return Ok((found, None));
        }
        let start = match too_far {
            // Each entry has a position of its own.
            Some(far) if end - far > u64::from(MAX_ENTRIES) => far + (end - far) / 2,
            Some(far) => far,
            None => end.saturating_sub(covered),
        };
        let most = NonZeroU32::new(MAX_ENTRIES).unwrap_or(NonZeroU32::MIN);
        let part = store.revocation_log_after(RevocationPosition::new(start), most).await?.entries;
        let last = part.last().map_or(0, |entry| entry.position.number());
        if part.len() == MAX_ENTRIES as usize && last < end {
            too_far = Some(start);
            continue;
        }
        let newest_first = part.into_iter().rev().filter(|entry| entry.position.number() <= end);
        found.extend(newest_first.take(limit - found.len()));
        if found.len() == limit {
            let last = found.last().map(|entry| entry.position).filter(|last| last.number() > first);
            return Ok((found, last));
        }
        (end, covered) = (start, covered.saturating_mul(4));
        too_far = too_far.filter(|far| *far < end);
    }
    Ok((found, (end >= first).then(|| RevocationPosition::new(end + 1))))
}
