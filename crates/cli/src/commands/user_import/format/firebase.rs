//! Firebase: the file of `firebase auth:export`, with the hash parameters of the project.

use std::path::Path;

use counterfoil_jose::Secret;
use serde_json::Value;

use crate::commands::user_import::exported_user::ExportedUser;
use crate::commands::user_import::format::document::{User, boolean, seconds_of_milliseconds, string};
use crate::error::CliError;
use crate::input_file::read_text;

/// The members of an imported user in a record.
pub(in crate::commands::user_import) const NAMES: &[(&str, &str)] = &[
    ("password_hash", "passwordHash"),
    ("email_verified", "emailVerified"),
    ("created_at", "createdAt"),
    ("external_id", "localId"),
];

/// The most bytes of the text with the hash parameters.
const MAX_CONFIG_LENGTH: u64 = 64 * 1024;

/// The hash parameters of a project, in the form of a hash without its salt and digest.
pub(in crate::commands::user_import) struct HashConfig(Secret<String>);

impl HashConfig {
    /// Reads the text that the console shows as "password hash parameters".
    ///
    /// # Errors
    ///
    /// If a parameter is missing. The error does not repeat the text: the signer key is a secret.
    pub(in crate::commands::user_import) fn read(path: &Path) -> Result<Self, CliError> {
        let text = read_text(path, MAX_CONFIG_LENGTH)?;
        Self::parse(&text).map_err(|name| {
            CliError::failure(format!("{} has no `{name}`", path.display())).with_hint(
                "copy the password hash parameters from the Firebase console: Authentication, Users, the menu with \
                 three dots",
            )
        })
    }

    /// Parses the text; the error is the name of the missing parameter.
    fn parse(text: &Secret<String>) -> Result<Self, &'static str> {
        let find = |name: &'static str| {
            let lines = text.expose().split(['\n', '{', '}']);
            let mut pairs = lines.filter_map(|line| line.split_once(':'));
            let value = pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value);
            value.map(|value| value.trim().trim_end_matches(',').trim_matches('"')).ok_or(name)
        };
        if find("algorithm")? != "SCRYPT" {
            return Err("algorithm: SCRYPT");
        }
        let (memory, rounds) = (find("mem_cost")?, find("rounds")?);
        let (separator, key) = (find("base64_salt_separator")?, find("base64_signer_key")?);
        Ok(Self(Secret::new(format!("$fbscrypt$v=1,n={memory},r={rounds},p=1,ss={separator},sk={key}"))))
    }
}

/// The user of a record; `None` for an anonymous one.
pub(in crate::commands::user_import) fn user(record: &Value, config: Option<&HashConfig>) -> User {
    let email = string(record, "email")?;
    let has_provider = record["providerUserInfo"].as_array().is_some_and(|providers| !providers.is_empty());
    if email.is_none() && !has_provider && record["phoneNumber"].is_null() {
        return Ok(None);
    }
    let password_hash = match (string(record, "passwordHash")?, string(record, "salt")?) {
        (None, _) => None,
        (Some(_), None) => return Err("salt: is required for a user with a password".to_owned()),
        (Some(hash), Some(salt)) => {
            let config =
                config.ok_or("passwordHash: needs the hash parameters of the project: --hash-config FILE")?;
            Some(format!("{}${salt}${hash}", config.0.expose()))
        }
    };
    Ok(Some(ExportedUser {
        id: string(record, "localId")?.map(Value::String),
        email,
        email_verified: boolean(record, "emailVerified", false)?,
        password_hash,
        created_at: seconds_of_milliseconds(record, "createdAt")?,
        disabled: boolean(record, "disabled", false)?,
        ..ExportedUser::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: a+/b==,\n  \
                           base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n";

    #[test]
    fn the_parameters_are_read_as_the_console_shows_them() {
        let config = HashConfig::parse(&Secret::new(CONSOLE.to_owned())).ok().unwrap();

        assert_eq!(config.0.expose(), "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=a+/b==");
    }

    #[test]
    fn a_missing_parameter_is_named() {
        for name in ["algorithm", "base64_signer_key", "base64_salt_separator", "rounds", "mem_cost"] {
            let text = CONSOLE.replace(name, "other");
            assert_eq!(HashConfig::parse(&Secret::new(text)).err(), Some(name));
        }
        let text = CONSOLE.replace("SCRYPT", "BCRYPT");
        assert!(HashConfig::parse(&Secret::new(text)).is_err());
    }
}
