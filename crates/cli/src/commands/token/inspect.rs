//! `counterfoil token inspect`: shows the content of a token, without any key.

use clap::Args;
use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_jose::base64url;
use counterfoil_jose::unverified::{self, UnverifiedJws};
use serde_json::{Value, json};

use crate::commands::token::read_token;
use crate::commands::token::unverified_checks::find_problems;
use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The width of the narrowest column of names.
const MIN_NAME_WIDTH: usize = 10;

/// The width of the widest column of names; a longer name moves its value to the right.
const MAX_NAME_WIDTH: usize = 24;

/// Claims that are times in Unix seconds (RFC 7519, section 4.1; `auth_time` of OpenID Connect).
const TIME_CLAIMS: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

/// What the claims mean that a reader may not know.
const EXPLAINED_CLAIMS: [(&str, &str); 5] = [
    ("sub", "the id of the user"),
    ("preferred_username", "the username, to show it; `sub` identifies the user"),
    ("sid", "the session"),
    ("jti", "the token"),
    ("pos", "the position of the revocation log at its issue"),
];

/// The options of `token inspect`.
#[derive(Args)]
pub(crate) struct InspectOptions {
    /// The token, or `-` for standard input, which other processes cannot see.
    token: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InspectOptions {
    /// Prints the content of the token.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let token = read_token(self.token)?;
        let inspected = InspectedToken::parse(&token)?;
        let now = datetime::now();
        if self.json {
            return print_json(&inspected.to_json(now));
        }
        print_line(&inspected.to_text(now))
    }
}

/// The public content of a token; its secret or signature is dropped.
enum InspectedToken {
    Session { session: String },
    Refresh { session: String, counter: u64 },
    Jwt { token: UnverifiedJws, signature_length: usize },
}

impl InspectedToken {
    /// Parses a token of any kind.
    fn parse(text: &str) -> Result<Self, CliError> {
        let malformed = |kind: &str| {
            CliError::failure(format!("the text has the prefix of a {kind} token, but is malformed"))
                .with_hint("copy the whole token, without spaces and line breaks")
        };
        if text.starts_with(SessionToken::PREFIX) {
            let token: SessionToken = text.parse().map_err(|_| malformed("session"))?;
            return Ok(Self::Session { session: token.session().to_string() });
        }
        if text.starts_with(RefreshToken::PREFIX) {
            let token: RefreshToken = text.parse().map_err(|_| malformed("refresh"))?;
            return Ok(Self::Refresh { session: token.session().to_string(), counter: token.counter() });
        }
        let token = unverified::decode(text).map_err(|error| {
            CliError::with_cause("the text is not a token", &error)
                .with_hint("a token begins with cfs_, cfr_ or eyJ")
        })?;
        let signature = text.rsplit('.').next().and_then(|part| base64url::decode(part).ok());
        Ok(Self::Jwt { token, signature_length: signature.map_or(0, |bytes| bytes.len()) })
    }

    fn to_json(&self, now: i64) -> Value {
        match self {
            Self::Session { session } => json!({ "kind": "session", "session": session }),
            Self::Refresh { session, counter } => {
                json!({ "kind": "refresh", "session": session, "counter": counter })
            }
            Self::Jwt { token, signature_length } => json!({
                "kind": "jwt",
                "header": token.header,
                "payload": token.payload,
                "problems": find_problems(token, now),
                "signature": "not checked",
                "signature_bytes": signature_length,
            }),
        }
    }

    fn to_text(&self, now: i64) -> String {
        match self {
            Self::Session { session } => format!("kind     session token\nsession  {session}"),
            Self::Refresh { session, counter } => {
                format!("kind     refresh token\nsession  {session}\ncounter  {counter}")
            }
            Self::Jwt { token, signature_length } => jwt_to_text(token, *signature_length, now),
        }
    }
}

fn jwt_to_text(token: &UnverifiedJws, signature_length: usize, now: i64) -> String {
    let mut lines = vec!["kind      JWT, signature not checked".to_owned(), "header".to_owned()];
    let names = token.header.iter().chain(token.payload.iter()).map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or(0).clamp(MIN_NAME_WIDTH, MAX_NAME_WIDTH);
    lines.extend(token.header.iter().map(|(name, value)| member_to_text(name, value, width, now)));
    lines.push("payload".to_owned());
    lines.extend(token.payload.iter().map(|(name, value)| {
        let explained = EXPLAINED_CLAIMS.iter().find(|(claim, _)| claim == name);
        let explanation = explained.map(|(_, explanation)| format!("  ({explanation})"));
        format!("{}{}", member_to_text(name, value, width, now), explanation.unwrap_or_default())
    }));

    let header = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or("missing");
    let claimed = format!("{signature_length} bytes, alg {}, kid {}", header("alg"), header("kid"));
    let claimed = escape_controls(&claimed);
    lines.push(format!("signature\n  {claimed}\n  not checked; use `counterfoil token verify`"));

    let problems = find_problems(token, now);
    lines.push(if problems.is_empty() {
        "problems  none found without the key".to_owned()
    } else {
        "problems".to_owned()
    });
    lines.extend(problems.iter().map(|problem| format!("  {}", escape_controls(problem))));
    lines.join("\n")
}

/// One line for a member; a time is also shown as a date and relative to now.
fn member_to_text(name: &str, value: &Value, width: usize, now: i64) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let time = value
        .as_i64()
        .filter(|_| TIME_CLAIMS.contains(&name))
        .map(|seconds| format!("  {} ({})", datetime::rfc3339(seconds), datetime::relative(seconds, now)));
    format!("  {:<width$} {}{}", escape_controls(name), escape_controls(&text), time.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn the_secret_of_a_token_is_not_shown() {
        let secret = "B".repeat(42) + "A";
        for token in [format!("cfs_{ID}.{secret}"), format!("cfr_{ID}.7.{secret}")] {
            let inspected = InspectedToken::parse(&token).unwrap();

            let shown = format!("{}{}", inspected.to_text(0), inspected.to_json(0));
            assert!(shown.contains(ID) && !shown.contains(&secret), "{shown}");
        }
    }

    #[test]
    fn a_malformed_token_is_an_error_that_does_not_repeat_it() {
        for malformed in ["", "hello", "cfs_", "cfr_x.1.y", "a.b.c", "eyJ.eyJ.", "\u{1b}[2J"] {
            let Err(error) = InspectedToken::parse(malformed) else { panic!("{malformed:?}") };
            assert!(malformed.len() < 4 || !format!("{error:?}").contains(malformed), "{error:?}");
        }
    }

    #[test]
    fn a_time_is_shown_as_seconds_as_a_date_and_relative_to_now() {
        assert_eq!(
            member_to_text("exp", &json!(1_764_000_000), 10, 1_764_000_000 - 720),
            "  exp        1764000000  2025-11-24T16:00:00Z (in 12 min)"
        );
    }
}
