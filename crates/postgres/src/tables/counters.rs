//! The table `counters`: rate limit counters, each with its current window.

use tokio_postgres::Row;

use counterfoil_core::store::{CounterIncrement, CounterKey, CounterValue};
use counterfoil_jose::Time;

use super::columns::{Columns, Text, unix_ms, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Failure, Pipeline, Statement, statement};

/// Increments each counter and returns the values of their windows. Each increment is one statement, so
/// concurrent increments are all counted. A counter whose window is over starts a new window. An increment whose condition
/// on the previous one fails only reads its counter.
pub(crate) async fn increment<'t>(
    pipeline: &mut Pipeline<'_, 't>,
    increments: &'t [CounterIncrement],
    now: Time,
) -> Result<Vec<CounterValue>, Failure> {
    let mut values: Vec<CounterValue> = Vec::with_capacity(increments.len());
    let mut counts = true;
    for next in increments {
        let previous = values.last().map_or(0, |value| value.count);
        counts = next.while_previous_at_most.is_none_or(|max| counts && previous <= max.into());
        let statement = if counts { add(next, now) } else { select(&next.key) };
        let rows = pipeline.query(statement).await?;
        values.push(match rows.first() {
            Some(row) if counts => read_value(&mut Columns::new(row))?,
            Some(row) => current(read_value(&mut Columns::new(row))?, now),
            None => CounterValue { count: 0, resets_at: now },
        });
    }
    Ok(values)
}

fn add(increment: &CounterIncrement, now: Time) -> Statement<'_> {
    statement!(
        "INSERT INTO counters AS c (key, value, window_ends_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET
             value = CASE WHEN c.window_ends_at > $4 THEN c.value + excluded.value ELSE excluded.value END,
             window_ends_at = CASE WHEN c.window_ends_at > $4 THEN c.window_ends_at ELSE excluded.window_ends_at END
         RETURNING value, window_ends_at",
        Text(&increment.key.0),
        i64::from(increment.amount),
        unix_ms(now + increment.window),
        unix_ms(now)
    )
}

fn select(key: &CounterKey) -> Statement<'_> {
    statement!("SELECT value, window_ends_at FROM counters WHERE key = $1", Text(&key.0))
}

fn read_value(columns: &mut Columns<'_>) -> Result<CounterValue, QueryError> {
    Ok(CounterValue { count: columns.unsigned()?, resets_at: columns.time()? })
}

/// The value, or 0 if its window is over.
fn current(value: CounterValue, now: Time) -> CounterValue {
    if value.resets_at > now { value } else { CounterValue { count: 0, resets_at: now } }
}

/// The values of these counters in their current windows, in the same order; 0 for a counter without a
/// current window.
pub(crate) async fn values(
    connection: &Connection,
    keys: &[CounterKey],
    now: Time,
) -> Result<Vec<CounterValue>, QueryError> {
    let texts: Vec<Text<'_>> = keys.iter().map(|key| Text(&key.0)).collect();
    // One statement for all of them, so one snapshot.
    let rows = statement!("SELECT value, window_ends_at, key FROM counters WHERE key = ANY ($1)", texts)
        .query(connection)
        .await?;
    let read = |row: &Row| {
        let mut columns = Columns::new(row);
        let value = read_value(&mut columns)?;
        Ok((columns.text()?, value))
    };
    let stored: Vec<(String, CounterValue)> = rows.iter().map(read).collect::<Result<_, QueryError>>()?;
    let zero = CounterValue { count: 0, resets_at: now };
    let find = |key: &CounterKey| stored.iter().find(|(name, _)| *name == key.0);
    Ok(keys.iter().map(|key| find(key).map_or(zero, |(_, value)| current(*value, now))).collect())
}

/// Sets a counter and the end of its window, whatever it held.
pub(crate) fn set(key: &CounterKey, value: CounterValue) -> Result<Statement<'_>, QueryError> {
    Ok(statement!(
        "INSERT INTO counters (key, value, window_ends_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, window_ends_at = excluded.window_ends_at",
        Text(&key.0),
        unsigned(value.count)?,
        unix_ms(value.resets_at)
    ))
}
