//! What became of a token, as a person or a program wants to read it.

use counterfoil_jose::unverified;
use counterfoil_verify::{Denied, Principal, Reason};
use serde_json::{Value, json};

use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::table;

/// The judgement about a token, and what nobody judged.
pub(crate) struct VerificationReport<'a> {
    pub(crate) judged: Result<Principal, Denied>,
    pub(crate) token: &'a str,
    pub(crate) not_judged: Vec<&'static str>,
}

impl VerificationReport<'_> {
    /// Tells it on standard output; a refusal, with what to try, on standard error too.
    ///
    /// # Errors
    ///
    /// If the token was refused.
    pub(crate) fn tell(&self, is_json: bool) -> Result<(), CliError> {
        match &self.judged {
            Ok(principal) if is_json => table::print_json(&self.as_json(principal)),
            Ok(principal) => table::print_line(&self.as_text(principal)),
            Err(denied) => {
                let why = denied.reason().map_or_else(|| denied.to_string(), ToString::to_string);
                if is_json {
                    table::print_json(&json!({ "accepted": false, "reason": denied.code(), "detail": why }))?;
                }
                let fault = CliError::failure(format!("refused: {why}"));
                Err(self.hint(denied).into_iter().fold(fault, CliError::with_hint))
            }
        }
    }

    fn as_json(&self, principal: &Principal) -> Value {
        json!({
            "accepted": true,
            "subject": principal.subject(),
            "session": principal.session(),
            "client_id": principal.client(),
            "audiences": principal.audiences(),
            "scope": principal.scope().collect::<Vec<_>>(),
            "roles": principal.roles(),
            "expires_at": principal.expires_at().unix_seconds(),
            "key": self.header("kid"),
            "algorithm": self.header("alg"),
            "not_judged": self.not_judged,
        })
    }

    fn as_text(&self, principal: &Principal) -> String {
        let ends = i64::try_from(principal.expires_at().unix_seconds()).unwrap_or(i64::MAX);
        let words = |words: Vec<&str>| if words.is_empty() { "-".to_owned() } else { words.join(" ") };
        let list = |texts: &[String]| words(texts.iter().map(String::as_str).collect());
        let key = self.header("kid").unwrap_or_else(|| "without a name".into());
        let lines = [
            ("accepted", format!("by the key {key} ({})", self.header("alg").unwrap_or_default())),
            ("subject", principal.subject().to_owned()),
            ("audience", list(principal.audiences())),
            ("scope", words(principal.scope().collect())),
            ("roles", list(principal.roles())),
            (
                "expires",
                format!("{} ({})", datetime::rfc3339(ends), datetime::relative(ends, datetime::now())),
            ),
            ("not judged", self.not_judged.join(" ")),
        ];
        lines.map(|(name, text)| format!("{name:<11} {}", escape_controls(&text))).join("\n")
    }

    /// What to try, where there is something.
    fn hint(&self, denied: &Denied) -> Option<String> {
        match denied.reason()? {
            Reason::Issuer => Some(format!("it says that it is of {}", self.claim("iss")?)),
            Reason::Audience => {
                Some(format!("it is for {}; --audience names whom it is to be for", self.claim("aud")?))
            }
            Reason::Expired => {
                let ends: i64 = self.claim("exp")?.parse().ok()?;
                Some(format!("{}, {}", datetime::rfc3339(ends), datetime::relative(ends, datetime::now())))
            }
            Reason::Claims => Some("--foreign takes the claims of other issuers".into()),
            Reason::Token(rejection) if rejection.code() == "token_wrong_typ" => {
                Some("--foreign takes a type of JWT, or none".into())
            }
            Reason::Token(rejection) if rejection.unknown_kid() => {
                Some(format!("there is no key {} among them", self.header("kid")?))
            }
            _ => None,
        }
    }

    /// A claim, for people; of a token that was refused after its signature held.
    fn claim(&self, name: &str) -> Option<String> {
        unverified::peek(self.token).ok()?.payload.get(name).map(Value::to_string)
    }

    /// A text of the header, for people.
    fn header(&self, name: &str) -> Option<String> {
        Some(unverified::peek(self.token).ok()?.header.get(name)?.as_str()?.to_owned())
    }
}
