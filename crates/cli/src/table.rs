//! Prints records as a table, one per line.

use comfy_table::{Table, presets};

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

/// The text of a cell; `-` if it is missing.
pub(crate) fn cell(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}

/// The time of a cell in RFC 3339; `-` if it is missing.
pub(crate) fn time(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), rfc3339)
}

/// A time in RFC 3339.
pub(crate) fn rfc3339(seconds: u64) -> String {
    datetime::rfc3339(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_a_dash() {
        assert_eq!((cell(None), cell(Some(&"ada".to_owned()))), ("-".to_owned(), "ada".to_owned()));
        assert_eq!((time(None), time(Some(0))), ("-".to_owned(), "1970-01-01T00:00:00Z".to_owned()));
    }
}
