//! A user as another system exports it, and what of it is imported.

use counterfoil_core::services::user_import::ImportedUser;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// A user as another system exports it. Empty texts are the same as none.
#[derive(Default)]
pub(super) struct ExportedUser {
    /// The id at the other system, a string or an integer.
    pub(super) id: Option<Value>,
    /// The login name, which may be an address.
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    /// The hash, in one of the forms that can be imported.
    pub(super) password_hash: Option<String>,
    /// Whether the user has a temporary password, which the other system would make them change.
    pub(super) password_change_required: bool,
    pub(super) roles: Vec<String>,
    /// Unix seconds.
    pub(super) created_at: Option<u64>,
    pub(super) disabled: bool,
}

impl ExportedUser {
    /// The user to import. A login name that is an address is the address of the user: many systems store it in both
    /// places, and a username contains no `@`.
    pub(super) fn into_imported(self, assume_emails_verified: bool) -> ImportedUser {
        let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (mut username, mut email) = (not_empty(self.username), not_empty(self.email));
        if let Some(address) = username.take_if(|name| is_address_of(name, email.as_deref())) {
            email.get_or_insert(address);
        }
        let password_hash = not_empty(self.password_hash);
        ImportedUser {
            email_verified: email.is_some() && (self.email_verified || assume_emails_verified),
            username,
            email,
            external_id: self.id,
            // Without a hash there is no password to change: the user gets one in another way.
            password_change_required: self.password_change_required && password_hash.is_some(),
            password_hash,
            roles: self.roles,
            created_at: self.created_at,
            disabled: self.disabled,
        }
    }
}

fn is_address_of(name: &str, email: Option<&str>) -> bool {
    name.contains('@') && email.is_none_or(|email| email.to_lowercase() == name.to_lowercase())
}

/// Parses a time as Unix seconds: a number of seconds, or a date and time as databases and JSON write it. Without an
/// offset it is in UTC. `None` for an empty text and for a time before 1970, such as `0000-00-00 00:00:00` of MySQL. The
/// last days of the year 9999, which stand for ever, are its last second.
pub(super) fn unix_seconds(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(None);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Some).map_err(|_| not_a_time());
    }
    if text.starts_with("9999-12-3") {
        return Ok(Some(END_OF_CALENDAR));
    }
    // SQL Server writes a space before the offset, and Rails the name of the time zone.
    let text = text.strip_suffix(" UTC").unwrap_or(text).replace(" +", "+").replace(" -", "-");
    let with_offset = text.parse::<Timestamp>();
    let timestamp = with_offset.or_else(|_| {
        let local: DateTime = text.parse()?;
        TimeZone::UTC.to_timestamp(local)
    });
    let seconds = timestamp.map_err(|_| not_a_time())?.as_second();
    Ok(u64::try_from(seconds).ok())
}

/// 9999-12-31 23:59:59 in UTC.
const END_OF_CALENDAR: u64 = 253_402_300_799;

fn not_a_time() -> String {
    "must be a date and time, such as 2024-05-01T12:00:00Z, or Unix seconds".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(username: &str, email: &str) -> ImportedUser {
        let user =
            ExportedUser { username: Some(username.into()), email: Some(email.into()), ..Default::default() };
        user.into_imported(false)
    }

    #[test]
    fn a_login_name_that_is_the_address_is_no_username() {
        for (username, email) in [("ada@example.com", ""), ("Ada@Example.com", "ada@example.com")] {
            let user = imported(username, email);
            assert_eq!(user.username, None);
            assert_eq!(user.email.unwrap().to_lowercase(), "ada@example.com");
            assert!(!user.email_verified);
        }
        let other = imported("ada@example.com", "grace@example.com");
        assert_eq!(other.username.as_deref(), Some("ada@example.com"), "which the validation refuses");
        assert_eq!(imported("ada", "ada@example.com").username.as_deref(), Some("ada"));
    }

    #[test]
    fn a_user_without_a_password_has_none_to_change() {
        let user = |hash: &str| ExportedUser {
            password_hash: Some(hash.into()),
            password_change_required: true,
            ..Default::default()
        };

        assert!(user("$2b$06$abc").into_imported(false).password_change_required);
        assert!(!user("").into_imported(false).password_change_required);
    }

    #[test]
    fn times_are_read_as_databases_write_them() {
        for text in [
            "2024-05-01T12:00:00Z",
            "2024-05-01T12:00:00.123456Z",
            "2024-05-01 12:00:00",
            "2024-05-01 12:00:00.123456+00",
            "2024-05-01 14:00:00+02",
            "2024-05-01T14:00:00.123+02:00",
            "2024-05-01 14:00:00.0000000 +02:00",
            "2024-05-01 12:00:00 UTC",
            "1714564800",
        ] {
            assert_eq!(unix_seconds(text), Ok(Some(1_714_564_800)), "{text}");
        }
        assert_eq!(unix_seconds("9999-12-31 23:59:59.9999999 +00:00"), Ok(Some(END_OF_CALENDAR)));
        assert_eq!(unix_seconds(""), Ok(None));
        assert_eq!(unix_seconds("0000-00-00 00:00:00"), Ok(None));
        assert_eq!(unix_seconds("1969-12-31 00:00:00"), Ok(None));
        assert!(unix_seconds("yesterday").is_err());
    }
}
