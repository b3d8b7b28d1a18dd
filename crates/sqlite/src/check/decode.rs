//! Reading the rows of a table as the server reads them.

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};

use counterfoil_core::store::copy::CopiedTable;
use counterfoil_verify::RevocationSubject;

use crate::tables::{
    admin_keys, audit_events, clients, keys, pending_session_ends, sessions, users, verifier_keys,
};

/// An error if the server could not read the row. Its columns are those of the table, which begin with those that the
/// server reads.
pub(super) fn decode(table: &CopiedTable, row: &Row<'_>) -> rusqlite::Result<()> {
    match table.name {
        "users" => users::read(row).map(drop),
        "clients" => clients::read(row).map(drop),
        "sessions" => sessions::read(row).map(drop),
        "admin_keys" => admin_keys::read(row).map(drop),
        "verifier_keys" => verifier_keys::read(row).map(drop),
        "keys" => keys::read(row).map(drop),
        "audit_events" => audit_events::read(row).map(drop),
        "pending_session_ends" => pending_session_ends::read(row).map(drop),
        "session_data" => parse(row, 1, |text| {
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
        }),
        "revocation_log" => parse(row, 1, |text| text.parse::<RevocationSubject>().is_ok()),
        // Numbers and bytes, which have no other form.
        _ => Ok(()),
    }
}

fn parse(row: &Row<'_>, index: usize, is_valid: impl FnOnce(&str) -> bool) -> rusqlite::Result<()> {
    let text: String = row.get(index)?;
    match is_valid(&text) {
        true => Ok(()),
        false => Err(rusqlite::Error::FromSqlConversionFailure(
            index,
            Type::Text,
            Box::new(FromSqlError::InvalidType),
        )),
    }
}
