//! `counterfoil token inspect`: what a token says about itself, without any key.

use clap::Args;
use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_jose::base64url;
use counterfoil_jose::unverified::{self, UnverifiedJws};
use serde_json::{Value, json};

use crate::commands::suspicion;
use crate::commands::token::text_of;
use crate::datetime;
use crate::fault::Fault;
use crate::printable::printable;
use crate::show;

/// Claims that are a time, in Unix seconds (RFC 7519, section 4.1; OpenID Connect's `auth_time`).
const TIMES: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

/// Which token, and how to show it.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The token, or `-` for standard input, which no other process can see.
    token: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    /// Looks, and tells.
    pub(crate) fn run(self) -> Result<(), Fault> {
        let token = text_of(self.token)?;
        let seen = Seen::look(&token)?;
        let now = datetime::now();
        if self.json {
            return show::json(&seen.as_json(now));
        }
        show::say(&seen.as_text(now))
    }
}

/// What there is to see. Secrets are left behind here.
enum Seen {
    Session { session: String },
    Refresh { session: String, turn: u64 },
    Jwt { token: UnverifiedJws, signature: usize },
}

impl Seen {
    /// Tells the kinds apart.
    fn look(token: &str) -> Result<Self, Fault> {
        let malformed = |kind: &str| {
            Fault::failure(format!("this begins like a {kind} token and is not one"))
                .hint("was it cut, or does it hold a blank or a line break?")
        };
        if token.starts_with(SessionToken::PREFIX) {
            let shown: SessionToken = token.parse().map_err(|_| malformed("session"))?;
            return Ok(Self::Session { session: shown.session().to_string() });
        }
        if token.starts_with(RefreshToken::PREFIX) {
            let shown: RefreshToken = token.parse().map_err(|_| malformed("refresh"))?;
            return Ok(Self::Refresh { session: shown.session().to_string(), turn: shown.counter() });
        }
        let peeked = unverified::decode(token).map_err(|reason| {
            Fault::because("this is not a token", &reason).hint("a token begins with cfs_, cfr_ or eyJ")
        })?;
        let signature = token.rsplit('.').next().and_then(|part| base64url::decode(part).ok());
        Ok(Self::Jwt { token: peeked, signature: signature.map_or(0, |bytes| bytes.len()) })
    }

    fn as_json(&self, now: i64) -> Value {
        match self {
            Self::Session { session } => json!({ "kind": "session", "session": session }),
            Self::Refresh { session, turn } => json!({ "kind": "refresh", "session": session, "turn": turn }),
            Self::Jwt { token, signature } => json!({
                "kind": "jwt",
                "header": token.header,
                "payload": token.payload,
                "wrong": suspicion::of(token, now),
                "signature": "not checked",
                "signature_bytes": signature,
            }),
        }
    }

    fn as_text(&self, now: i64) -> String {
        match self {
            Self::Session { session } => format!("kind     session token\nsession  {session}"),
            Self::Refresh { session, turn } => {
                format!("kind     refresh token\nsession  {session}\nturn     {turn}")
            }
            Self::Jwt { token, signature } => jwt_as_text(token, *signature, now),
        }
    }
}

fn jwt_as_text(token: &UnverifiedJws, signature: usize, now: i64) -> String {
    let mut lines = vec!["kind     JWT, its signature not checked".to_owned(), "header".to_owned()];
    lines.extend(token.header.iter().map(|(name, value)| member(name, value, now)));
    lines.push("payload".to_owned());
    lines.extend(token.payload.iter().map(|(name, value)| member(name, value, now)));

    let said = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or("unnamed");
    let by = format!("{signature} bytes, said to be {} by the key {}", said("alg"), said("kid"));
    lines.push(format!("signature\n  {}\n  not checked: `counterfoil token verify` does", printable(&by)));

    let wrong = suspicion::of(token, now);
    lines.push(if wrong.is_empty() {
        "wrong    nothing to be seen without the key".to_owned()
    } else {
        "wrong".to_owned()
    });
    lines.extend(wrong.iter().map(|reason| format!("  {}", printable(reason))));
    lines.join("\n")
}

/// One line: a text as it is, a time also as a date and as a distance from now.
fn member(name: &str, value: &Value, now: i64) -> String {
    let shown = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let time = value
        .as_i64()
        .filter(|_| TIMES.contains(&name))
        .map(|seconds| format!("  {} ({})", datetime::rfc3339(seconds), datetime::relative(seconds, now)));
    format!("  {:<10} {}{}", printable(name), printable(&shown), time.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn a_secret_is_never_shown_again() {
        let secret = "B".repeat(42) + "A";
        for token in [format!("cfs_{ID}.{secret}"), format!("cfr_{ID}.7.{secret}")] {
            let seen = Seen::look(&token).unwrap();

            let shown = format!("{}{}", seen.as_text(0), seen.as_json(0));
            assert!(shown.contains(ID) && !shown.contains(&secret), "{shown}");
        }
    }

    #[test]
    fn garbage_is_refused_without_being_repeated() {
        for garbage in ["", "hello", "cfs_", "cfr_x.1.y", "a.b.c", "eyJ.eyJ.", "\u{1b}[2J"] {
            let Err(fault) = Seen::look(garbage) else { panic!("{garbage:?}") };
            assert!(garbage.len() < 4 || !format!("{fault:?}").contains(garbage), "{fault:?}");
        }
    }

    #[test]
    fn a_time_is_told_in_three_ways() {
        assert_eq!(
            member("exp", &json!(1_764_000_000), 1_764_000_000 - 720),
            "  exp        1764000000  2025-11-24T16:00:00Z (in 12 min)"
        );
    }
}
