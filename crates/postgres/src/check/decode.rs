//! Reading the rows of a table as the server reads them.

use tokio_postgres::Row;

use counterfoil_core::store::copy::CopiedTable;
use counterfoil_verify::RevocationSubject;

use crate::error::QueryError;
use crate::tables::columns::Columns;
use crate::tables::{
    admin_keys, audit_events, clients, keys, pending_session_ends, sessions, users, verifier_keys,
};

/// An error if the server could not read the row. Its columns are those of the table, which begin with those that the
/// server reads.
pub(super) fn decode(table: &CopiedTable, row: &Row) -> Result<(), QueryError> {
    match table.name {
        "users" => users::read(row).map(drop),
        "clients" => clients::read(row).map(drop),
        "sessions" => sessions::read(row).map(drop),
        "admin_keys" => admin_keys::read(row).map(drop),
        "verifier_keys" => verifier_keys::read(row).map(drop),
        "keys" => keys::read(row).map(drop),
        "audit_events" => audit_events::read(row).map(drop),
        "pending_session_ends" => pending_session_ends::read(row).map(drop),
        "session_data" => {
            let mut columns = Columns::new(row);
            let _: &[u8] = columns.value()?;
            columns
                .word(|text| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok())
                .map(drop)
        }
        "revocation_log" => {
            let mut columns = Columns::new(row);
            let _: i64 = columns.value()?;
            columns.parsed::<RevocationSubject>().map(drop)
        }
        // Numbers and bytes, which have no other form.
        _ => Ok(()),
    }
}
