//! The schema: its version and its migrations.

use refinery::Target;
use rusqlite::Connection;

/// The migrations, compiled in. A released migration is never edited.
mod embedded {
    // The macro writes a public item without documentation.
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations");
}

/// The schema version that this program writes.
pub(crate) const VERSION: u32 = 9;

/// Migrates an empty database or an older schema to [`VERSION`].
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), refinery::Error> {
    embedded::migrations::runner().run(connection).map(|_| ())
}

/// Makes the schema of an older version in an empty database.
pub(crate) fn migrate_to(connection: &mut Connection, version: u32) -> Result<(), refinery::Error> {
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    embedded::migrations::runner().set_target(Target::Version(version)).run(connection).map(|_| ())
}

/// The schema version that the header states.
pub(crate) fn header_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The schema version of the database, as its header and its migration history both state it; `None` if they
/// differ, or if the history is not that of the migrations of this program.
///
/// refinery itself assumes that the history is valid, so it is validated here.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let header = header_version(connection)?;
    let mut statement = connection.prepare(
        "SELECT version, name, checksum, applied_on GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:*'
         FROM refinery_schema_history ORDER BY version",
    )?;
    let applied = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let applied: Vec<(u32, String, String, bool)> = applied.collect::<rusqlite::Result<_>>()?;

    let runner = embedded::migrations::runner();
    let expected = runner.get_migrations().iter().filter_map(|migration| {
        let version = u32::try_from(migration.version()).ok().filter(|version| *version <= header)?;
        Some((version, migration.name().to_owned(), migration.checksum().to_string(), true))
    });
    let is_valid = applied.iter().map(|row| row.0).max() == Some(header) && expected.eq(applied);
    Ok(is_valid.then_some(header))
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

/// Whether every table of a single row has that row, in the schema of this version.
pub(crate) fn has_single_rows(connection: &Connection, version: u32) -> rusqlite::Result<bool> {
    let tables = [("revocation_log_head", 1), ("newest_time", 1), ("status_lists", 8)];
    for (table, _) in tables.into_iter().filter(|(_, since)| *since <= version) {
        let has_one = format!("SELECT (SELECT count(*) FROM {table}) = 1");
        if !connection.query_row(&has_one, [], |row| row.get::<_, bool>(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

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
    }

    #[test]
    fn an_invalid_migration_history_has_no_version() {
        for damage in [
            "UPDATE refinery_schema_history SET checksum = 'many'",
            "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1",
            "UPDATE refinery_schema_history SET applied_on = 'yesterday'",
            "UPDATE refinery_schema_history SET version = 100 WHERE version = 1",
            "DELETE FROM refinery_schema_history",
            "PRAGMA user_version = 100",
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
