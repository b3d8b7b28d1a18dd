//! `counterfoil token inspect`: shows the content of a token, without any key.

use clap::Args;
use counterfoil::operator::inspection::{
    InspectedToken, InspectionError, explanation, find_problems, is_time,
};
use counterfoil_jose::UnverifiedJws;
use serde_json::{Value, json};

use crate::commands::token::read_token;
use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The width of the narrowest column of names.
const MIN_NAME_WIDTH: usize = 10;

/// The width of the widest column of names; a longer name moves its value to the right.
const MAX_NAME_WIDTH: usize = 24;

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
        let inspected = InspectedToken::parse(&token).map_err(|error| to_cli_error(&error))?;
        let now = datetime::now();
        if self.json {
            return print_json(&to_json(&inspected, now));
        }
        print_line(&to_text(&inspected, now))
    }
}

fn to_cli_error(error: &InspectionError) -> CliError {
    let message = error.to_string();
    let cli_error = match error {
        InspectionError::NotAToken(cause) => CliError::with_cause(&message, cause),
        _ => CliError::failure(message),
    };
    cli_error.with_hint(error.hint())
}

fn to_json(inspected: &InspectedToken, now: i64) -> Value {
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
            "signature": "not checked",
            "signature_bytes": signature_length,
        }),
    }
}

fn to_text(inspected: &InspectedToken, now: i64) -> String {
    match inspected {
        InspectedToken::Session { session } => format!("kind     session token\nsession  {session}"),
        InspectedToken::Refresh { session, counter } => {
            format!("kind     refresh token\nsession  {session}\ncounter  {counter}")
        }
        InspectedToken::Jwt { token, signature_length } => jwt_to_text(token, *signature_length, now),
    }
}

fn jwt_to_text(token: &UnverifiedJws, signature_length: usize, now: i64) -> String {
    let mut lines = vec!["kind      JWT, signature not checked".to_owned(), "header".to_owned()];
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
