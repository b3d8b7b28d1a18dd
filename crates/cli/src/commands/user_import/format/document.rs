//! Reads JSON documents: an export that is one object or one list.

use std::io;

use counterfoil_jose::json;
use serde_json::Value;

use crate::commands::user_import::exported_user::ExportedUser;
use crate::error::CliError;

/// The result of one record.
pub(in crate::commands::user_import) type User = Result<Option<ExportedUser>, String>;

/// The list in the member `users` of the document.
///
/// # Errors
///
/// If there is no such list.
pub(in crate::commands::user_import) fn users(text: &[u8]) -> Result<Vec<Value>, CliError> {
    match parse(text)? {
        Value::Object(mut document) => match document.remove("users") {
            Some(Value::Array(users)) => Ok(users),
            _ => Err(CliError::failure("the document has no list `users`")
                .with_hint("export with users; docs/import.md has the command")),
        },
        _ => Err(CliError::failure("the document must be a JSON object with a list `users`")),
    }
}

/// Parses the document. The error says the line and the column, and does not repeat the text.
pub(in crate::commands::user_import) fn parse(text: &[u8]) -> Result<Value, CliError> {
    json::parse(text).map_err(|error| CliError::failure(format!("the document is not valid: {error}")))
}

/// The users of these records, with their numbers from 1.
pub(in crate::commands::user_import) fn records(
    records: Vec<Value>,
    user: impl Fn(&Value) -> User + 'static,
) -> Box<dyn Iterator<Item = io::Result<(u64, User)>>> {
    Box::new((1..).zip(records).map(move |(number, record)| Ok((number, user(&record)))))
}

/// The string in this member; `None` if it is absent, null or empty.
pub(in crate::commands::user_import) fn string(
    record: &Value,
    member: &str,
) -> Result<Option<String>, String> {
    match &record[member] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("{member}: must be a string"))
        }
    }
}

/// The boolean in this member; `default` if it is absent or null.
pub(in crate::commands::user_import) fn boolean(
    record: &Value,
    member: &str,
    default: bool,
) -> Result<bool, String> {
    match &record[member] {
        Value::Null => Ok(default),
        Value::Bool(value) => Ok(*value),
        Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("{member}: must be true or false"))
        }
    }
}

/// The Unix time in seconds of this member, which is a number of milliseconds or its digits.
pub(in crate::commands::user_import) fn seconds_of_milliseconds(
    record: &Value,
    member: &str,
) -> Result<Option<u64>, String> {
    let milliseconds = match &record[member] {
        Value::Null => return Ok(None),
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    };
    let milliseconds: u64 =
        milliseconds.ok_or_else(|| format!("{member}: must be a number of milliseconds"))?;
    Ok(Some(milliseconds / 1000))
}
