//! The parts of an access token, with the meaning of each member.

use counterfoil_jose::{base64url, unverified};
use serde_json::{Map, Value};

use crate::datetime;

/// What the members of the header and the claims mean (RFC 7515, RFC 7519, RFC 9068).
const MEANINGS: [(&str, &str); 19] = [
    ("alg", "algorithm of the signature"),
    ("kid", "id of the key that signed"),
    ("typ", "type: an access token"),
    ("iss", "issuer: who signed it"),
    ("sub", "subject: the id of the user"),
    ("aud", "audience: for which services"),
    ("exp", "expires at"),
    ("iat", "issued at"),
    ("nbf", "not valid before"),
    ("jti", "id of this token"),
    ("client_id", "application of the login"),
    ("sid", "id of the session"),
    ("auth_time", "time of the login"),
    ("amr", "how: pwd is a password"),
    ("acr", "assurance: aal1 is one factor"),
    ("roles", "roles of the user"),
    ("scope", "what it may be used for"),
    ("pos", "revocation log when issued"),
    ("preferred_username", "name for people"),
];

/// Claims that are times in Unix seconds.
const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// The lines that show the parts of `token`; `None` if it is not a token of three parts.
pub(super) fn describe(token: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    let decoded = unverified::decode(token).ok()?;
    let mut lines = vec![format!("header ({} bytes)", header.len())];
    lines.extend(members(&decoded.header));
    lines.push(format!("payload ({} bytes)", payload.len()));
    lines.extend(members(&decoded.payload));
    lines.push(format!("signature ({} bytes)", signature.len()));
    lines
        .push("  over header.payload, made with the private key; any changed byte makes it wrong".to_owned());
    Some(lines)
}

/// The token with another payload and the same signature, as a forger would make it.
pub(super) fn with_changed_payload(token: &str) -> Option<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, signature] = parts.as_slice() else { return None };
    let mut payload = unverified::decode(token).ok()?.payload;
    payload.insert("roles".to_owned(), serde_json::json!(["admin"]));
    let payload = base64url::encode(Value::Object(payload).to_string());
    Some(format!("{header}.{payload}.{signature}"))
}

fn members(object: &Map<String, Value>) -> Vec<String> {
    let width = object.keys().map(String::len).max().unwrap_or_default();
    object.iter().map(|(name, value)| member((name, width), value)).collect()
}

fn member((name, width): (&str, usize), value: &Value) -> String {
    let text = match (value, value.as_i64()) {
        (_, Some(seconds)) if TIMES.contains(&name) => datetime::rfc3339(seconds),
        (Value::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    };
    let meaning = MEANINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, meaning)| meaning);
    format!("  {name:<width$}  {text:<43}  {meaning}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjE3NjQwMDAwMDB9.AAAA";

    #[test]
    fn each_part_is_shown_with_the_meaning_of_its_members() {
        let text = describe(TOKEN).unwrap().join("\n");

        for part in ["header (20 bytes)", "ES256", "subject", "2025-11-24T16:00:00Z", "signature (4 bytes)"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(describe("cfs_token").is_none());
    }

    #[test]
    fn only_the_payload_of_a_forged_token_is_changed() {
        let forged = with_changed_payload(TOKEN).unwrap();

        assert!(forged.starts_with("eyJhbGciOiJFUzI1NiJ9.") && forged.ends_with(".AAAA"), "{forged}");
        assert!(describe(&forged).unwrap().join("\n").contains("admin"));
    }
}
