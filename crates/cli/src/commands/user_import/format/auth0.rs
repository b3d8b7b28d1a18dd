//! Auth0: the export of password hashes that its support sends, one JSON object per line.

use counterfoil_jose::json;
use serde_json::Value;

use crate::commands::user_import::exported_user::{ExportedUser, unix_seconds};
use crate::commands::user_import::format::document::{User, boolean, string};
use crate::commands::user_import::format::jsonl;

/// The members of an imported user in a line.
pub(in crate::commands::user_import) const NAMES: &[(&str, &str)] =
    &[("password_hash", "passwordHash"), ("external_id", "_id")];

/// The user of a line. Its id is the `sub` of the tokens of Auth0: `auth0|` and the id of the record.
pub(in crate::commands::user_import) fn parse(text: &str) -> User {
    let record: Value =
        json::parse_object(text.as_bytes()).map_err(|error| jsonl::syntax_error(text, &error))?;
    let subject = match string(&record, "user_id")? {
        Some(subject) => Some(subject),
        None => record["_id"]["$oid"].as_str().map(|id| format!("auth0|{id}")),
    };
    let created = string(&record, "created_at")?.unwrap_or_default();
    Ok(Some(ExportedUser {
        id: subject.map(Value::String),
        username: string(&record, "username")?,
        email: string(&record, "email")?,
        email_verified: boolean(&record, "email_verified", false)?,
        password_hash: string(&record, "passwordHash")?,
        created_at: unix_seconds(&created).map_err(|error| format!("created_at: {error}"))?,
        disabled: boolean(&record, "blocked", false)?,
        ..ExportedUser::default()
    }))
}
