//! What goes to the terminal: tables, and text that others wrote.

use std::io::{self, Write as _};

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::datetime;
use crate::error::CliError;
use crate::escape::{escape_controls, must_escape};

/// Prints `text` and the end of a line. A reader that has seen enough (`| head`) is no fault.
pub(crate) fn print_line(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::with_cause("standard output cannot be written", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints rows under a header.
pub(crate) fn print_table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<(), CliError> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| escape_controls(&cell))));
    print_line(&table.trim_fmt())
}

/// Prints `value` as JSON. It may hold what strangers wrote; JSON escapes controls, we the rest that steers.
pub(crate) fn print_json(value: &Value) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::from_error(&error))?;
    let escaped: String = text
        .chars()
        .map(|character| match character {
            '\n' => "\n".to_owned(),
            other if must_escape(other) => format!("\\u{:04x}", u32::from(other)),
            other => other.to_string(),
        })
        .collect();
    print_line(&escaped)
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
    record[name].as_i64().map_or_else(|| "-".to_owned(), datetime::rfc3339)
}

/// `text` as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", escape_controls(text).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_member_is_a_dash() {
        let record = serde_json::json!({ "email": null, "roles": ["admin", "staff"], "turn": 3 });

        assert_eq!(
            ["email", "roles", "turn", "none"].map(|name| cell(&record, name)),
            ["-", "admin staff", "3", "-"]
        );
    }
}
