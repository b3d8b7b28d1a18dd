//! Checks of an access token that need no key: algorithm, type, claims and times.

use counterfoil_jose::{Algorithm, UnverifiedJws};
use serde_json::Value;

/// The difference between clocks that our verifiers allow, in seconds.
const LEEWAY: i64 = 60;

/// Claims that our verifiers require: those of RFC 9068, section 2.2, and our own.
const REQUIRED_CLAIMS: [&str; 9] = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "pos"];

/// What can be found wrong with `token` at the time `now` without its key, each as a message. A verifier checks more.
#[must_use]
pub fn find_problems(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let mut problems = header_problems(token);
    problems.extend(
        REQUIRED_CLAIMS
            .iter()
            .filter(|name| !token.payload.contains_key(**name))
            .map(|name| format!("no {name}")),
    );
    problems.extend(time_problems(token, now));
    problems
}

fn header_problems(token: &UnverifiedJws) -> Vec<String> {
    let text = |name: &str| token.header.get(name).and_then(Value::as_str);
    let mut problems = Vec::new();
    match text("alg") {
        Some("none") => problems.push("alg none: the token is unsigned, anyone can forge it".to_owned()),
        Some(alg) if alg.parse::<Algorithm>().is_ok() => {}
        Some(alg) => problems.push(format!("alg {alg} is not supported")),
        None => problems.push("no alg".to_owned()),
    }
    if !text("typ").is_some_and(|typ| {
        typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
    }) {
        problems.push("typ is not at+jwt: not an access token (RFC 9068, section 2.1)".to_owned());
    }
    if text("kid").is_none() {
        problems.push("no kid: a verifier cannot find the key".to_owned());
    }
    problems
}

fn time_problems(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let time = |name: &str| token.payload.get(name).and_then(Value::as_i64);
    let mut problems = Vec::new();
    if time("exp").is_some_and(|exp| exp.saturating_add(LEEWAY) <= now) {
        problems.push("expired".to_owned());
    }
    for name in ["nbf", "iat"] {
        if time(name).is_some_and(|start| start > now.saturating_add(LEEWAY)) {
            problems.push(format!("{name} is in the future"));
        }
    }
    if let (Some(iat), Some(exp)) = (time("iat"), time("exp"))
        && exp <= iat
    {
        problems.push("exp is not after iat".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOON: i64 = 1_764_000_000;

    fn token(header: Value, payload: Value) -> UnverifiedJws {
        let object = |value: Value| value.as_object().cloned().unwrap();
        UnverifiedJws { header: object(header), payload: object(payload) }
    }

    fn valid_token() -> UnverifiedJws {
        token(
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k" }),
            json!({ "iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": NOON, "exp": NOON + 900,
                    "jti": "j", "sid": "x", "pos": 1 }),
        )
    }

    #[test]
    fn a_valid_token_has_no_problems() {
        assert_eq!(find_problems(&valid_token(), NOON), [""; 0]);
    }

    #[test]
    fn a_token_is_expired_after_the_leeway() {
        assert_eq!(find_problems(&valid_token(), NOON + 959), [""; 0]);
        assert_eq!(find_problems(&valid_token(), NOON + 960), ["expired"]);
    }

    #[test]
    fn a_token_that_was_issued_in_the_future_is_reported() {
        assert_eq!(find_problems(&valid_token(), NOON - 61), ["iat is in the future"]);
    }

    #[test]
    fn every_missing_member_is_reported() {
        let problems = find_problems(&token(json!({ "alg": "none" }), json!({})), NOON);

        assert_eq!(problems.len(), 3 + REQUIRED_CLAIMS.len());
        assert!(problems[0].contains("none"), "{problems:?}");
    }
}
