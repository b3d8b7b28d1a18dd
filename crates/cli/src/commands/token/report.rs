//! The result of `token verify`, as text or as JSON.

use counterfoil_jose::unverified;
use counterfoil_verify::{AuthError, InvalidReason, Principal};
use serde_json::{Value, json};

use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The result of a verification, and what was not checked.
pub(crate) struct VerificationReport<'a> {
    pub(crate) result: Result<Principal, AuthError>,
    pub(crate) token: &'a str,
    pub(crate) not_checked: Vec<&'static str>,
    /// Whether tokens of other issuers are accepted, with `--foreign`.
    pub(crate) accepts_foreign: bool,
}

impl VerificationReport<'_> {
    /// Prints the result to standard output; a rejection, with a hint, also to standard error.
    ///
    /// # Errors
    ///
    /// If the token is rejected.
    pub(crate) fn print(&self, is_json: bool) -> Result<(), CliError> {
        match &self.result {
            Ok(principal) if is_json => print_json(&self.to_json(principal)),
            Ok(principal) => print_line(&self.to_text(principal)),
            Err(denied) => {
                let detail = denied.reason().map_or_else(|| denied.to_string(), ToString::to_string);
                if is_json {
                    print_json(&json!({ "accepted": false, "reason": denied.code(), "detail": detail }))?;
                }
                Err(CliError::failure(format!("rejected: {detail}")).with_optional_hint(self.hint(denied)))
            }
        }
    }

    fn to_json(&self, principal: &Principal) -> Value {
        json!({
            "accepted": true,
            "subject": principal.subject(),
            "session": principal.session_id(),
            "client_id": principal.client_id(),
            "audiences": principal.audiences(),
            "scope": principal.scopes().collect::<Vec<_>>(),
            "roles": principal.roles(),
            "expires_at": principal.expires_at().unix_seconds(),
            "key": self.header("kid"),
            "algorithm": self.header("alg"),
            "not_checked": self.not_checked,
        })
    }

    fn to_text(&self, principal: &Principal) -> String {
        let expires_at = i64::try_from(principal.expires_at().unix_seconds()).unwrap_or(i64::MAX);
        let words = |words: Vec<&str>| if words.is_empty() { "-".to_owned() } else { words.join(" ") };
        let list = |texts: &[String]| words(texts.iter().map(String::as_str).collect());
        let key =
            self.header("kid").map_or_else(|| "a key without id".to_owned(), |kid| format!("the key {kid}"));
        let lines = [
            ("accepted", format!("with {key} ({})", self.header("alg").unwrap_or_default())),
            ("subject", principal.subject().to_owned()),
            ("audience", list(principal.audiences())),
            ("scope", words(principal.scopes().collect())),
            ("roles", list(principal.roles())),
            ("expires", date_and_distance(expires_at)),
            ("not checked", self.not_checked.join(" ")),
        ];
        lines.map(|(name, text)| format!("{name:<12} {}", escape_controls(&text))).join("\n")
    }

    /// What to do about a rejection, if something can be done.
    fn hint(&self, denied: &AuthError) -> Option<String> {
        match denied.reason()? {
            InvalidReason::WrongIssuer => Some(format!("the issuer of the token is {}", self.claim("iss")?)),
            InvalidReason::WrongAudience => Some(format!(
                "the audience of the token is {}; set the expected one with --audience",
                self.claim("aud")?
            )),
            InvalidReason::Expired => {
                // A foreign token may have a fraction of a second.
                let expired_at: f64 = self.claim("exp")?.parse().ok()?;
                Some(format!("the token expired at {}", date_and_distance(expired_at.floor() as i64)))
            }
            InvalidReason::MalformedClaims if self.accepts_foreign => Some(
                "a token needs the numbers `exp` and `iat` and the text `sub`; `aud` and `scope` are texts or lists of texts"
                    .into(),
            ),
            InvalidReason::MalformedClaims => Some("use --foreign for tokens of other issuers".into()),
            InvalidReason::Token(rejection)
                if rejection.code() == "token_wrong_typ" && !self.accepts_foreign =>
            {
                Some("use --foreign to accept the type JWT, or no type".into())
            }
            InvalidReason::Token(rejection) if rejection.is_unknown_key_id() => {
                Some(format!("the key set does not contain the key {}", self.header("kid")?))
            }
            _ => None,
        }
    }

    /// A claim, for people. Reasons about claims exist only after the signature was verified.
    fn claim(&self, name: &str) -> Option<String> {
        unverified::decode(self.token).ok()?.payload.get(name).map(Value::to_string)
    }

    /// A text of the header, for people.
    fn header(&self, name: &str) -> Option<String> {
        Some(unverified::decode(self.token).ok()?.header.get(name)?.as_str()?.to_owned())
    }
}

/// `2025-11-24T16:00:00Z (in 12 min)`.
fn date_and_distance(seconds: i64) -> String {
    format!("{} ({})", datetime::rfc3339(seconds), datetime::relative(seconds, datetime::now()))
}
