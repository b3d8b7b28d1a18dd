//! Who holds locks of the store: for the message of a migration that waits for one.

use tokio_postgres::{Client, Row};

use crate::error::QueryError;

/// How many are named.
const MAX_NAMED: i64 = 3;

/// Describes the sessions that hold locks of the tables of the store, or its lock of commits, in a clause: those first whose
/// transactions began first.
///
/// # Errors
///
/// If the server cannot be asked.
pub(crate) async fn describe(client: &Client, commit_lock: &str) -> Result<String, QueryError> {
    let rows = client.query(&select(commit_lock), &[&MAX_NAMED]).await?;
    let holders = rows.iter().map(describe_row).collect::<Result<Vec<_>, _>>()?;
    // It may have been given back meanwhile.
    Ok(if holders.is_empty() { "no session holds one now".to_owned() } else { holders.join("; ") })
}

/// Without the right to see it, the time of another user's transaction is null.
fn select(commit_lock: &str) -> String {
    format!(
        "SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''),
                extract(epoch FROM clock_timestamp() - a.xact_start)::bigint,
                string_agg(DISTINCT coalesce(l.mode || ' on ' || c.relname, 'the lock of commits'), ', ')
         FROM pg_locks l
         LEFT JOIN pg_stat_activity a ON a.pid = l.pid
         LEFT JOIN pg_class c ON l.locktype = 'relation' AND c.oid = l.relation
         WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND CASE l.locktype
               WHEN 'relation' THEN c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
               WHEN 'advisory' THEN l.objsubid = 1
                   AND (l.classid::bigint << 32) | l.objid::bigint = {commit_lock}
               ELSE false END
         GROUP BY l.pid, a.application_name, a.usename, a.xact_start
         ORDER BY a.xact_start NULLS FIRST LIMIT $1"
    )
}

fn describe_row(row: &Row) -> Result<String, QueryError> {
    let (pid, program, user): (Option<i32>, String, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (seconds, locks): (Option<i64>, String) = (row.try_get(3)?, row.try_get(4)?);
    let Some(pid) = pid else { return Ok(format!("a prepared transaction holds {locks}")) };
    let program = if program.is_empty() { "a program without a name" } else { &program };
    let since = seconds.map_or_else(String::new, |seconds| format!(" since {seconds} s"));
    Ok(format!("{program} (process {pid} of the database server, user {user}) holds {locks}{since}"))
}
