//! A database with as many users, sessions and audit events as an installation has after years.

use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::Connection;

/// The columns of a table, but for these.
fn columns_without(connection: &Connection, table: &str, excluded: &[&str]) -> Result<String> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !excluded.contains(&name.as_str())).collect::<Vec<_>>().join(", "))
}

/// Copies the user with this name, one of their live sessions and one of their audit events `count` times, each with other
/// ids. The copies have the names `copy1`, `copy2` and so on. No server may have the database open.
///
/// # Errors
///
/// If there is no such user, session or event, or the database cannot be written.
pub fn copy_records(database: &Path, username: &str, count: u32) -> Result<()> {
    let connection = Connection::open(database)?;
    let user = columns_without(
        &connection,
        "users",
        &["id", "username", "username_folded", "email", "email_verified", "external_id"],
    )?;
    let session =
        columns_without(&connection, "sessions", &["id", "user_id", "token_hash", "authenticated_at"])?;
    let event = columns_without(&connection, "audit_events", &["number", "user_id", "session_id"])?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TEMP TABLE copies (n INTEGER PRIMARY KEY, user BLOB NOT NULL, session BLOB NOT NULL);
         INSERT INTO copies
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
             SELECT n, randomblob(16), randomblob(16) FROM numbers;
         CREATE TEMP TABLE origin AS SELECT * FROM users WHERE username = '{username}';
         CREATE TEMP TABLE login AS
             SELECT * FROM sessions WHERE user_id = (SELECT id FROM origin) AND ended_at IS NULL LIMIT 1;
         CREATE TEMP TABLE event AS SELECT * FROM audit_events WHERE session_id = (SELECT id FROM login) LIMIT 1;
         INSERT INTO users (id, username, username_folded, email_verified, {user})
             SELECT user, 'copy' || n, 'copy' || n, 0, {user} FROM copies, origin;
         INSERT INTO sessions (id, user_id, token_hash, authenticated_at, {session})
             SELECT session, user, randomblob(32), authenticated_at - n, {session} FROM copies, login;
         INSERT INTO audit_events (user_id, session_id, {event})
             SELECT user, session, {event} FROM copies, event;"
    ))?;
    for table in ["users", "sessions", "audit_events"] {
        let rows: u32 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        (rows > count).then_some(()).with_context(|| format!("{table} has {rows} rows"))?;
    }
    connection.execute_batch("COMMIT;")?;
    Ok(())
}
