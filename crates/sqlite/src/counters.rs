//! Durable counters: what was taken from a throttle in its present window.

use rusqlite::{Connection, params, params_from_iter};

use counterfoil_core::store::{CounterIncrement, CounterKey, CounterValue};
use counterfoil_jose::Time;

use crate::row::{Columns, Number, time};

/// Takes from each, and tells what its window holds now. One statement each: two who take at once are both
/// counted.
pub(crate) fn take(
    connection: &Connection,
    takings: &[CounterIncrement],
    now: Time,
) -> rusqlite::Result<Vec<CounterValue>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO counters (name, taken, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET
             taken = CASE WHEN until > ?4 THEN taken + excluded.taken ELSE excluded.taken END,
             until = CASE WHEN until > ?4 THEN until ELSE excluded.until END
         RETURNING taken, until",
    )?;
    let take = |taking: &CounterIncrement| {
        let until = time(now + taking.window);
        statement.query_row(params![taking.counter.0, taking.cost, until, time(now)], |row| {
            let mut columns = Columns::of(row);
            Ok(CounterValue { taken: columns.number()?, until: columns.time()? })
        })
    };
    takings.iter().map(take).collect()
}

/// What the present window of each holds; nothing where there is none.
pub(crate) fn spent(
    connection: &Connection,
    counters: &[CounterKey],
    now: Time,
) -> rusqlite::Result<Vec<CounterValue>> {
    // One statement for all of them: one snapshot.
    let marks = vec!["?"; counters.len()].join(", ");
    let mut statement = connection
        .prepare_cached(&format!("SELECT taken, until, name FROM counters WHERE name IN ({marks})"))?;
    let rows = statement.query_map(params_from_iter(counters.iter().map(|key| &key.0)), |row| {
        let mut columns = Columns::of(row);
        let spent = CounterValue { taken: columns.number()?, until: columns.time()? };
        Ok((columns.plain::<String>()?, spent))
    })?;
    let kept: Vec<(String, CounterValue)> = rows.collect::<rusqlite::Result<_>>()?;
    let find = |key: &CounterKey| kept.iter().find(|(name, spent)| *name == key.0 && spent.until > now);
    let nothing = CounterValue { taken: 0, until: now };
    Ok(counters.iter().map(|key| find(key).map_or(nothing, |(_, spent)| *spent)).collect())
}

/// Sets one, whatever it held.
pub(crate) fn set(
    connection: &Connection,
    counter: &CounterKey,
    spent: CounterValue,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO counters (name, taken, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET taken = excluded.taken, until = excluded.until",
        )?
        .execute(params![counter.0, Number(spent.taken), time(spent.until)])?;
    Ok(())
}
