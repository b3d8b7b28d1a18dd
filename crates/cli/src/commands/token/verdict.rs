//! What became of a token, as a person or a program wants to read it.

use counterfoil_jose::unverified;
use counterfoil_verify::{AuthError, InvalidReason, Principal};
use serde_json::{Value, json};

use crate::datetime;
use crate::fault::Fault;
use crate::printable::printable;
use crate::show;

/// The judgement about a token, and what nobody judged.
pub(crate) struct Verdict<'a> {
    pub(crate) judged: Result<Principal, AuthError>,
    pub(crate) token: &'a str,
    pub(crate) not_judged: Vec<&'static str>,
}

impl Verdict<'_> {
    /// Tells it on standard output; a refusal, with what to try, on standard error too.
    ///
    /// # Errors
    ///
    /// If the token was refused.
    pub(crate) fn tell(&self, is_json: bool) -> Result<(), Fault> {
        match &self.judged {
            Ok(principal) if is_json => show::json(&self.as_json(principal)),
            Ok(principal) => show::say(&self.as_text(principal)),
            Err(denied) => {
                let why = denied.reason().map_or_else(|| denied.to_string(), ToString::to_string);
                if is_json {
                    show::json(&json!({ "accepted": false, "reason": denied.code(), "detail": why }))?;
                }
                let fault = Fault::failure(format!("refused: {why}"));
                Err(self.hint(denied).into_iter().fold(fault, Fault::hint))
            }
        }
    }

    fn as_json(&self, principal: &Principal) -> Value {
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
            ("scope", words(principal.scopes().collect())),
            ("roles", list(principal.roles())),
            (
                "expires",
                format!("{} ({})", datetime::rfc3339(ends), datetime::relative(ends, datetime::now())),
            ),
            ("not judged", self.not_judged.join(" ")),
        ];
        lines.map(|(name, text)| format!("{name:<11} {}", printable(&text))).join("\n")
    }

    /// What to try, where there is something.
    fn hint(&self, denied: &AuthError) -> Option<String> {
        match denied.reason()? {
            InvalidReason::WrongIssuer => Some(format!("it says that it is of {}", self.claim("iss")?)),
            InvalidReason::WrongAudience => {
                Some(format!("it is for {}; --audience names whom it is to be for", self.claim("aud")?))
            }
            InvalidReason::Expired => {
                let ends: i64 = self.claim("exp")?.parse().ok()?;
                Some(format!("{}, {}", datetime::rfc3339(ends), datetime::relative(ends, datetime::now())))
            }
            InvalidReason::MalformedClaims => Some("--foreign takes the claims of other issuers".into()),
            InvalidReason::Token(rejection) if rejection.code() == "token_wrong_typ" => {
                Some("--foreign takes a type of JWT, or none".into())
            }
            InvalidReason::Token(rejection) if rejection.is_unknown_key_id() => {
                Some(format!("there is no key {} among them", self.header("kid")?))
            }
            _ => None,
        }
    }

    /// A claim, for people; of a token that was refused after its signature held.
    fn claim(&self, name: &str) -> Option<String> {
        unverified::decode(self.token).ok()?.payload.get(name).map(Value::to_string)
    }

    /// A text of the header, for people.
    fn header(&self, name: &str) -> Option<String> {
        Some(unverified::decode(self.token).ok()?.header.get(name)?.as_str()?.to_owned())
    }
}
