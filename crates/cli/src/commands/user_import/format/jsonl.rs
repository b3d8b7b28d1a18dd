//! JSON lines: one object in each line, with the members of an imported user.

use counterfoil_core::services::user_import::ImportedUser;
use counterfoil_jose::JsonError;
use counterfoil_jose::json::{self, JsonErrorKind};
use serde_json::{Map, Value, json};

/// The most characters of the name of a member in an error.
const MAX_NAME_LENGTH: usize = 64;

/// The user in a line. An error names the member, and does not repeat its value, which may be a secret.
pub(in crate::commands::user_import) fn user(
    text: &str,
    assume_verified: bool,
) -> Result<ImportedUser, String> {
    if !text.trim_start().starts_with('{') {
        return Err("must be a JSON object; for an export of another system use --format".to_owned());
    }
    // Strictly: no member is unknown or occurs twice.
    let user: ImportedUser = match json::parse_object(text.as_bytes()) {
        Ok(user) => user,
        Err(error) if error.is_syntax() => return Err(syntax_error(text, &error)),
        Err(error) => return Err(invalid_member(text).unwrap_or_else(|| error.detail().to_owned())),
    };
    let email_verified = user.email_verified || (assume_verified && user.email.is_some());
    Ok(ImportedUser { email_verified, ..user })
}

/// What is wrong with a line that is not strict JSON. It has no line number: to the parser the line is the whole text.
pub(in crate::commands::user_import) fn syntax_error(text: &str, error: &JsonError) -> String {
    let repeated = Some(error.column()).filter(|_| error.kind() == JsonErrorKind::DuplicateMember);
    match repeated.and_then(|end| name_that_ends_at(text, end)) {
        Some(name) => format!("{}: occurs twice", shown(name)),
        None => format!("{} at column {}", error.detail(), error.column()),
    }
}

/// The first member that is unknown or has a value of another type, and what it must be. Each member is examined alone: a user
/// needs none of them.
fn invalid_member(text: &str) -> Option<String> {
    let members: Map<String, Value> = json::parse_object(text.as_bytes()).ok()?;
    members.into_iter().find_map(|(name, value)| {
        let alone = json!({ name.as_str(): value }).to_string();
        let error = json::parse_object::<ImportedUser>(alone.as_bytes()).err()?;
        let detail = match error.detail().strip_prefix("expected ") {
            Some(expected) => format!("must be {expected}"),
            None => error.detail().to_owned(),
        };
        Some(format!("{}: {detail}", shown(&name)))
    })
}

/// The name of a member whose closing quote is at the column `end`, unless it is written with escapes.
fn name_that_ends_at(text: &str, end: usize) -> Option<&str> {
    let (before, name) = text.get(..end)?.strip_suffix('"')?.rsplit_once('"')?;
    (!name.contains('\\') && !before.ends_with('\\')).then_some(name)
}

fn shown(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME_LENGTH) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        user(text, false).unwrap_err()
    }

    #[test]
    fn an_error_names_the_member_and_what_it_must_be() {
        for (text, expected) in [
            (r#"{"username":"ada","email":5}"#, "email: must be a string"),
            (r#"{"username":"ada","disabled":"no"}"#, "disabled: must be true or false"),
            (r#"{"username":"ada","roles":"admin"}"#, "roles: must be a list"),
            (r#"{"username":"ada","roles":["clerk",1]}"#, "roles: must be a string"),
            (
                r#"{"username":"ada","created_at":"now"}"#,
                "created_at: must be a whole number that is not negative",
            ),
            (r#"{"username":"ada","username":"eve"}"#, "username: occurs twice"),
            (r#"{"username": }"#, "not JSON at column 14"),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
        let unknown = error(r#"{"username":"ada","password":"hunter2"}"#);
        assert!(unknown.starts_with("password: unknown member, expected one of `username`, "), "{unknown}");
    }

    #[test]
    fn an_error_never_repeats_a_value_and_cuts_a_long_name() {
        for text in [
            r#"{"password_hash":["hunter2"]}"#,
            r#"{"username":"ada","disabled":"hunter2"}"#,
            r#"{"username":"hunter2","username":"hunter2"}"#,
            r#"{"username":"hunter2" "email":"hunter2"}"#,
            r#"{"email":"hunter2\"","\"hunter2":1,"\"hunter2":1}"#,
        ] {
            let error = error(text);
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(error(&format!(r#"{{"{}":1}}"#, "x".repeat(5000))).len() < 400);
    }
}
