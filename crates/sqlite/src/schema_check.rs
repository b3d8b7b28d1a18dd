//! Compares the schema of a database file with the one that the migrations make.
//!
//! A schema can contain code that SQLite runs with each statement: triggers, views, generated columns, `CHECK`
//! constraints, expressions in indexes. An attacker who can write a backup could add a trigger that undoes each logout.
//! So the file has exactly the objects that the migrations make, with the same SQL, or it is refused.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rusqlite::types::Value;
use rusqlite::{Connection, ffi};

use crate::schema;

/// The most characters of a name that an error shows. An attacker who changed the file has chosen the name.
const MAX_SHOWN_NAME: usize = 64;

/// The properties of a database that its header stores, with the value that each one must have. They change how the
/// content is read (`encoding`), or make each commit or each connection more expensive.
const PROPERTIES: [&str; 3] = ["encoding", "auto_vacuum", "default_cache_size"];

/// The identity of an object: its type, its name and the table that it belongs to.
type Identity = (String, String, String);

/// Every object with its SQL. A list, because a damaged schema can name an object twice.
type Objects = BTreeMap<Identity, Vec<Option<String>>>;

/// The schema of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Schema {
    objects: Objects,
    properties: Vec<String>,
}

/// The first difference of `connection`, a database of the schema version `version`, to the schema that the migrations
/// make; `None` if they are equal.
///
/// Only `sqlite_schema` and the header are read: no code in the schema is run.
pub(crate) fn difference(connection: &Connection, version: u32) -> rusqlite::Result<Option<String>> {
    let (expected, found) = (expected(version)?, Schema::read(connection)?);
    if let Some(difference) = found.difference_to(&expected) {
        return Ok(Some(difference));
    }
    // Two objects in the same pages would show the rows of one table in another one.
    let has_shared_pages: bool = connection.query_row(
        "SELECT count(*) <> count(DISTINCT rootpage) OR min(rootpage) < 2 FROM sqlite_schema",
        [],
        |row| row.get(0),
    )?;
    Ok(has_shared_pages.then(|| "two of its tables or indexes are stored in the same pages".to_owned()))
}

/// The schema that the migrations up to `version` make. That of the newest version is kept, because every start
/// needs it.
fn expected(version: u32) -> rusqlite::Result<Schema> {
    static NEWEST: OnceLock<Schema> = OnceLock::new();
    match NEWEST.get() {
        Some(newest) if version == schema::VERSION => return Ok(newest.clone()),
        Some(_) | None => {}
    }
    let mut connection = Connection::open_in_memory()?;
    schema::migrate_to(&mut connection, version).map_err(|error| {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_SCHEMA), Some(error.to_string()))
    })?;
    let made = Schema::read(&connection)?;
    if version == schema::VERSION {
        let _ = NEWEST.set(made.clone());
    }
    Ok(made)
}

impl Schema {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut objects = Objects::new();
        let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sql: Option<String> = row.get(3)?;
            let found = objects.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default();
            found.push(sql.as_deref().map(normalize));
        }
        let property = |name: &&str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get::<_, Value>(0).map(|value| format!("{value:?}"))
            })
        };
        let properties = PROPERTIES.iter().map(property).collect::<rusqlite::Result<_>>()?;
        Ok(Self { objects, properties })
    }

    fn difference_to(&self, expected: &Self) -> Option<String> {
        let added = self.objects.keys().find(|identity| !expected.objects.contains_key(*identity));
        if let Some(identity) = added {
            return Some(format!("{} is not part of it", shown(identity)));
        }
        for (identity, sql) in &expected.objects {
            match self.objects.get(identity) {
                None => return Some(format!("{} is missing", shown(identity))),
                Some(found) if found != sql => {
                    return Some(format!("{} has another definition", shown(identity)));
                }
                Some(_) => {}
            }
        }
        let mut properties = PROPERTIES.iter().zip(self.properties.iter().zip(&expected.properties));
        let changed = properties.find(|(_, (found, expected))| found != expected);
        changed.map(|(name, _)| format!("the value of `{name}` in its header was changed"))
    }
}

/// The object as an error shows it.
fn shown((kind, name, table): &Identity) -> String {
    let [kind, name, table] =
        [kind, name, table].map(|text| text.chars().take(MAX_SHOWN_NAME).collect::<String>());
    match name == table {
        true => format!("the {kind} `{name}`"),
        false => format!("the {kind} `{name}` of `{table}`"),
    }
}

/// The SQL with each run of white space as one space, outside of quotes and comments: another version of SQLite may
/// place it differently when it adds a column to a stored definition.
fn normalize(sql: &str) -> String {
    let mut normalized = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_whitespace() {
            rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len())
        } else {
            verbatim_length(rest)
        };
        let (token, after) = rest.split_at(length);
        normalized.push_str(if first.is_ascii_whitespace() { " " } else { token });
        rest = after;
    }
    normalized
}

/// The length of what `sql` begins with, if no white space in it may be changed: a quoted text, a comment, or else one
/// character.
fn verbatim_length(sql: &str) -> usize {
    let first = sql.chars().next().map_or(0, char::len_utf8);
    let end = match sql.as_bytes() {
        [b'-', b'-', ..] => "\n",
        [b'/', b'*', ..] => "*/",
        [b'\'', ..] => "'",
        [b'"', ..] => "\"",
        [b'`', ..] => "`",
        [b'[', ..] => "]",
        _ => return first,
    };
    let opening = if matches!(end, "\n" | "*/") { 2 } else { 1 };
    sql[opening..].find(end).map_or(sql.len(), |at| opening + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of the newest version after `sql`, and its difference.
    fn difference_after(sql: &str) -> Option<String> {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute_batch(sql).unwrap();
        difference(&connection, schema::VERSION).unwrap()
    }

    #[test]
    fn the_schema_of_each_version_is_the_one_of_its_migrations() {
        for version in 1..=schema::VERSION {
            let mut connection = Connection::open_in_memory().unwrap();
            schema::migrate_to(&mut connection, version).unwrap();

            assert_eq!(difference(&connection, version).unwrap(), None, "{version}");
        }
    }

    #[test]
    fn each_changed_object_is_named() {
        for (sql, difference) in [
            (
                "CREATE TRIGGER undo AFTER UPDATE ON sessions BEGIN SELECT 1; END",
                "the trigger `undo` of `sessions` is not part of it",
            ),
            ("CREATE VIEW v AS SELECT 1", "the view `v` is not part of it"),
            ("CREATE TABLE t (a)", "the table `t` is not part of it"),
            ("CREATE VIRTUAL TABLE t USING dbstat", "the table `t` is not part of it"),
            ("CREATE INDEX i ON users (lower(email))", "the index `i` of `users` is not part of it"),
            ("ALTER TABLE users ADD COLUMN a TEXT CHECK (0)", "the table `users` has another definition"),
            ("ALTER TABLE clients ADD COLUMN a TEXT AS (name)", "the table `clients` has another definition"),
            ("DROP TABLE counters", "the index `counters_by_window_end` of `counters` is missing"),
            ("DROP INDEX sessions_by_user", "the index `sessions_by_user` of `sessions` is missing"),
            ("PRAGMA auto_vacuum = 1; VACUUM", "the value of `auto_vacuum` in its header was changed"),
            ("PRAGMA default_cache_size = 9", "the value of `default_cache_size` in its header was changed"),
            ("ANALYZE", "the table `sqlite_stat1` is not part of it"),
        ] {
            assert_eq!(difference_after(sql).as_deref(), Some(difference), "{sql}");
        }
    }

    #[test]
    fn rows_that_were_written_into_the_schema_are_found() {
        for (change, difference) in [
            (
                "UPDATE sqlite_schema SET sql = replace(sql, 'length(id) = 16', 'length(id) > 0') WHERE name = 'users'",
                "the table `users` has another definition",
            ),
            (
                "UPDATE sqlite_schema SET tbl_name = 'clients' WHERE name = 'sessions_by_user'",
                "the index `sessions_by_user` of `clients` is not part of it",
            ),
            (
                "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'keys'",
                "the table `keys` has another definition",
            ),
            (
                "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'keys')
                 WHERE name = 'users'",
                "two of its tables or indexes are stored in the same pages",
            ),
        ] {
            let sql = format!("PRAGMA writable_schema = ON; {change}; PRAGMA writable_schema = OFF");
            assert_eq!(difference_after(&sql).as_deref(), Some(difference), "{change}");
        }
    }

    #[test]
    fn a_long_name_is_shortened() {
        let name = "n".repeat(1000);

        let difference = difference_after(&format!("CREATE TABLE {name} (a)")).unwrap();

        assert!(difference.len() < 120, "{difference}");
    }

    #[test]
    fn white_space_is_the_same_only_outside_of_quotes_and_comments() {
        assert_eq!(normalize("a  \n\t(b)"), normalize("a (b)"));
        for (one, other) in [
            ("'a  b'", "'a b'"),
            ("\"a  b\"", "\"a b\""),
            ("`a  b`", "`a b`"),
            ("[a  b]", "[a b]"),
            ("-- a\n, b", "-- a , b"),
            ("/* a  */ b", "/* a */ b"),
            ("'it''s  a'", "'it''s a'"),
            ("ab", "a b"),
        ] {
            assert_ne!(normalize(one), normalize(other), "{one}");
        }
    }
}
