//! What can be seen to be wrong with an access token without its key.

use counterfoil_jose::{Algorithm, UnverifiedJws};
use serde_json::Value;

/// How far clocks may differ, in seconds: what our verifiers allow.
const LEEWAY: i64 = 60;

/// Claims that every access token has (RFC 9068, section 2.2), and those without which our own verifiers
/// refuse it.
const CLAIMS: [&str; 9] = ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "pos"];

/// Everything that is wrong with `token` at `now`, each in words for a person.
pub(crate) fn of(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let mut wrong = header_faults(token);
    wrong.extend(
        CLAIMS.iter().filter(|name| !token.payload.contains_key(**name)).map(|name| format!("no {name}")),
    );
    wrong.extend(time_faults(token, now));
    wrong
}

fn header_faults(token: &UnverifiedJws) -> Vec<String> {
    let text = |name: &str| token.header.get(name).and_then(Value::as_str);
    let mut wrong = Vec::new();
    match text("alg") {
        Some("none") => wrong.push("alg is none: anybody can have written this".to_owned()),
        Some(alg) if alg.parse::<Algorithm>().is_ok() => {}
        Some(alg) => wrong.push(format!("alg {alg} is not one of ours")),
        None => wrong.push("no alg".to_owned()),
    }
    if !text("typ").is_some_and(|typ| {
        typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
    }) {
        wrong.push("typ is not at+jwt: no access token (RFC 9068, section 2.1)".to_owned());
    }
    if text("kid").is_none() {
        wrong.push("no kid: a verifier cannot find the key".to_owned());
    }
    wrong
}

fn time_faults(token: &UnverifiedJws, now: i64) -> Vec<String> {
    let time = |name: &str| token.payload.get(name).and_then(Value::as_i64);
    let mut wrong = Vec::new();
    if time("exp").is_some_and(|exp| exp.saturating_add(LEEWAY) <= now) {
        wrong.push("expired".to_owned());
    }
    for name in ["nbf", "iat"] {
        if time(name).is_some_and(|begin| begin > now.saturating_add(LEEWAY)) {
            wrong.push(format!("{name} is in the future"));
        }
    }
    if let (Some(iat), Some(exp)) = (time("iat"), time("exp"))
        && exp <= iat
    {
        wrong.push("exp is not after iat".to_owned());
    }
    wrong
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

    fn good() -> UnverifiedJws {
        token(
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k" }),
            json!({ "iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": NOON, "exp": NOON + 900,
                    "jti": "j", "sid": "x", "pos": 1 }),
        )
    }

    #[test]
    fn a_good_token_raises_no_suspicion() {
        assert_eq!(of(&good(), NOON), [""; 0]);
    }

    #[test]
    fn an_expired_token_is_called_so_after_the_leeway() {
        assert_eq!(of(&good(), NOON + 959), [""; 0]);
        assert_eq!(of(&good(), NOON + 960), ["expired"]);
    }

    #[test]
    fn a_token_from_the_future_is_noticed() {
        assert_eq!(of(&good(), NOON - 61), ["iat is in the future"]);
    }

    #[test]
    fn every_missing_part_is_named() {
        let wrong = of(&token(json!({ "alg": "none" }), json!({})), NOON);

        assert_eq!(wrong.len(), 3 + CLAIMS.len());
        assert!(wrong[0].contains("none"), "{wrong:?}");
    }
}
