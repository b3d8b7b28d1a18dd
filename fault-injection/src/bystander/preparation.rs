//! Data that a row needs before the server starts.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;

use crate::bystander::identity::{Identity, register};
use crate::bystander::plan::Target;
use crate::http::Request;
use crate::load::AsyncConnection;

/// How many ended sessions the user [`USERNAME`] has.
pub const ENDED_SESSIONS: u32 = 40_000;

/// The user with many ended sessions.
pub const USERNAME: &str = "many-sessions";

/// Registers the user, logs in and out. Call it with a first start of the server, and [`copy_ended_session`] after that.
///
/// # Errors
///
/// If the server refuses it.
pub async fn end_a_session(target: &Target) -> Result<()> {
    let source = std::net::Ipv4Addr::new(127, 0, 4, 1);
    register(source, target, USERNAME).await?;
    let user = Identity::log_in(target, source, USERNAME.to_owned(), 0).await?;
    let mut connection = AsyncConnection::from_source(source, target.address);
    let logout = Request::post("/v1/logout").bearer(&user.session_token).json(&serde_json::json!({}));
    let status = connection.send(&logout).await?.status;
    ensure!(status == 204, "the logout gets {status}");
    Ok(())
}

/// Copies the only ended session of a database, so that its user has [`ENDED_SESSIONS`] more. Logins and logouts would
/// take minutes.
///
/// # Errors
///
/// If the database has no ended session, or cannot be written.
pub fn copy_ended_session(database: &Path) -> Result<()> {
    let connection = Connection::open(database)?;
    connection.execute_batch(
        "BEGIN IMMEDIATE; \
         CREATE TEMP TABLE copy AS SELECT * FROM sessions WHERE ended_at IS NOT NULL LIMIT 1;",
    )?;
    for _ in 0..ENDED_SESSIONS {
        connection.execute("UPDATE copy SET id = randomblob(16), token_hash = randomblob(32)", [])?;
        connection
            .prepare_cached("INSERT INTO sessions SELECT * FROM copy")?
            .execute([])
            .context("the session could not be copied")?;
    }
    connection.execute_batch("COMMIT;")?;
    Ok(())
}
