//! The id that the application itself gives to a user.

use serde_json::Value;

use crate::model::invisible::is_invisible;

/// The most characters of a text.
const MAX_CHARS: usize = 128;

/// The largest absolute value of a number: beyond it a double cannot represent every integer (RFC 8259,
/// section 6), so a client could read the id of another user.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The application's own id of a user: a string of 1 to 128 visible characters, or an integer below 2^53.
///
/// It is compared as it is: 42 and "42" are different ids.
///
/// ```
/// use counterfoil_core::model::external_id::ExternalId;
/// use serde_json::json;
///
/// let number = ExternalId::from_json(&json!(42))?;
/// assert_eq!(number.to_json(), json!(42));
/// assert_ne!(number, ExternalId::from_json(&json!("42"))?);
/// assert!(ExternalId::from_json(&json!("")).is_err());
/// # Ok::<(), counterfoil_core::model::external_id::ExternalIdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(Repr);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    Text(String),
    Number(i64),
}

/// A value that is not an external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a string of 1 to 128 visible characters, or an integer between -(2^53 - 1) and 2^53 - 1")]
pub struct ExternalIdError;

impl ExternalId {
    /// The id in this JSON value.
    ///
    /// # Errors
    ///
    /// [`ExternalIdError`] for any other value, such as `42.0`, `""` or `true`.
    pub fn from_json(value: &Value) -> Result<Self, ExternalIdError> {
        match value {
            Value::String(text) if is_valid_text(text) => Ok(Self(Repr::Text(text.clone()))),
            Value::Number(number) => match number.as_i64() {
                Some(number) if number.unsigned_abs() <= MAX_NUMBER => Ok(Self(Repr::Number(number))),
                Some(_) | None => Err(ExternalIdError),
            },
            _ => Err(ExternalIdError),
        }
    }

    /// The id as a JSON value: a string or an integer.
    pub fn to_json(&self) -> Value {
        match &self.0 {
            Repr::Text(text) => Value::from(text.as_str()),
            Repr::Number(number) => Value::from(*number),
        }
    }

    /// The JSON text, as a store keeps it: `42` or `"42"`. Equal ids have equal texts.
    pub fn to_stored(&self) -> String {
        self.to_json().to_string()
    }

    /// The id with this JSON text, as read from a store. `None` if it is not the text of an id. An id that was valid when it
    /// was stored stays valid, whatever characters are refused today.
    pub fn from_stored(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Value::String(text) => Some(Self(Repr::Text(text))),
            value => Self::from_json(&value).ok(),
        }
    }
}

fn is_valid_text(text: &str) -> bool {
    // Two ids that differ only in what people cannot see would look like one user.
    text.chars().take(MAX_CHARS + 1).all(|c| !c.is_whitespace() && !is_invisible(c))
        && (1..=MAX_CHARS).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_of_visible_characters_or_a_safe_integer_is_an_id() {
        for value in [json!("42"), json!("a/ü:🔑"), json!("x".repeat(128)), json!(0), json!(-42)] {
            let id = ExternalId::from_json(&value).unwrap();
            assert_eq!(id.to_json(), value);
            assert_eq!(ExternalId::from_stored(&id.to_stored()), Some(id));
        }
        for limit in [(1_i64 << 53) - 1, 1 - (1_i64 << 53)] {
            assert!(ExternalId::from_json(&json!(limit)).is_ok());
        }
    }

    #[test]
    fn a_stored_id_stays_valid_when_its_characters_are_refused_for_new_ones() {
        assert_eq!(ExternalId::from_json(&json!("a\u{2800}")), Err(ExternalIdError));
        let stored = ExternalId::from_stored("\"a\u{2800}\"").unwrap();
        assert_eq!(stored.to_json(), json!("a\u{2800}"));
        assert_eq!(ExternalId::from_stored("null"), None);
    }

    #[test]
    fn other_values_are_rejected() {
        let too_long = json!("x".repeat(129));
        for value in [json!(""), json!("a b"), json!("a\u{200b}"), json!("\n"), too_long, json!(null)] {
            assert_eq!(ExternalId::from_json(&value), Err(ExternalIdError), "{value}");
        }
        for value in [json!(1_i64 << 53), json!(u64::MAX), json!(1.0), json!(true), json!(["a"]), json!({})] {
            assert_eq!(ExternalId::from_json(&value), Err(ExternalIdError), "{value}");
        }
    }
}
