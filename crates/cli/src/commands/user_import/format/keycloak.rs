//! Keycloak: an export of a realm with its users (`kc.sh export`).

use counterfoil_jose::json;
use serde_json::Value;

use crate::commands::user_import::exported_user::ExportedUser;
use crate::commands::user_import::format::document::{User, boolean, seconds_of_milliseconds, string};

/// The members of an imported user in a record.
pub(in crate::commands::user_import) const NAMES: &[(&str, &str)] = &[
    ("password_hash", "credentials"),
    ("email_verified", "emailVerified"),
    ("created_at", "createdTimestamp"),
    ("external_id", "id"),
];

/// The user of a record; `None` for the account of a service.
pub(in crate::commands::user_import) fn user(record: &Value) -> User {
    if record["serviceAccountClientId"].is_string() {
        return Ok(None);
    }
    let credentials = record["credentials"].as_array().map(Vec::as_slice).unwrap_or_default();
    let password = credentials.iter().find(|credential| credential["type"] == "password");
    let password_hash = password.map(hash).transpose().map_err(|error| format!("credentials: {error}"))?;
    Ok(Some(ExportedUser {
        id: string(record, "id")?.map(Value::String),
        username: string(record, "username")?,
        email: string(record, "email")?,
        email_verified: boolean(record, "emailVerified", false)?,
        password_hash,
        password_change_required: is_temporary(record, password),
        created_at: seconds_of_milliseconds(record, "createdTimestamp")?,
        disabled: !boolean(record, "enabled", true)?,
        ..ExportedUser::default()
    }))
}

/// Whether Keycloak asks for another password at the next login. Its console adds the required action to a user with a temporary
/// password; a realm that is written by hand says so at the credential.
fn is_temporary(record: &Value, password: Option<&Value>) -> bool {
    let actions = record["requiredActions"].as_array().map(Vec::as_slice).unwrap_or_default();
    actions.iter().any(|action| action == "UPDATE_PASSWORD")
        || password.is_some_and(|credential| credential["temporary"] == true)
}

/// The hash of a credential, whose parts are JSON in strings.
fn hash(credential: &Value) -> Result<String, String> {
    let part = |member: &str| {
        let text = credential[member].as_str().ok_or_else(|| format!("{member}: is required"))?;
        json::parse::<Value>(text.as_bytes()).map_err(|error| format!("{member}: {error}"))
    };
    let (secret, data) = (part("secretData")?, part("credentialData")?);
    let text =
        |value: &Value, member: &str| string(value, member)?.ok_or_else(|| format!("{member}: is required"));
    let (salt, value, algorithm) =
        (text(&secret, "salt")?, text(&secret, "value")?, text(&data, "algorithm")?);
    let iterations = data["hashIterations"].as_u64().ok_or("hashIterations: must be a number")?;
    match algorithm.as_str() {
        "argon2" => {
            let parameter = |name: &str| {
                let value = data["additionalParameters"][name][0].as_str();
                value.ok_or_else(|| format!("additionalParameters: {name}: is required"))
            };
            if parameter("version")? != "1.3" {
                return Err("additionalParameters: version: must be 1.3".to_owned());
            }
            let (kind, memory) = (parameter("type")?, parameter("memory")?);
            let (lanes, unpadded) =
                (parameter("parallelism")?, |text: &str| text.trim_end_matches('=').to_owned());
            let (salt, value) = (unpadded(&salt), unpadded(&value));
            Ok(format!("$argon2{kind}$v=19$m={memory},t={iterations},p={lanes}${salt}${value}"))
        }
        "pbkdf2" => Ok(format!("$pbkdf2-sha1$i={iterations}${salt}${value}")),
        "pbkdf2-sha256" | "pbkdf2-sha512" => Ok(format!("${algorithm}$i={iterations}${salt}${value}")),
        _ => Err("the algorithm must be argon2, pbkdf2-sha512, pbkdf2-sha256 or pbkdf2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash_of(data: &Value) -> Result<String, String> {
        let secret = json!({ "salt": "c2FsdA==", "value": "aGFzaA==" }).to_string();
        hash(&json!({ "type": "password", "secretData": secret, "credentialData": data.to_string() }))
    }

    #[test]
    fn a_credential_becomes_a_hash_in_one_text() {
        let pbkdf2 = hash_of(&json!({ "algorithm": "pbkdf2-sha512", "hashIterations": 210_000 }));
        let parameters =
            json!({ "type": ["id"], "memory": ["7168"], "parallelism": ["1"], "version": ["1.3"] });
        let argon2 = hash_of(
            &json!({ "algorithm": "argon2", "hashIterations": 5, "additionalParameters": parameters }),
        );

        assert_eq!(pbkdf2.unwrap(), "$pbkdf2-sha512$i=210000$c2FsdA==$aGFzaA==");
        assert_eq!(argon2.unwrap(), "$argon2id$v=19$m=7168,t=5,p=1$c2FsdA$aGFzaA");
    }

    #[test]
    fn a_temporary_password_is_one_to_change() {
        let secret = json!({ "salt": "c2FsdA==", "value": "aGFzaA==" }).to_string();
        let data = json!({ "algorithm": "pbkdf2-sha512", "hashIterations": 210_000 }).to_string();
        let credential = json!({ "type": "password", "secretData": secret, "credentialData": data });
        let mut temporary = credential.clone();
        temporary["temporary"] = true.into();
        let is_to_change = |credential: &Value, actions: Value| {
            let record =
                json!({ "username": "ada", "credentials": [credential], "requiredActions": actions });
            user(&record).unwrap().unwrap().password_change_required
        };

        assert!(is_to_change(&credential, json!(["VERIFY_EMAIL", "UPDATE_PASSWORD"])));
        assert!(is_to_change(&temporary, json!([])));
        assert!(!is_to_change(&credential, json!(["VERIFY_EMAIL"])));
        assert!(!is_to_change(&credential, Value::Null));
    }

    #[test]
    fn a_credential_that_cannot_be_imported_is_an_error_with_the_reason() {
        for (data, reason) in [
            (json!({ "algorithm": "bcrypt", "hashIterations": 1 }), "the algorithm must be argon2"),
            (json!({ "algorithm": "argon2", "hashIterations": 1 }), "version: is required"),
            (json!({ "algorithm": "pbkdf2" }), "hashIterations: must be a number"),
            (json!({ "hashIterations": 1 }), "algorithm: is required"),
        ] {
            let error = hash_of(&data).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
