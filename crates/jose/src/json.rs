//! Strict JSON parsing (RFC 8259, RFC 7493): no duplicate members, limited nesting.
//!
//! If two parsers can read one text differently, an attacker can pass the check of one and be understood
//! differently by the other. Therefore a member name occurs once in its object (compared after unescaping),
//! the text is UTF-8 without a byte order mark, nothing follows the value, numbers are finite, and the depth
//! is limited.

mod error;
mod scan;

use serde::Deserialize;
pub use serde_json::Value;

pub use error::{JsonError, JsonErrorKind, type_in_words};

/// The limits of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The maximum number of nested arrays and objects. Values above 127 have the same effect as 127.
    pub max_depth: usize,
}

impl Default for JsonLimits {
    /// A depth of 32. No token and no request needs more than ten.
    fn default() -> Self {
        Self { max_depth: 32 }
    }
}

/// Parses `bytes` as a `T`.
///
/// ```
/// use counterfoil_jose::json;
///
/// let numbers: Vec<u8> = json::parse(b"[1, 2, 3]")?;
/// assert_eq!(numbers, [1, 2, 3]);
///
/// assert!(json::parse::<json::Value>(br#"{"role":"user","role":"admin"}"#).is_err());
/// # Ok::<(), json::JsonError>(())
/// ```
///
/// # Errors
///
/// `bytes` are not strict JSON ([`JsonError::is_syntax`]), or not a `T`.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    parse_within(bytes, &JsonLimits::default())
}

/// Parses `bytes`, which must be a JSON object, as a `T`.
///
/// A derived `Deserialize` for a struct also accepts an array of its members; this function does not. Use it
/// for claims, headers and request bodies.
///
/// ```
/// use counterfoil_jose::json;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Credentials { username: String }
///
/// assert_eq!(json::parse_object::<Credentials>(br#"{"username":"alice"}"#)?.username, "alice");
/// assert!(json::parse_object::<Credentials>(br#"["alice"]"#).is_err());
/// # Ok::<(), json::JsonError>(())
/// ```
///
/// # Errors
///
/// As [`parse`]. Any value other than an object is an error of the kind [`JsonErrorKind::Data`].
pub fn parse_object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    let text = scan::scan(bytes, &JsonLimits::default())?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(JsonError::not_an_object());
    }
    serde_json::from_str(text).map_err(JsonError::from_serde)
}

/// Parses `bytes` as any value within `limits`.
///
/// # Errors
///
/// As [`parse`]. [`JsonError::is_syntax`] is true for each of them.
pub fn parse_value(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonError> {
    parse_within(bytes, limits)
}

fn parse_within<'de, T: Deserialize<'de>>(bytes: &'de [u8], limits: &JsonLimits) -> Result<T, JsonError> {
    let text = scan::scan(bytes, limits)?;
    serde_json::from_str(text).map_err(JsonError::from_serde)
}
