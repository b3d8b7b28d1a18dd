//! JSON, read strictly: one meaning for every text, or none.
//!
//! Where two readers of one text can disagree, somebody slips through between them. So a member
//! name occurs once in its object (compared as it reads, not as it is escaped), the text is UTF-8
//! without a byte order mark, nothing follows the value, numbers fit, and depth is limited.

mod error;
mod scan;

use serde::Deserialize;
pub use serde_json::Value;

pub use error::{JsonError, JsonFault};

/// How much nesting is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many arrays and objects may be open at once; at most 127 count.
    pub depth: usize,
}

impl Default for Limits {
    /// A depth of 32: no token and no request of ours needs ten.
    fn default() -> Self {
        Self { depth: 32 }
    }
}

/// Reads a `T` from the whole of `bytes`.
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
/// [`JsonError::is_syntax`] tells a text that is not (strict) JSON from one that is not a `T`.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    parse_within(bytes, &Limits::default())
}

/// Reads a `T` from the whole of `bytes`, which must be an object.
///
/// A derived `Deserialize` for a struct also takes an array of its members in their order; this
/// does not. Use it for claims, headers and request bodies.
///
/// ```
/// use counterfoil_jose::json;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Credentials { username: String }
///
/// assert_eq!(json::object::<Credentials>(br#"{"username":"alice"}"#)?.username, "alice");
/// assert!(json::object::<Credentials>(br#"["alice"]"#).is_err());
/// # Ok::<(), json::JsonError>(())
/// ```
///
/// # Errors
///
/// As [`parse`]; anything but an object is an error of data.
pub fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonError> {
    let text = scan::scan(bytes, &Limits::default())?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(JsonError::not_an_object());
    }
    serde_json::from_str(text).map_err(JsonError::of_data)
}

/// Reads any value from the whole of `bytes`, within `limits`.
///
/// # Errors
///
/// As [`parse`]; all of them are errors of syntax.
pub fn value(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    parse_within(bytes, limits)
}

fn parse_within<'de, T: Deserialize<'de>>(bytes: &'de [u8], limits: &Limits) -> Result<T, JsonError> {
    let text = scan::scan(bytes, limits)?;
    serde_json::from_str(text).map_err(JsonError::of_data)
}
