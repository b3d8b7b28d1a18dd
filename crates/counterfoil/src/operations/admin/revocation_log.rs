//! The revocation log, as an administrator reads it: the newest entries first.

use std::num::NonZeroU32;

use counterfoil_core::store::StoreError;
use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::app::App;
use crate::operations::admin::responses::RevocationListResponse;
use crate::operations::admin::verifiers::fleet_waits;
use crate::operations::error::OperationError;
use crate::operations::pagination::{Cursor, Pagination};

/// The most positions that one read covers.
const MAX_COVERED: u64 = 1_000;

/// The most reads for one page. Entries whose credentials have expired are removed, so a part of the log may be empty.
const MAX_READS: usize = 8;

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
    let (mut found, mut covered): (Vec<RevocationEntry>, u64) = (Vec::new(), limit as u64);
    for _ in 0..MAX_READS {
        if end < first {
            return Ok((found, None));
        }
        let start = end.saturating_sub(covered);
        // Each entry has a position of its own, so all of this part are read.
        let most = NonZeroU32::new(u32::try_from(end - start).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let part = store.revocation_log_after(RevocationPosition::new(start), most).await?.entries;
        let newest_first = part.into_iter().rev().filter(|entry| entry.position.number() <= end);
        found.extend(newest_first.take(limit - found.len()));
        if found.len() == limit {
            let last = found.last().map(|entry| entry.position).filter(|last| last.number() > first);
            return Ok((found, last));
        }
        (end, covered) = (start, (covered * 2).min(MAX_COVERED));
    }
    Ok((found, (end >= first).then(|| RevocationPosition::new(end + 1))))
}
