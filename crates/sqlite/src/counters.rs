//! Durable counters: what was taken from a throttle in its present window.

use std::time::Duration;

use rusqlite::{Connection, params};

use counterfoil_core::store::{CounterKey, Spent};
use counterfoil_jose::Time;

use crate::column::{Columns, time};

/// What is taken from which counter.
pub(crate) struct Taking {
    pub(crate) counter: CounterKey,
    pub(crate) cost: u32,
    pub(crate) window: Duration,
    pub(crate) now: Time,
}

/// Takes, and tells what the window holds now. One statement: two who take at once are both counted.
pub(crate) fn take(connection: &Connection, taking: &Taking) -> rusqlite::Result<Spent> {
    connection
        .prepare_cached(
            "INSERT INTO counters (name, taken, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET
                 taken = CASE WHEN until > ?4 THEN taken + excluded.taken ELSE excluded.taken END,
                 until = CASE WHEN until > ?4 THEN until ELSE excluded.until END
             RETURNING taken, until",
        )?
        .query_row(
            params![taking.counter.0, taking.cost, time(taking.now + taking.window), time(taking.now)],
            |row| {
                let mut columns = Columns::of(row);
                Ok(Spent { taken: columns.number()?, until: columns.time()? })
            },
        )
}
