//! Errors of JSON parsing: kind and position, without any part of the text.

use std::borrow::Cow;
use std::fmt;

/// The kind of a [`JsonError`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// Not JSON (RFC 8259), more than one value, or a number that is out of range.
    Syntax,
    /// Not UTF-8.
    NotUtf8,
    /// The text starts with a byte order mark.
    ByteOrderMark,
    /// An object has two members with the same name.
    DuplicateMember,
    /// Nested more deeply than [`super::JsonLimits::max_depth`].
    TooDeep,
    /// Strict JSON, but not the expected type: a member is missing, unknown or of another type.
    Data,
}

/// Why a text was not parsed: the kind of the error, its line and its column (from 1, in bytes).
///
/// The error contains no part of the text. It can be logged and sent to the client even if the text contains
/// a password.
///
/// ```
/// use counterfoil_jose::json;
///
/// let error = json::parse::<u32>(br#""hunter2""#).unwrap_err();
/// assert!(!error.is_syntax());
/// assert_eq!(error.to_string(), "expected a whole number from 0 to 4294967295 at line 1 column 9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    kind: JsonErrorKind,
    line: usize,
    column: usize,
    detail: Cow<'static, str>,
}

impl JsonError {
    /// The kind of the error.
    pub fn kind(&self) -> JsonErrorKind {
        self.kind
    }

    /// Whether the text is not strict JSON. Otherwise it is strict JSON, but not the expected type.
    pub fn is_syntax(&self) -> bool {
        match self.kind {
            JsonErrorKind::Data => false,
            JsonErrorKind::Syntax
            | JsonErrorKind::NotUtf8
            | JsonErrorKind::ByteOrderMark
            | JsonErrorKind::DuplicateMember
            | JsonErrorKind::TooDeep => true,
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in bytes.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, without the position.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The name of the missing member, if that is the error. The name is from the expected type, not from the
    /// text.
    pub fn missing_member(&self) -> Option<&str> {
        self.detail.strip_prefix(MISSING_FIELD)?.strip_suffix('`')
    }

    /// An error at this position, with the default message of its kind.
    pub(super) fn at(kind: JsonErrorKind, line: usize, column: usize) -> Self {
        let detail = match kind {
            JsonErrorKind::Syntax => "not JSON",
            JsonErrorKind::NotUtf8 => "not UTF-8",
            JsonErrorKind::ByteOrderMark => "byte order mark",
            JsonErrorKind::DuplicateMember => "duplicate member",
            JsonErrorKind::TooDeep => "nested too deeply",
            JsonErrorKind::Data => "unexpected value",
        };
        Self { kind, line, column, detail: Cow::Borrowed(detail) }
    }

    pub(super) fn not_an_object() -> Self {
        Self { detail: Cow::Borrowed("expected an object"), ..Self::at(JsonErrorKind::Data, 1, 1) }
    }

    /// Converts an error of serde, without the part of the text that serde quotes.
    pub(super) fn from_serde(error: serde_json::Error) -> Self {
        let detail = expectation(&error.to_string()).map_or(Cow::Borrowed("unexpected value"), Cow::Owned);
        Self { kind: JsonErrorKind::Data, line: error.line(), column: error.column(), detail }
    }
}

/// The start of serde's message for a missing member, before its name.
const MISSING_FIELD: &str = "missing field `";

/// The part of serde's message that says what was expected; it comes from Rust types, not from the text.
/// `None` for messages of an unknown form, which may quote the text.
fn expectation(message: &str) -> Option<String> {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if message.starts_with(MISSING_FIELD) {
        return Some(message.to_owned());
    }
    let (actual, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let starts_with = |form: &str| actual.starts_with(form);
    if starts_with("unknown field `") {
        let expected = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
        return Some(format!("unknown member{expected}"));
    }
    let forms = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    let is_known = forms.into_iter().any(starts_with) && !expected.is_empty();
    is_known.then(|| format!("expected {}", type_in_words(expected)))
}

/// What serde expects, in words: it names some types as Rust or its own data model does. Other texts stay as they are.
///
/// ```
/// use counterfoil_jose::json::type_in_words;
///
/// assert_eq!(type_in_words("u64"), "a whole number that is not negative");
/// assert_eq!(type_in_words("struct ClientChangeRequest"), "an object");
/// assert_eq!(type_in_words("a string"), "a string");
/// ```
#[must_use]
pub fn type_in_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.detail, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::json::{self, JsonError};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Login {
        #[serde(rename = "password")]
        _password: String,
        #[serde(default, rename = "mode")]
        _mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Session,
        Jwt,
    }

    fn error(text: &str) -> JsonError {
        json::parse_object::<Login>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_error_states_what_was_expected() {
        assert_eq!(error("{}").to_string(), "missing field `password` at line 1 column 2");
        assert_eq!(error("{}").missing_member(), Some("password"));
        assert_eq!(error("{\"password\":1}").to_string(), "expected a string at line 1 column 13");
        assert_eq!(error("{\"password\":1}").missing_member(), None);
        let mode = error(r#"{"password":"x","mode":"?"}"#);
        assert_eq!(mode.to_string(), "expected `session` or `jwt` at line 1 column 26");
        assert_eq!(error("[\"x\"]").to_string(), "expected an object at line 1 column 1");
        assert_eq!(error("[\"x\"]").detail(), "expected an object");
        let number = json::parse::<Vec<u64>>(br#"["hunter2"]"#).unwrap_err();
        assert_eq!(number.detail(), "expected a whole number that is not negative");
    }

    #[test]
    fn an_error_contains_no_part_of_the_text() {
        for text in [
            r#"{"password":"hunter2"#,
            r#"{"password":{"hunter2":1}}"#,
            r#"{"password":"x","hunter2":1}"#,
            r#"{"password":"x","mode":"hunter2"}"#,
            r#"{"password":"x","mode":"a, expected hunter2"}"#,
            r#"{"password":"x","hunter2":1,"hunter2":1}"#,
            r#"{"password":hunter2}"#,
            "\"hunter2\"",
        ] {
            let error = error(text);
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn syntax_errors_differ_from_type_errors() {
        assert!(error("{\"password\":").is_syntax());
        assert!(error("{\"password\":\"a\",\"password\":\"b\"}").is_syntax());
        assert!(!error("{\"password\":null}").is_syntax());
        assert_eq!((error("{\n \u{7}}").line(), error("{\n \u{7}}").column()), (2, 2));
    }
}
