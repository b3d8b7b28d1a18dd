//! Strict `NumericDate` for serde: whole seconds, not negative, below 2^53 (RFC 7519, section 2).
//!
//! Use it with `#[serde(with = "...")]` on a [`Time`]. A string, a float, `null`, a boolean and a negative
//! number are errors; none of them means "no limit".
//!
//! ```
//! use counterfoil_jose::{Time, json, numeric_date};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Claims {
//!     #[serde(with = "numeric_date")]
//!     exp: Time,
//!     #[serde(default, with = "numeric_date::optional")]
//!     nbf: Option<Time>,
//! }
//!
//! let claims: Claims = json::parse(br#"{"exp":1764000000}"#)?;
//! assert_eq!((claims.exp, claims.nbf), (Time::from_unix_seconds(1_764_000_000), None));
//! assert!(json::parse::<Claims>(br#"{"exp":"1764000000"}"#).is_err());
//! assert!(json::parse::<Claims>(br#"{"exp":1764000000,"nbf":null}"#).is_err());
//! # Ok::<(), counterfoil_jose::JsonError>(())
//! ```

use std::fmt;

use serde::{Deserializer, Serializer, de};

use crate::time::Time;

/// The exclusive upper bound, 2^53: all smaller integers are exact in every JSON parser (RFC 7493, section
/// 2.2).
pub const UPPER_BOUND: u64 = 1 << 53;

/// Serializes whole seconds, rounded down.
pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.unix_seconds())
}

/// Deserializes whole seconds.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    deserialize_seconds(deserializer).map(Time::from_unix_seconds)
}

/// Deserializes whole seconds as a number, with the same limits.
pub fn deserialize_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    // A float, a string and a negative number all end in the error of the visitor.
    deserializer.deserialize_u64(WholeSecondsVisitor)
}

/// The same for an optional member. If the member is present, it must be a number: `null` is rejected.
pub mod optional {
    use serde::{Deserializer, Serializer};

    use crate::time::Time;

    /// Serializes whole seconds. Combine it with `skip_serializing_if = "Option::is_none"`.
    pub fn serialize<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Deserializes whole seconds. Combine it with `default`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

struct WholeSecondsVisitor;

impl de::Visitor<'_> for WholeSecondsVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of seconds")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<u64, E> {
        if seconds < UPPER_BOUND {
            Ok(seconds)
        } else {
            Err(E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::{Time, json};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Dates {
        #[serde(with = "super")]
        exp: Time,
        #[serde(default, with = "super::optional", skip_serializing_if = "Option::is_none")]
        nbf: Option<Time>,
    }

    fn parse(exp: &str) -> Result<Dates, json::JsonError> {
        json::parse(format!("{{\"exp\":{exp}}}").as_bytes())
    }

    #[test]
    fn only_whole_seconds_are_accepted() {
        for invalid in [
            "\"99999999999\"",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "-1",
            "-0.0",
            "1.0",
            "1.5",
            "1e3",
            "1e999",
            "NaN",
            "Infinity",
            "9007199254740992",
            "18446744073709551616",
            "\"\"",
        ] {
            assert!(parse(invalid).is_err(), "{invalid}");
        }
        assert!(json::parse::<Dates>(b"{}").is_err());
        assert_eq!(parse("0").unwrap().exp, Time::EPOCH);
        assert_eq!(parse("9007199254740991").unwrap().exp, Time::from_unix_seconds(9_007_199_254_740_991));
    }

    #[test]
    fn an_optional_date_may_be_absent_but_not_malformed() {
        assert_eq!(parse("1").unwrap().nbf, None);
        for invalid in ["null", "\"x\"", "-1", "1.5"] {
            let text = format!("{{\"exp\":1,\"nbf\":{invalid}}}");
            assert!(json::parse::<Dates>(text.as_bytes()).is_err(), "{invalid}");
        }
    }

    #[test]
    fn dates_are_serialized_as_whole_seconds() {
        let dates = Dates { exp: Time::from_unix_seconds(5), nbf: Some(Time::from_unix_ms(4_999)) };
        assert_eq!(serde_json::to_string(&dates).unwrap(), r#"{"exp":5,"nbf":4}"#);
        assert_eq!(serde_json::to_string(&parse("7").unwrap()).unwrap(), r#"{"exp":7}"#);
    }
}
