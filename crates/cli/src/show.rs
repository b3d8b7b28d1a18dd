//! What goes to the terminal: tables, and text that others wrote.

use std::io::{self, Write as _};

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::datetime;
use crate::fault::Fault;
use crate::printable::{printable, steers};

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
    record[name].as_i64().map_or_else(|| "-".to_owned(), datetime::rfc3339)
}

/// `text` as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", printable(text).replace('\'', r"'\''"))
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
