//! Prints records as a table, one per line.

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::print_line;

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

/// The member `name` of a record as the text of a cell; `-` if it is missing or null.
pub(crate) fn cell(record: &Value, name: &str) -> String {
    match &record[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The time `name` of a record in RFC 3339; `-` if it is missing or null.
pub(crate) fn time(record: &Value, name: &str) -> String {
    record[name].as_i64().map_or_else(|| "-".to_owned(), datetime::rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_member_is_a_dash() {
        let record = serde_json::json!({ "email": null, "roles": ["admin", "staff"], "counter": 3 });

        assert_eq!(
            ["email", "roles", "counter", "none"].map(|name| cell(&record, name)),
            ["-", "admin staff", "3", "-"]
        );
    }
}
