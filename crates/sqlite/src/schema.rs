//! The schema and its versions: which one a file has, and how an older one is brought up.

use rusqlite::Connection;

/// The migrations, compiled in. Each is numbered, says why, and is never edited once released.
mod embedded {
    // The macro writes a public item without documentation.
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations");
}

/// The version of the schema that this program writes.
pub(crate) const VERSION: u32 = 1;

/// Brings the schema up to [`VERSION`], from nothing or from an older one.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), refinery::Error> {
    embedded::migrations::runner().run(connection).map(|_| ())
}

/// The version that the database says it has, both in its header and in its history; nothing if they differ
/// or the history can't be read.
///
/// Read by ourselves and with care: refinery takes what stands in the history for granted.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let header: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let (newest, count, readable): (Option<u32>, u32, bool) = connection.query_row(
        "SELECT max(version), count(*),
                total(applied_on GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:*'
                      AND length(checksum) BETWEEN 1 AND 20 AND checksum NOT GLOB '*[^0-9]*') = count(*)
         FROM refinery_schema_history",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    Ok((newest == Some(header) && count == header && readable).then_some(header))
}

/// Brings an older schema up to [`VERSION`]; leaves one of this version alone.
pub(crate) fn migrate_if_older(
    connection: &mut Connection,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match version(connection)? {
        Some(VERSION) => Ok(()),
        Some(_) | None => Ok(migrate(connection)?),
    }
}

/// Whether every table is there, with the rows that are always there.
pub(crate) fn is_whole(connection: &Connection) -> rusqlite::Result<bool> {
    let mut known = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    for table in TABLES {
        if !known.exists([table])? {
            return Ok(false);
        }
    }
    connection.query_row(
        "SELECT (SELECT count(*) FROM log_head) = 1 AND (SELECT count(*) FROM newest_time) = 1",
        [],
        |row| row.get(0),
    )
}

/// The tables of the schema. A database of ours has each of them.
pub(crate) const TABLES: [&str; 12] = [
    "admin_keys",
    "clients",
    "counters",
    "events",
    "facts",
    "keys",
    "log",
    "log_head",
    "newest_time",
    "session_data",
    "sessions",
    "users",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::APPLICATION_ID;

    #[test]
    fn the_migrations_end_at_our_version_and_mark_the_file_as_ours() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();

        assert_eq!(version(&connection).unwrap(), Some(VERSION));
        let id: u32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
        assert_eq!(id, APPLICATION_ID);
        let tables: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%schema%' ORDER BY name")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(tables, TABLES);
    }

    #[test]
    fn a_history_that_refinery_would_stumble_over_has_no_version() {
        for spoil in [
            "UPDATE refinery_schema_history SET checksum = 'many'",
            "UPDATE refinery_schema_history SET applied_on = 'yesterday'",
            "UPDATE refinery_schema_history SET version = 2",
            "DELETE FROM refinery_schema_history",
            "PRAGMA user_version = 2",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection).unwrap();
            connection.execute_batch(spoil).unwrap();
            assert_eq!(version(&connection).unwrap_or(None), None, "{spoil}");
        }
    }
}
