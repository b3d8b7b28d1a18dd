//! What is wrong with a text, and where; never what stands there.

use std::borrow::Cow;
use std::fmt;

/// What is wrong with a text.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON (RFC 8259), more than one value, or a number that no computer holds.
    Syntax,
    /// Not UTF-8.
    NotUtf8,
    /// It starts with a byte order mark.
    ByteOrderMark,
    /// An object names a member twice.
    DuplicateMember,
    /// Nested more deeply than is read here.
    TooDeep,
    /// JSON, but not what was asked for: a member is missing, unknown or of another type.
    Data,
}

/// Why a text was not read: what is wrong, on which line and at which column (from 1, in bytes).
///
/// Nothing of the text is repeated, so this may go to a log or to whoever sent the text, even if
/// that was a password.
///
/// ```
/// use counterfoil_jose::json;
///
/// let error = json::parse::<u32>(br#""hunter2""#).unwrap_err();
/// assert!(!error.is_syntax());
/// assert_eq!(error.to_string(), "expected u32 at line 1 column 9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    fault: JsonFault,
    line: usize,
    column: usize,
    detail: Cow<'static, str>,
}

impl JsonError {
    /// What kind of fault it is.
    pub fn fault(&self) -> JsonFault {
        self.fault
    }

    /// Whether the text is no strict JSON at all. Otherwise it is, but not what was asked for.
    pub fn is_syntax(&self) -> bool {
        match self.fault {
            JsonFault::Data => false,
            JsonFault::Syntax
            | JsonFault::NotUtf8
            | JsonFault::ByteOrderMark
            | JsonFault::DuplicateMember
            | JsonFault::TooDeep => true,
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

    /// The name of the member that is missing, where that is the fault. It is one of ours.
    pub fn missing_member(&self) -> Option<&str> {
        self.detail.strip_prefix(MISSING)?.strip_suffix('`')
    }

    /// A fault of form, found before anything was read.
    pub(super) fn at(fault: JsonFault, line: usize, column: usize) -> Self {
        let detail = match fault {
            JsonFault::Syntax => "not JSON",
            JsonFault::NotUtf8 => "not UTF-8",
            JsonFault::ByteOrderMark => "a byte order mark",
            JsonFault::DuplicateMember => "a member that was there before",
            JsonFault::TooDeep => "nested too deeply",
            JsonFault::Data => "not what is expected",
        };
        Self { fault, line, column, detail: Cow::Borrowed(detail) }
    }

    pub(super) fn not_an_object() -> Self {
        Self { detail: Cow::Borrowed("expected an object"), ..Self::at(JsonFault::Data, 1, 1) }
    }

    /// Takes over what serde found, without the piece of the text that it quotes.
    pub(super) fn of_data(error: serde_json::Error) -> Self {
        let detail =
            expectation(&error.to_string()).map_or(Cow::Borrowed("not what is expected"), Cow::Owned);
        Self { fault: JsonFault::Data, line: error.line(), column: error.column(), detail }
    }
}

/// How serde says that a member is missing, up to its name.
const MISSING: &str = "missing field `";

/// The part of serde's message that comes from our types: what was expected. What was found is left
/// out, and so is every message that is not of a form known here.
fn expectation(message: &str) -> Option<String> {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if message.starts_with(MISSING) {
        return Some(message.to_owned());
    }
    let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let quoting = |form: &str| found.starts_with(form);
    if quoting("unknown field `") {
        let known = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
        return Some(format!("unknown member{known}"));
    }
    let forms = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    (forms.into_iter().any(quoting) && !expected.is_empty()).then(|| format!("expected {expected}"))
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
        json::object::<Login>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_error_says_what_was_expected() {
        assert_eq!(error("{}").to_string(), "missing field `password` at line 1 column 2");
        assert_eq!(error("{}").missing_member(), Some("password"));
        assert_eq!(error("{\"password\":1}").to_string(), "expected a string at line 1 column 13");
        assert_eq!(error("{\"password\":1}").missing_member(), None);
        let mode = error(r#"{"password":"x","mode":"?"}"#);
        assert_eq!(mode.to_string(), "expected `session` or `jwt` at line 1 column 26");
        assert_eq!(error("[\"x\"]").to_string(), "expected an object at line 1 column 1");
    }

    #[test]
    fn an_error_never_repeats_the_text() {
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
    fn an_error_tells_no_json_from_other_json() {
        assert!(error("{\"password\":").is_syntax());
        assert!(error("{\"password\":\"a\",\"password\":\"b\"}").is_syntax());
        assert!(!error("{\"password\":null}").is_syntax());
        assert_eq!((error("{\n \u{7}}").line(), error("{\n \u{7}}").column()), (2, 2));
    }
}
