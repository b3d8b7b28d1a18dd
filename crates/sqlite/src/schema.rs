//! The schema: its version, its migrations and its tables.

use rusqlite::Connection;

/// The migrations, compiled in. A released migration is never edited.
mod embedded {
    // The macro writes a public item without documentation.
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations");
}

/// The schema version that this program writes.
pub(crate) const VERSION: u32 = 5;

/// Migrates an empty database or an older schema to [`VERSION`].
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), refinery::Error> {
    embedded::migrations::runner().run(connection).map(|_| ())
}

/// The schema version of the database, as its header and its migration history both state it; `None` if they
/// differ or the history is invalid.
///
/// refinery itself assumes that the history is valid, so it is validated here.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let header: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let (newest, count, is_valid): (Option<u32>, u32, bool) = connection.query_row(
        "SELECT max(version), count(*),
                total(applied_on GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:*'
                      AND length(checksum) BETWEEN 1 AND 20 AND checksum NOT GLOB '*[^0-9]*') = count(*)
         FROM refinery_schema_history",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    Ok((newest == Some(header) && count == header && is_valid).then_some(header))
}

/// Migrates an older schema to [`VERSION`]; does nothing if the schema has this version.
pub(crate) fn migrate_if_older(
    connection: &mut Connection,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match version(connection)? {
        Some(VERSION) => Ok(()),
        Some(_) | None => Ok(migrate(connection)?),
    }
}

/// Whether every table exists, and every table of a single row has that row.
pub(crate) fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    let mut table_exists =
        connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    for table in TABLES {
        if !table_exists.exists([table])? {
            return Ok(false);
        }
    }
    connection.query_row(
        "SELECT (SELECT count(*) FROM revocation_log_head) = 1 AND (SELECT count(*) FROM newest_time) = 1",
        [],
        |row| row.get(0),
    )
}

/// The tables of the schema.
pub(crate) const TABLES: [&str; 12] = [
    "admin_keys",
    "audit_events",
    "clients",
    "counters",
    "keys",
    "metadata",
    "newest_time",
    "revocation_log",
    "revocation_log_head",
    "session_data",
    "sessions",
    "users",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::header::APPLICATION_ID;

    #[test]
    fn the_migrations_set_the_version_and_the_application_id() {
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
    fn an_invalid_migration_history_has_no_version() {
        for damage in [
            "UPDATE refinery_schema_history SET checksum = 'many'",
            "UPDATE refinery_schema_history SET applied_on = 'yesterday'",
            "UPDATE refinery_schema_history SET version = 6 WHERE version = 5",
            "DELETE FROM refinery_schema_history",
            "PRAGMA user_version = 6",
        ] {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection).unwrap();
            connection.execute_batch(damage).unwrap();
            assert_eq!(version(&connection).unwrap_or(None), None, "{damage}");
        }
    }

    /// A released migration that is edited makes refinery refuse every existing database at the next upgrade.
    #[test]
    fn the_migrations_are_those_of_the_golden_database() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("golden.db");
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.db"), &copy).unwrap();
        let checksum: String = Connection::open(copy)
            .unwrap()
            .query_row("SELECT checksum FROM refinery_schema_history WHERE version = 1", [], |row| row.get(0))
            .unwrap();

        let runner = embedded::migrations::runner();

        assert_eq!(runner.get_migrations()[0].checksum().to_string(), checksum, "V1 was edited");
    }
}
