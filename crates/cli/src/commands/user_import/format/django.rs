//! Django: the output of `manage.py dumpdata`, as one list or with one object per line.

use counterfoil_jose::json;
use serde_json::Value;

use crate::commands::user_import::exported_user::{ExportedUser, unix_seconds};
use crate::commands::user_import::format::document::{User, boolean, parse, string};
use crate::error::CliError;

/// The members of an imported user in a record.
pub(in crate::commands::user_import) const NAMES: &[(&str, &str)] =
    &[("password_hash", "password"), ("created_at", "date_joined"), ("external_id", "pk")];

/// The records of the dump.
///
/// # Errors
///
/// If it is neither a list nor objects in lines.
pub(in crate::commands::user_import) fn records(text: &[u8]) -> Result<Vec<Value>, CliError> {
    if text.trim_ascii_start().starts_with(b"{") {
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
        return lines
            .filter(|(line, _)| !line.is_empty())
            .map(|(line, number)| parse_line(line, number))
            .collect();
    }
    match parse(text)? {
        Value::Array(records) => Ok(records),
        _ => Err(CliError::failure("the document must be the list that `manage.py dumpdata` writes")),
    }
}

/// The record in the line with this number. To the parser the line is the whole text.
fn parse_line(line: &[u8], number: u64) -> Result<Value, CliError> {
    json::parse(line).map_err(|error| {
        CliError::failure(format!("line {number}: {} at column {}", error.detail(), error.column()))
    })
}

/// The user of a record; `None` for a record of another model, such as a group.
pub(in crate::commands::user_import) fn user(record: &Value) -> User {
    let fields = &record["fields"];
    let is_user =
        fields["password"].is_string() && (fields["username"].is_string() || fields["email"].is_string());
    if !is_user {
        return Ok(None);
    }
    // A password that starts with `!` is unusable: no password matches it.
    let password = string(fields, "password")?.filter(|hash| !hash.starts_with('!'));
    let joined = string(fields, "date_joined")?.unwrap_or_default();
    Ok(Some(ExportedUser {
        id: Some(record["pk"].clone()).filter(|id| !id.is_null()),
        username: string(fields, "username")?,
        email: string(fields, "email")?,
        password_hash: password,
        created_at: unix_seconds(&joined).map_err(|error| format!("date_joined: {error}"))?,
        disabled: !boolean(fields, "is_active", true)?,
        ..ExportedUser::default()
    }))
}
