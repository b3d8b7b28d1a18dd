//! The timeline of the database: a number that PostgreSQL raises with each promotion of a standby.
//!
//! A primary that was replaced has a lower one, also if it starts again and accepts writes. What it holds is outdated: sessions
//! that were ended are active on it. So a process that has seen a higher timeline uses no connection to a lower one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio_postgres::SimpleQueryMessage;

use crate::error::QueryError;
use crate::statement::Connection;

/// The highest timeline that this process has seen in a database.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// 0 before the first connection.
    highest: AtomicU32,
    /// When a higher one was seen than before.
    promoted_at: Mutex<Option<Instant>>,
}

impl Timeline {
    /// Accepts a connection to the newest primary that is known.
    ///
    /// # Errors
    ///
    /// [`QueryError::FormerPrimary`] if another server was promoted since.
    pub(crate) async fn check(&self, connection: &Connection) -> Result<(), QueryError> {
        match read(connection).await? {
            Some(found) if self.observe(found) => Ok(()),
            Some(_) => Err(QueryError::FormerPrimary),
            None => Ok(()),
        }
    }

    /// Whether the server with this timeline is not a former primary.
    fn observe(&self, found: u32) -> bool {
        let before = self.highest.fetch_max(found, Ordering::AcqRel);
        if before != 0 && found > before {
            tracing::warn!(
                timeline = found,
                "a standby was promoted; connections to the former primary are closed"
            );
            *self.promoted_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        found >= before
    }

    /// Whether a standby was promoted after `at`, so that what was made or read at that time is from a former primary.
    pub(crate) fn was_promoted_since(&self, at: Instant) -> bool {
        self.promoted_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|promoted| promoted > at)
    }
}

/// The timeline of the server; `None` if it does not say so, as a standby, and databases that are only compatible.
async fn read(connection: &Connection) -> Result<Option<u32>, QueryError> {
    let answer = connection.simple_query("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").await;
    let messages = match answer {
        Err(error) if error.as_db_error().is_some() => return Ok(None),
        answer => answer?,
    };
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => timeline_of(row.get(0)?),
        _ => None,
    }))
}

/// The timeline in the name of a file of the WAL: its first eight hexadecimal digits.
fn timeline_of(file: &str) -> Option<u32> {
    u32::from_str_radix(file.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_primary_is_refused_and_what_was_read_from_it_does_not_count() {
        let (timeline, before) = (Timeline::default(), Instant::now());
        assert!(timeline.observe(1) && timeline.observe(1));
        assert!(!timeline.was_promoted_since(before), "the first connection is no promotion");

        assert!(timeline.observe(2));

        assert!(!timeline.observe(1));
        assert!(timeline.observe(2));
        assert!(timeline.was_promoted_since(before));
        assert!(!timeline.was_promoted_since(Instant::now()));
    }

    #[test]
    fn the_timeline_is_in_the_name_of_a_wal_file() {
        assert_eq!(timeline_of("0000000A0000000100000042"), Some(10));
        assert_eq!(timeline_of("short"), None);
        assert_eq!(timeline_of("ZZZZZZZZ"), None);
    }
}
