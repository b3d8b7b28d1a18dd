//! What the claims of an access token mean, in words.

use serde_json::Value;

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

/// What the other claims mean, whose names are known from RFC 7519, RFC 9068 and OpenID Connect.
const STANDARD_CLAIMS: [(&str, &str); 8] = [
    ("iss", "the issuer, which has signed it"),
    ("aud", "the services that it is for"),
    ("client_id", "the client that has logged in"),
    ("scope", "what it may be used for"),
    ("iat", "when it was issued"),
    ("nbf", "before this time it is not valid"),
    ("exp", "from this time on it is not valid"),
    ("auth_time", "when the user gave the password"),
];

/// Whether the claim is a time in Unix seconds.
#[must_use]
pub fn is_time(name: &str) -> bool {
    TIME_CLAIMS.contains(&name)
}

/// The Unix seconds of a time, for display; a fraction of a second, which RFC 7519, section 2, allows, is
/// rounded down.
#[must_use]
pub fn unix_seconds(time: &Value) -> Option<i64> {
    time.as_i64().or_else(|| time.as_f64().map(|seconds| seconds.floor() as i64))
}

/// What a claim means that a reader may not know; `None` for the common ones of RFC 7519.
#[must_use]
pub fn explanation(name: &str) -> Option<&'static str> {
    find(&EXPLAINED_CLAIMS, name)
}

/// What a claim means; `None` for one that is not known.
#[must_use]
pub fn meaning(name: &str) -> Option<&'static str> {
    explanation(name).or_else(|| find(&STANDARD_CLAIMS, name))
}

/// Every claim whose meaning is known, with the meaning.
pub fn known_claims() -> impl Iterator<Item = (&'static str, &'static str)> {
    EXPLAINED_CLAIMS.into_iter().chain(STANDARD_CLAIMS)
}

fn find(claims: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    claims.iter().find(|(claim, _)| *claim == name).map(|(_, meaning)| *meaning)
}

/// The time from `now` to `seconds`, in the largest unit that fits: `in 12 min`, `3 h ago`, `now`.
#[must_use]
pub fn relative_time(seconds: i64, now: i64) -> String {
    let distance = seconds.saturating_sub(now);
    let (count, unit) = match distance.unsigned_abs() {
        0 => return "now".to_owned(),
        seconds @ 1..120 => (seconds, "s"),
        seconds @ 120..7_200 => (seconds / 60, "min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "h"),
        seconds => (seconds / 86_400, "d"),
    };
    if distance > 0 { format!("in {count} {unit}") } else { format!("{count} {unit} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_time_has_a_fitting_unit() {
        assert_eq!(relative_time(100, 100), "now");
        assert_eq!(relative_time(1_000, 280), "in 12 min");
        assert_eq!(relative_time(0, 7_200), "2 h ago");
        assert_eq!(relative_time(i64::MAX, i64::MIN), "in 106751991167300 d");
    }

    #[test]
    fn a_time_with_a_fraction_is_that_of_its_second() {
        let cases = [
            ("7", Some(7)),
            ("7.9", Some(7)),
            ("-0.5", Some(-1)),
            ("1e300", Some(i64::MAX)),
            ("\"7\"", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(unix_seconds(&serde_json::from_str(text).unwrap()), seconds, "{text}");
        }
    }

    #[test]
    fn every_time_has_a_meaning_and_only_known_claims_have_one() {
        assert!(TIME_CLAIMS.iter().all(|name| meaning(name).is_some()));
        assert_eq!((meaning("exp2"), explanation("exp")), (None, None));
    }
}
