//! What goes to the terminal: tables, and text that others wrote.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::fault::Fault;
use crate::when;

/// `text` with everything escaped that could steer a terminal or turn the direction of writing. A user agent
/// is whatever a stranger sent.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls, and the marks that turn or hide text (Unicode, "Bidi_Control" and the zero-width ones).
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Prints `text` and the end of a line. A reader that has seen enough (`| head`) is no fault.
pub(crate) fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::because("standard output cannot be written", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints rows under a header.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<(), Fault> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| printable(&cell))));
    say(&table.trim_fmt())
}

/// Prints `value` as JSON. It may hold what strangers wrote; JSON escapes controls, we the rest that steers.
pub(crate) fn json(value: &Value) -> Result<(), Fault> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Fault::of(&error))?;
    let escaped: String = text
        .chars()
        .map(|character| match character {
            '\n' => "\n".to_owned(),
            other if steers(other) => format!("\\u{:04x}", u32::from(other)),
            other => other.to_string(),
        })
        .collect();
    say(&escaped)
}

/// The member `name` of a record, for a cell: a text as it is, a missing one as `-`.
pub(crate) fn cell(record: &Value, name: &str) -> String {
    match &record[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The time `name` of a record, in RFC 3339.
pub(crate) fn time(record: &Value, name: &str) -> String {
    record[name].as_i64().map_or_else(|| "-".to_owned(), when::rfc3339)
}

/// `text` as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(printable("curl/8\u{1b}[2J\r\n\u{202e}x"), "curl/8\\u{1b}[2J\\u{d}\\u{a}\\u{202e}x");
        assert_eq!(printable("Zoë 東京"), "Zoë 東京");
    }

    #[test]
    fn a_missing_member_is_a_dash() {
        let record = serde_json::json!({ "email": null, "roles": ["admin", "staff"], "turn": 3 });

        assert_eq!(
            ["email", "roles", "turn", "none"].map(|name| cell(&record, name)),
            ["-", "admin staff", "3", "-"]
        );
    }
}
