//! The table `counters`: rate limit counters, each with its current window.

use rusqlite::{Connection, params, params_from_iter};

use counterfoil_core::store::{CounterIncrement, CounterKey, CounterValue};
use counterfoil_jose::Time;

use super::columns::{Columns, Unsigned, unix_ms};

/// Increments each counter and returns the values of their windows. Each increment is one statement, so
/// concurrent increments are all counted. A counter whose window is over starts a new window. An increment whose condition
/// on the previous one fails only reads its counter.
pub(crate) fn increment(
    connection: &Connection,
    increments: &[CounterIncrement],
    now: Time,
) -> rusqlite::Result<Vec<CounterValue>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO counters (key, value, window_ends_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET
             value = CASE WHEN window_ends_at > ?4 THEN value + excluded.value ELSE excluded.value END,
             window_ends_at = CASE WHEN window_ends_at > ?4 THEN window_ends_at ELSE excluded.window_ends_at END
         RETURNING value, window_ends_at",
    )?;
    let mut increment = |increment: &CounterIncrement| {
        let window_end = unix_ms(now + increment.window);
        statement.query_row(params![increment.key.0, increment.amount, window_end, unix_ms(now)], |row| {
            read_value(&mut Columns::new(row))
        })
    };
    let mut values: Vec<CounterValue> = Vec::with_capacity(increments.len());
    let mut counts = true;
    for next in increments {
        let previous = values.last().map_or(0, |value| value.count);
        counts = next.while_previous_at_most.is_none_or(|max| counts && previous <= max.into());
        values.push(if counts { increment(next)? } else { value(connection, &next.key, now)? });
    }
    Ok(values)
}

/// The value of one counter in its current window.
fn value(connection: &Connection, key: &CounterKey, now: Time) -> rusqlite::Result<CounterValue> {
    let values = values(connection, std::slice::from_ref(key), now)?;
    Ok(values.first().copied().unwrap_or(CounterValue { count: 0, resets_at: now }))
}

fn read_value(columns: &mut Columns<'_>) -> rusqlite::Result<CounterValue> {
    Ok(CounterValue { count: columns.unsigned()?, resets_at: columns.time()? })
}

/// The values of these counters in their current windows, in the same order; 0 for a counter without a
/// current window.
pub(crate) fn values(
    connection: &Connection,
    keys: &[CounterKey],
    now: Time,
) -> rusqlite::Result<Vec<CounterValue>> {
    // One statement for all of them, so one snapshot.
    let placeholders = vec!["?"; keys.len()].join(", ");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT value, window_ends_at, key FROM counters WHERE key IN ({placeholders})"
    ))?;
    let rows = statement.query_map(params_from_iter(keys.iter().map(|key| &key.0)), |row| {
        let mut columns = Columns::new(row);
        let value = read_value(&mut columns)?;
        Ok((columns.value::<String>()?, value))
    })?;
    let stored: Vec<(String, CounterValue)> = rows.collect::<rusqlite::Result<_>>()?;
    let find = |key: &CounterKey| stored.iter().find(|(name, value)| *name == key.0 && value.resets_at > now);
    let zero = CounterValue { count: 0, resets_at: now };
    Ok(keys.iter().map(|key| find(key).map_or(zero, |(_, value)| *value)).collect())
}

/// Sets a counter and the end of its window, whatever it held.
pub(crate) fn set(connection: &Connection, key: &CounterKey, value: CounterValue) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO counters (key, value, window_ends_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, window_ends_at = excluded.window_ends_at",
        )?
        .execute(params![key.0, Unsigned(value.count), unix_ms(value.resets_at)])?;
    Ok(())
}
