//! The result of `token verify`, as text or as JSON.

use counterfoil::operator::inspection::{InspectedToken, is_unsigned};
use counterfoil::operator::{TokenRejectionView, TokenVerificationResponse, VerifiedTokenView};
use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_jose::unverified;
use serde_json::{Value, json};

use crate::configuration::Configuration;
use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// What is wrong with an unsigned token (RFC 8725, section 3.2). To a verifier it is only malformed.
const UNSIGNED: &str = "the token is unsigned (alg none), so anyone can have written it";

/// The result of a verification, and what was not checked.
pub(crate) struct VerificationReport<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) result: TokenVerificationResponse,
    pub(crate) token: &'a str,
    /// What the token was verified with.
    pub(crate) verified_with: String,
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
        let rejected = match &self.result {
            TokenVerificationResponse::Accepted(token) if is_json => return print_json(&self.to_json(token)),
            TokenVerificationResponse::Accepted(token) => return print_line(&self.to_text(token)),
            TokenVerificationResponse::Rejected(rejected) => rejected,
            _ => return Err(CliError::failure("the result of the verification is not known")),
        };
        let is_unsigned = self.is_unsigned();
        let detail = if is_unsigned { UNSIGNED } else { rejected.detail.as_str() };
        let verified_with = &self.verified_with;
        if is_json {
            print_json(&json!({
                "accepted": false,
                "reason": rejected.reason,
                "detail": detail,
                "verified_with": verified_with,
            }))?;
        }
        if is_unsigned {
            return Err(CliError::failure(format!("rejected: {UNSIGNED}"))
                .with_hint("accept no such token, and let its issuer sign its tokens"));
        }
        let message = format!("rejected: {detail} (verified with {verified_with})");
        Err(CliError::failure(message).with_optional_hint(self.hint(rejected)))
    }

    /// Whether the token says itself that it has no signature.
    fn is_unsigned(&self) -> bool {
        matches!(InspectedToken::parse(self.token), Ok(InspectedToken::Jwt { token, .. }) if is_unsigned(&token))
    }

    fn to_json(&self, token: &VerifiedTokenView) -> Value {
        json!({
            "accepted": true,
            "subject": token.subject,
            "session": token.session,
            "client_id": token.client_id,
            "audiences": token.audiences,
            "scope": token.scope,
            "roles": token.roles,
            "expires_at": token.expires_at,
            "key": self.header("kid"),
            "algorithm": self.header("alg"),
            "verified_with": self.verified_with,
            "not_checked": self.not_checked,
        })
    }

    fn to_text(&self, token: &VerifiedTokenView) -> String {
        let expires_at = i64::try_from(token.expires_at).unwrap_or(i64::MAX);
        let list = |texts: &[String]| if texts.is_empty() { "-".to_owned() } else { texts.join(" ") };
        let key =
            self.header("kid").map_or_else(|| "a key without id".to_owned(), |kid| format!("the key {kid}"));
        let not_checked = match self.not_checked.as_slice() {
            [] => "-".to_owned(),
            names => names.join(" "),
        };
        let lines = [
            ("accepted", format!("with {key} ({})", self.header("alg").unwrap_or_default())),
            ("verified", format!("with {}", self.verified_with)),
            ("subject", token.subject.clone()),
            ("audience", list(&token.audiences)),
            ("scope", list(&token.scope)),
            ("roles", list(&token.roles)),
            ("expires", date_and_distance(expires_at)),
            ("not checked", not_checked),
        ];
        lines.map(|(name, text)| format!("{name:<12} {}", escape_controls(&text))).join("\n")
    }

    /// What to do about a rejection, if something can be done.
    fn hint(&self, rejected: &TokenRejectionView) -> Option<String> {
        if rejected.is_unknown_key {
            return Some(format!("the key set does not contain the key {}", self.header("kid")?));
        }
        if [SessionToken::PREFIX, RefreshToken::PREFIX].iter().any(|prefix| self.token.starts_with(prefix)) {
            return Some(
                "only access tokens can be verified; `counterfoil token inspect` shows the session".into(),
            );
        }
        match rejected.reason.as_str() {
            "issuer" => Some(format!("the issuer of the token is {}", self.claim("iss")?)),
            "audience" => Some(format!(
                "the audience of the token is {}; set the expected one with --audience",
                self.claim("aud")?
            )),
            "expired" => {
                // A foreign token may have a fraction of a second.
                let expired_at: f64 = self.claim("exp")?.parse().ok()?;
                Some(format!("the token expired at {}", date_and_distance(expired_at.floor() as i64)))
            }
            "claims" if self.accepts_foreign => Some(
                "a token needs the numbers `exp` and `iat` and the text `sub`; `aud` and `scope` are texts or lists of texts"
                    .into(),
            ),
            "claims" => Some("use --foreign for tokens of other issuers".into()),
            "revoked" => {
                let token = unverified::decode(self.token).ok()?;
                let session = token.payload.get("sid")?.as_str()?;
                let list = self.configuration.command(&format!("audit list --session {session}"));
                Some(format!("`{list}` shows why its session ended"))
            }
            "token_wrong_typ" if !self.accepts_foreign => {
                Some("use --foreign to accept the type JWT, or no type".into())
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
