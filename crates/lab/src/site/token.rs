//! `/lab/token`: takes a token apart, and checks its signature. Nothing of the form is stored or logged.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use counterfoil::operator::inspection::{
    GivenKeys, InspectedToken, MAX_KEY_SET_LENGTH, MAX_SECRET_LENGTH, MAX_TOKEN_LENGTH, copied_token,
    find_problems, is_time, meaning, relative_time, unix_seconds,
};
use counterfoil_pages::Moment;
use counterfoil_pages::view::lab::{JwtParts, KeyErrors, TakenApart, TokenMember, TokenView};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::site::checked::Checked;
use crate::site::labs::Labs;
use crate::site::response::{page, problem};

/// The largest body of the form in bytes: that with the longest fields, of which each byte may be three in a form, and the names
/// of the fields.
pub(super) const MAX_SIZE: usize = 3 * (MAX_TOKEN_LENGTH + MAX_KEY_SET_LENGTH + MAX_SECRET_LENGTH) + 1024;

/// The form of a token. It has no `Debug`: a token is a secret.
#[derive(Deserialize)]
pub(super) struct TokenForm {
    token: String,
    /// The public keys to check it with.
    #[serde(default)]
    jwks: String,
    /// The secret to check it with.
    #[serde(default)]
    secret: String,
}

/// Shows the form.
pub(super) async fn show() -> Response {
    page(&view(None, KeyErrors::default()))
}

/// Takes the token of the form apart.
pub(super) async fn take_apart(
    State(labs): State<Arc<Labs>>,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return refusal(rejection.into_response().status()),
    };
    let token = copied_token(&form.token);
    let keys = given_keys(&form);
    let checked = match &keys {
        Ok(None) => labs.check(token),
        Ok(Some((with, keys))) => Checked::with_given_keys(token, with, keys),
        Err(_) => Checked::with_nothing("the keys are not used"),
    };
    // A time before 1970 is no time of a running machine.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let token = inspect(token, i64::try_from(now).unwrap_or(i64::MAX), checked);
    let is_refused = matches!(token, TakenApart::Invalid { .. }) || keys.is_err();
    let mut response = page(&view(Some(token), keys.err().unwrap_or_default()));
    if is_refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

fn view(token: Option<TakenApart>, key_errors: KeyErrors) -> TokenView {
    let (max_token_kib, max_key_set_kib) = (MAX_TOKEN_LENGTH / 1024, MAX_KEY_SET_LENGTH / 1024);
    TokenView { token, key_errors, max_token_kib, max_key_set_kib }
}

fn refusal(status: StatusCode) -> Response {
    let (token, keys) = (MAX_TOKEN_LENGTH / 1024, MAX_KEY_SET_LENGTH / 1024);
    let (title, text) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => (
            "The text is too long",
            format!(
                "A token has at most {token} KiB, a key set {keys} KiB, and a secret {MAX_SECRET_LENGTH} bytes."
            ),
        ),
        _ => ("This is not the form", "The form must have the field token, once.".to_owned()),
    };
    problem(status, title, &text, "/lab/token")
}

/// The keys of the form and their name; `None` if it has none.
///
/// # Errors
///
/// Why they are not used, at the field.
fn given_keys(form: &TokenForm) -> Result<Option<(&'static str, GivenKeys)>, KeyErrors> {
    let (jwks, secret) = (form.jwks.trim(), form.secret.as_str());
    match (jwks.is_empty(), secret.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Err(KeyErrors {
            jwks: Some("a secret was sent too: give a key set or a secret, not both".to_owned()),
            secret: Some("a key set was sent too: give a key set or a secret, not both".to_owned()),
        }),
        (false, true) => match GivenKeys::from_key_set(jwks.as_bytes()) {
            Ok(keys) => Ok(Some(("the key set of the form", keys))),
            Err(error) => Err(KeyErrors { jwks: Some(error.to_string()), secret: None }),
        },
        (true, false) => match GivenKeys::from_secret(secret.as_bytes()) {
            Ok(keys) => Ok(Some(("the secret of the form", keys))),
            Err(error) => Err(KeyErrors { jwks: None, secret: Some(error.to_string()) }),
        },
    }
}

/// What the text is at the time `now`. If it is a JWT, its signature is `checked`.
fn inspect(text: &str, now: i64, checked: Checked) -> TakenApart {
    match InspectedToken::parse(text) {
        Ok(InspectedToken::Session { session }) => TakenApart::Session { session },
        Ok(InspectedToken::Refresh { session, counter }) => TakenApart::Refresh { session, counter },
        Ok(InspectedToken::Jwt { token, signature_length }) => TakenApart::Jwt(JwtParts {
            texts: text.split('.').map(str::to_owned).collect(),
            header: members(&token.header, |_, _| (None, None)),
            payload: members(&token.payload, |name, value| (time(name, value, now), meaning(name))),
            signature_bytes: signature_length,
            signature: checked.into_view(),
            problems: find_problems(&token, now),
        }),
        Err(error) => TakenApart::Invalid { problem: error.to_string(), hint: error.hint() },
    }
}

fn members(
    object: &Map<String, Value>,
    explain: impl Fn(&str, &Value) -> (Option<String>, Option<&'static str>),
) -> Vec<TokenMember> {
    let member = |(name, value): (&String, &Value)| {
        let (time, meaning) = explain(name, value);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        TokenMember { name: name.clone(), value, time, meaning }
    };
    object.iter().map(member).collect()
}

/// A claim that is a time, as a date and relative to now.
fn time(name: &str, value: &Value, now: i64) -> Option<String> {
    let seconds = unix_seconds(value).filter(|_| is_time(name))?;
    let date = u64::try_from(seconds).ok().map(|seconds| Moment::from_unix_seconds(seconds).text);
    Some(format!("{} ({})", date.unwrap_or_else(|| seconds.to_string()), relative_time(seconds, now)))
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::base64url;
    use serde_json::json;

    use super::*;

    const NOON: i64 = 1_764_000_000;

    fn token(header: &Value, payload: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        format!("{}.{}.AAAA", part(header), part(payload))
    }

    fn taken_apart(header: &Value, payload: &Value) -> JwtParts {
        match inspect(&token(header, payload), NOON, Checked::with_nothing("no key")) {
            TakenApart::Jwt(parts) => parts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_is_shown_with_its_times_and_problems() {
        let parts = taken_apart(&json!({ "alg": "none" }), &json!({ "exp": NOON - 720, "x": [1] }));

        assert_eq!(parts.texts.len(), 3);
        assert_eq!((parts.header[0].name.as_str(), parts.header[0].value.as_str()), ("alg", "none"));
        assert_eq!(parts.payload[0].time.as_deref(), Some("2025-11-24 15:48 UTC (12 min ago)"));
        assert_eq!(parts.payload[0].meaning, Some("from this time on it is not valid"));
        assert_eq!((parts.payload[1].value.as_str(), parts.payload[1].meaning), ("[1]", None));
        for problem in ["alg none", "expired", "no iss"] {
            assert!(parts.problems.iter().any(|found| found.contains(problem)), "{problem}");
        }
    }

    #[test]
    fn a_time_that_no_calendar_has_is_a_number() {
        for seconds in [i64::MIN, -1, i64::MAX] {
            let shown = time("exp", &json!(seconds), NOON).unwrap();
            assert!(shown.starts_with(&seconds.to_string()), "{shown}");
        }
        assert_eq!(time("exp", &json!(0.5), NOON).as_deref(), Some("1970-01-01 00:00 UTC (20416 d ago)"));
        assert_eq!(time("exp", &json!("soon"), NOON), None);
        assert_eq!(time("pos", &json!(NOON), NOON), None);
    }

    #[test]
    fn of_other_tokens_only_the_public_part_is_kept() {
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        let secret = "B".repeat(42) + "A";
        for text in [format!("cfs_{id}.{secret}"), format!("cfr_{id}.7.{secret}")] {
            let shown = format!("{:?}", inspect(&text, NOON, Checked::with_nothing("no key")));
            assert!(shown.contains(id) && !shown.contains(&secret), "{shown}");
        }
        assert!(matches!(
            inspect("hello", NOON, Checked::with_nothing("no key")),
            TakenApart::Invalid { .. }
        ));
    }
}
