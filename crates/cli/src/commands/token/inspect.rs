//! `counterfoil token inspect`: shows the content of a token, and checks its signature if a key is given.

use std::path::PathBuf;

use clap::Args;
use counterfoil::operator::inspection::{
    GivenKeys, InspectedToken, MAX_KEY_SET_LENGTH, MAX_SECRET_LENGTH, SignatureCheck, explanation,
    find_problems, is_time, unix_seconds,
};
use counterfoil_jose::UnverifiedJws;
use serde_json::{Value, json};

use crate::commands::token::read_token;
use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::input_file::{read_bytes, without_newline};
use crate::output::{print_json, print_line};
use crate::standard_input::{display_name, is_standard_input};

/// The width of the narrowest column of names.
const MIN_NAME_WIDTH: usize = 10;

/// The width of the widest column of names; a longer name moves its value to the right.
const MAX_NAME_WIDTH: usize = 24;

/// The options of `token inspect`.
#[derive(Args)]
pub(crate) struct InspectOptions {
    /// The token, or `-` for standard input, which other processes cannot see.
    token: String,
    /// Check the signature with this key set: a file, or `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    jwks: Option<PathBuf>,
    /// Check the signature with the bytes of the shared secret in this file, or `-` for standard input; one trailing newline
    /// is removed. For HS256 it has 32 bytes or more.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InspectOptions {
    /// Prints the content of the token. The exit status is 0 only if no key was given, or its signature is valid.
    pub(crate) fn run(&self) -> Result<(), CliError> {
        let key_file = self.jwks.as_ref().or(self.secret_file.as_ref());
        if self.token == "-" && key_file.is_some_and(|file| is_standard_input(file)) {
            return Err(CliError::usage("only one of the token and the key can be read from standard input"));
        }
        let keys = self.read_keys()?;
        let token = read_token(&self.token)?;
        let inspected = InspectedToken::parse(&token)
            .map_err(|error| CliError::failure(error.to_string()).with_hint(error.hint()))?;
        let is_jwt = matches!(inspected, InspectedToken::Jwt { .. });
        if keys.is_some() && !is_jwt {
            return Err(CliError::failure("only a JWT has a signature").with_hint("leave the keys out"));
        }
        let check = keys.map(|keys| SignatureCheck::with_given_keys(&token, &keys));
        let unsigned = match &inspected {
            InspectedToken::Jwt { token, .. } => SignatureCheck::of_unsigned(token),
            InspectedToken::Session { .. } | InspectedToken::Refresh { .. } => None,
        };
        let (shown, now) = (check.as_ref().or(unsigned.as_ref()), datetime::now());
        match self.json {
            true => print_json(&to_json(&inspected, shown, now))?,
            false => print_line(&to_text(&inspected, shown, now))?,
        }
        match check {
            Some(check) if !check.is_valid() => {
                Err(CliError::failure(format!("the signature is {}", check.summary())))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn read_keys(&self) -> Result<Option<GivenKeys>, CliError> {
        let (file, keys) = match (&self.jwks, &self.secret_file) {
            (Some(file), _) => {
                let text = read_bytes(file, MAX_KEY_SET_LENGTH as u64)?;
                (file, GivenKeys::from_key_set(text.expose()))
            }
            (None, Some(file)) => {
                let text = read_bytes(file, MAX_SECRET_LENGTH as u64 + 2)?;
                (file, GivenKeys::from_secret(without_newline(text.expose())))
            }
            (None, None) => return Ok(None),
        };
        let cannot_use = |error| CliError::with_cause(&format!("cannot use {}", display_name(file)), &error);
        keys.map(Some).map_err(cannot_use)
    }
}

fn to_json(inspected: &InspectedToken, check: Option<&SignatureCheck>, now: i64) -> Value {
    match inspected {
        InspectedToken::Session { session } => json!({ "kind": "session", "session": session }),
        InspectedToken::Refresh { session, counter } => {
            json!({ "kind": "refresh", "session": session, "counter": counter })
        }
        InspectedToken::Jwt { token, signature_length } => json!({
            "kind": "jwt",
            "header": token.header,
            "payload": token.payload,
            "problems": find_problems(token, now),
            "signature": check.map_or("not checked", SignatureCheck::summary),
            "signature_bytes": signature_length,
            "explanation": check.map(SignatureCheck::explanation).unwrap_or_default(),
        }),
    }
}

fn to_text(inspected: &InspectedToken, check: Option<&SignatureCheck>, now: i64) -> String {
    match inspected {
        InspectedToken::Session { session } => format!("kind     session token\nsession  {session}"),
        InspectedToken::Refresh { session, counter } => {
            format!("kind     refresh token\nsession  {session}\ncounter  {counter}")
        }
        InspectedToken::Jwt { token, signature_length } => jwt_to_text(token, *signature_length, check, now),
    }
}

fn jwt_to_text(
    token: &UnverifiedJws,
    signature_length: usize,
    check: Option<&SignatureCheck>,
    now: i64,
) -> String {
    let result = check.map_or("not checked", SignatureCheck::summary);
    let mut lines = vec![format!("kind      JWT, signature {result}"), "header".to_owned()];
    let names = token.header.iter().chain(token.payload.iter()).map(|(name, _)| name.chars().count());
    let width = names.max().unwrap_or(0).clamp(MIN_NAME_WIDTH, MAX_NAME_WIDTH);
    lines.extend(token.header.iter().map(|(name, value)| member_to_text(name, value, width, now)));
    lines.push("payload".to_owned());
    lines.extend(token.payload.iter().map(|(name, value)| {
        let explanation = explanation(name).map(|explanation| format!("  ({explanation})"));
        format!("{}{}", member_to_text(name, value, width, now), explanation.unwrap_or_default())
    }));

    let header = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or("missing");
    let claimed = format!("{signature_length} bytes, alg {}, kid {}", header("alg"), header("kid"));
    lines.extend(["signature".to_owned(), format!("  {}", escape_controls(&claimed))]);
    match check {
        Some(check) => {
            lines.extend(check.explanation().iter().map(|sentence| format!("  {}", escape_controls(sentence))));
        }
        None => lines.push(
            "  not checked; use --jwks or --secret-file, or `counterfoil token verify` for all checks of a verifier".to_owned(),
        ),
    }

    let problems = find_problems(token, now);
    lines.push(if problems.is_empty() {
        "problems  none found in the header and the claims".to_owned()
    } else {
        "problems".to_owned()
    });
    lines.extend(problems.iter().map(|problem| format!("  {}", escape_controls(problem))));
    if !problems.is_empty() {
        let scope = "  (what an access token of Counterfoil must have; a token of another issuer may lack some of it)";
        lines.push(scope.to_owned());
    }
    lines.join("\n")
}

/// One line for a member; a time is also shown as a date and relative to now.
fn member_to_text(name: &str, value: &Value, width: usize, now: i64) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let time = unix_seconds(value)
        .filter(|_| is_time(name))
        .map(|seconds| format!("  {} ({})", datetime::rfc3339(seconds), datetime::relative(seconds, now)));
    format!("  {:<width$} {}{}", escape_controls(name), escape_controls(&text), time.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_seconds_as_a_date_and_relative_to_now() {
        assert_eq!(
            member_to_text("exp", &json!(1_764_000_000), 10, 1_764_000_000 - 720),
            "  exp        1764000000  2025-11-24T16:00:00Z (in 12 min)"
        );
    }
}
