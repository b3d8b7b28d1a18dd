//! Checks of an access token that need no key: algorithm, type, claims and times.

use counterfoil_jose::{Algorithm, UnverifiedJws};
use counterfoil_verify::{AccessClaims, TokenVerifierBuilder};
use serde_json::{Map, Value, json};

use crate::operations::inspection::claims::{is_time, unix_seconds};
use crate::operations::inspection::inspected_token::is_unsigned;

/// The difference between clocks that our verifiers allow, in seconds.
const LEEWAY: i64 = TokenVerifierBuilder::MAX_LEEWAY.as_secs().cast_signed();

/// The longest lifetime that our verifiers accept by default, in seconds.
const MAX_LIFETIME: i64 = TokenVerifierBuilder::DEFAULT_MAX_LIFETIME.as_secs().cast_signed();

/// What is wrong with an unsigned token (RFC 8725, section 3.2).
const UNSIGNED: &str = "alg none: the token is unsigned, so anyone can have written it. Accept no such token, and let its issuer \
                        sign its tokens";

/// What can be found wrong with `token` at the time `now` without its key, each as a message. A verifier checks more.
#[must_use]
pub fn find_problems(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let mut problems = header_problems(token);
    problems.extend(claim_problems(&token.payload));
    problems.extend(time_problems(token, now));
    problems
}

fn header_problems(token: &UnverifiedJws) -> Vec<String> {
    let text = |name: &str| token.header.get(name).and_then(Value::as_str);
    let mut problems = Vec::new();
    match text("alg") {
        Some(_) if is_unsigned(token) => problems.push(UNSIGNED.to_owned()),
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

/// Claims that our verifiers accept, with nothing but what they require: those of RFC 9068, section 2.2, and our own.
fn required_claims() -> Map<String, Value> {
    const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    let claims = json!({
        "iss": "a", "aud": "a", "sub": "a", "client_id": "a", "iat": 0, "exp": 0, "jti": ID, "sid": ID,
        "auth_time": 0, "amr": [], "pos": 0,
    });
    claims.as_object().cloned().unwrap_or_default()
}

/// The claims that are missing, and those that a verifier does not accept. Each claim is read by the parser of the verifier,
/// among others that it accepts, so that both decide alike.
fn claim_problems(payload: &Map<String, Value>) -> Vec<String> {
    let required = required_claims();
    let missing =
        required.keys().filter(|name| !payload.contains_key(*name)).map(|name| format!("no {name}"));
    let is_accepted = |name: &str, value: &Value| {
        let mut claims = required.clone();
        claims.insert(name.to_owned(), value.clone());
        AccessClaims::from_json(Value::from(claims).to_string().as_bytes()).is_ok()
    };
    let registered = payload.iter().filter(|(name, _)| AccessClaims::is_registered(name));
    let malformed = registered.filter(|(name, value)| !is_accepted(name, value));
    missing.chain(malformed.map(|(name, _)| malformed_claim(name))).collect()
}

fn malformed_claim(name: &str) -> String {
    let expected = match name {
        // A fraction of a second is allowed by RFC 7519, section 2, and not by RFC 9068 as our verifiers read it.
        name if is_time(name) => "a whole number of seconds",
        "cnf" => return "cnf: the token is bound to a key of its holder, which is not supported".to_owned(),
        "aud" => "a text, or a list with at least one text",
        "amr" | "roles" => "a list of texts",
        "jti" | "sid" => "an id of 22 characters",
        "pos" => "a whole number",
        "client_id" => "the name of a client",
        "status" => "a reference to a status list",
        _ => "a text",
    };
    format!("{name} must be {expected}")
}

fn time_problems(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let time = |name: &str| token.payload.get(name).and_then(unix_seconds);
    let mut problems = Vec::new();
    if time("exp").is_some_and(|exp| exp.saturating_add(LEEWAY) <= now) {
        problems.push("expired".to_owned());
    }
    for name in ["nbf", "iat"] {
        if time(name).is_some_and(|start| start > now.saturating_add(LEEWAY)) {
            problems.push(format!("{name} is in the future"));
        }
    }
    if let (Some(iat), Some(exp)) = (time("iat"), time("exp")) {
        let lifetime = exp.saturating_sub(iat);
        if lifetime <= 0 {
            problems.push("exp is not after iat".to_owned());
        } else if lifetime > MAX_LIFETIME {
            problems.push(format!(
                "a lifetime of {lifetime} s: verifiers accept at most {MAX_LIFETIME} s, unless they are configured otherwise"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_764_000_000;

    fn token(header: Value, payload: Value) -> UnverifiedJws {
        let object = |value: Value| value.as_object().cloned().unwrap();
        UnverifiedJws { header: object(header), payload: object(payload) }
    }

    fn valid_token() -> UnverifiedJws {
        token(
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k" }),
            json!({ "iss": "i", "aud": ["a"], "sub": "s", "client_id": "c", "iat": NOON, "exp": NOON + 900,
                    "jti": "A".repeat(22), "sid": "A".repeat(22), "pos": 1, "auth_time": NOON, "amr": ["pwd"],
                    "tenant": 7 }),
        )
    }

    /// What is found at noon in a valid token with another value of one claim.
    fn problems_with(name: &str, value: Value) -> Vec<String> {
        let mut token = valid_token();
        token.payload.insert(name.to_owned(), value);
        find_problems(&token, NOON)
    }

    #[test]
    fn a_valid_token_has_no_problems() {
        assert_eq!(find_problems(&valid_token(), NOON), [""; 0]);
        assert_eq!(problems_with("nbf", json!(NOON)), [""; 0]);
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

        assert_eq!(problems.len(), 3 + required_claims().len());
        assert!(problems[0].contains("none"), "{problems:?}");
        for name in ["no auth_time", "no amr"] {
            assert!(problems.iter().any(|problem| problem == name), "{problems:?}");
        }
    }

    /// The parser of the verifier decides what is required.
    #[test]
    fn the_claims_that_are_reported_as_missing_are_those_that_a_verifier_requires() {
        let parse = |claims: Map<String, Value>| {
            AccessClaims::from_json(Value::from(claims).to_string().as_bytes()).map(drop)
        };
        assert_eq!(parse(required_claims()), Ok(()));
        for name in required_claims().keys() {
            let mut without = required_claims();
            without.remove(name);
            assert_eq!(parse(without).unwrap_err().missing_member(), Some(name.as_str()));
        }
    }

    #[test]
    fn a_date_that_is_no_whole_number_of_seconds_is_reported_and_still_compared() {
        for value in [json!(NOON as f64 + 0.5), json!("soon"), json!(null), json!(-1), json!(1_u64 << 53)] {
            let problems = problems_with("auth_time", value.clone());
            assert_eq!(problems, ["auth_time must be a whole number of seconds"], "{value}");
        }
        let expired = problems_with("exp", json!(NOON as f64 - 60.5));
        assert_eq!(
            expired,
            ["exp must be a whole number of seconds", "expired", "exp is not after iat"],
            "as before for whole seconds"
        );
    }

    #[test]
    fn a_claim_of_another_type_is_reported_by_its_name() {
        for (name, value, problem) in [
            ("aud", json!([]), "aud must be a text, or a list with at least one text"),
            ("amr", json!("pwd"), "amr must be a list of texts"),
            ("sid", json!("7"), "sid must be an id of 22 characters"),
            ("pos", json!("7"), "pos must be a whole number"),
            ("client_id", json!(""), "client_id must be the name of a client"),
            ("status", json!(1), "status must be a reference to a status list"),
            ("scope", json!(["a"]), "scope must be a text"),
            ("cnf", json!({}), "cnf: the token is bound to a key of its holder, which is not supported"),
        ] {
            assert_eq!(problems_with(name, value), [problem]);
        }
    }

    #[test]
    fn a_lifetime_of_more_than_an_hour_is_reported() {
        assert_eq!(problems_with("exp", json!(NOON + 3600)), [""; 0]);
        let problems = problems_with("exp", json!(NOON + 3601));
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("a lifetime of 3601 s: verifiers accept at most 3600 s"),
            "{problems:?}"
        );
        assert_eq!(problems_with("exp", json!(NOON)), ["exp is not after iat"]);
    }
}
