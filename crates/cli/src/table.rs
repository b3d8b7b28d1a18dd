//! Prints records as a table, one per line. On a terminal long texts are cut so that a record fits its line.

use std::io::{self, IsTerminal as _};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::datetime;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::print_line;

/// The spaces between two columns.
const GAP: usize = 2;

/// The width to which a text is cut at least.
const MIN_CUT_WIDTH: usize = 8;

/// The width of a terminal that does not state it.
const DEFAULT_TERMINAL_WIDTH: usize = 80;

/// A column of a table.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    /// Whether its texts are cut if the terminal is too narrow.
    is_cut: bool,
    /// The rank in which the column is left out if the terminal is too narrow: 1 first. `None`: never.
    left_out: Option<u8>,
}

impl From<&'static str> for Column {
    fn from(title: &'static str) -> Self {
        Self { title, is_cut: false, left_out: None }
    }
}

impl Column {
    /// A column of texts that may be cut: names, labels, user agents.
    pub(crate) fn cut(title: &'static str) -> Self {
        Self { is_cut: true, ..Self::from(title) }
    }

    /// The column may be left out on a narrow terminal; those with the lowest `rank` first.
    pub(crate) fn optional(self, rank: u8) -> Self {
        Self { left_out: Some(rank), ..self }
    }
}

/// The columns of a table with their widths on this terminal.
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    /// The width of each column; `None`: it is left out.
    widths: [Option<usize>; N],
    /// Whether longer texts are cut.
    is_terminal: bool,
}

impl<const N: usize> Table<N> {
    /// The table that these rows fit in, on standard output.
    pub(crate) fn new(columns: [Column; N], rows: &[[String; N]]) -> Self {
        let terminal = terminal_width();
        let mut natural = columns.map(|column| column.title.width());
        for row in rows {
            for (width, cell) in natural.iter_mut().zip(row) {
                *width = (*width).max(escape_controls(cell).width());
            }
        }
        let widths = match terminal {
            Some(terminal) => fit(&columns, natural, terminal),
            None => natural.map(Some),
        };
        Self { columns, widths, is_terminal: terminal.is_some() }
    }

    /// The line of the titles.
    pub(crate) fn header(&self) -> String {
        self.line(&self.columns.map(|column| column.title.to_owned()))
    }

    /// The line of a record.
    pub(crate) fn line(&self, cells: &[String; N]) -> String {
        let mut line = String::new();
        for ((cell, width), column) in cells.iter().zip(self.widths).zip(self.columns) {
            let Some(width) = width else { continue };
            let mut cell = escape_controls(cell);
            if self.is_terminal && column.is_cut {
                cell = cut(&cell, width);
            }
            let padding = (width + GAP).saturating_sub(cell.width()).max(GAP);
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', padding));
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// The titles of the columns that were left out.
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        let columns = self.columns.iter().zip(self.widths);
        columns.filter(|(_, width)| width.is_none()).map(|(column, _)| column.title).collect()
    }
}

/// Prints rows under a header, and to standard error which columns the terminal has no room for.
pub(crate) fn print_table<const N: usize>(
    header: [impl Into<Column>; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<(), CliError> {
    let rows: Vec<_> = rows.into_iter().collect();
    let table = Table::new(header.map(Into::into), &rows);
    let lines: Vec<_> =
        std::iter::once(table.header()).chain(rows.iter().map(|row| table.line(row))).collect();
    print_line(&lines.join("\n"))?;
    let left_out = table.left_out();
    if !left_out.is_empty() {
        eprintln!("the terminal is too narrow for: {} (--json prints everything)", left_out.join(", "));
    }
    Ok(())
}

/// The widths of columns with these natural widths in `available` cells: optional columns are left out until the others fit
/// when they are cut, then the widest are cut until all of them fit.
fn fit<const N: usize>(columns: &[Column; N], natural: [usize; N], available: usize) -> [Option<usize>; N] {
    let mut widths = natural.map(Some);
    let min = |index: usize| {
        let title = columns[index].title.width();
        if columns[index].is_cut { natural[index].min(MIN_CUT_WIDTH.max(title)) } else { natural[index] }
    };
    let total = |widths: &[Option<usize>; N], width: &dyn Fn(usize, usize) -> usize| {
        let shown =
            widths.iter().enumerate().filter_map(|(index, natural)| natural.map(|n| width(index, n) + GAP));
        shown.sum::<usize>().saturating_sub(GAP)
    };
    while total(&widths, &|index, _| min(index)) > available {
        let optional = (0..N).filter(|index| widths[*index].is_some() && columns[*index].left_out.is_some());
        let Some(first) = optional.min_by_key(|index| columns[*index].left_out) else { break };
        widths[first] = None;
    }
    while total(&widths, &|_, natural| natural) > available {
        let cuttable = (0..N).filter(|index| widths[*index].is_some_and(|width| width > min(*index)));
        let Some(widest) = cuttable.max_by_key(|index| widths[*index]) else { break };
        widths[widest] = widths[widest].map(|width| width - 1);
    }
    widths
}

/// `text` in at most `width` cells, with `…` in place of what is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// The width of the terminal; `None` if standard output is not a terminal.
fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let stated = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    let variable = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let is_known = |width: &usize| *width > 0;
    Some(stated.filter(is_known).or_else(variable).filter(is_known).unwrap_or(DEFAULT_TERMINAL_WIDTH))
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

/// The distance of a time from now on a terminal, as `3 h ago`; the time in RFC 3339 elsewhere.
pub(crate) fn distance(seconds: u64) -> String {
    if !io::stdout().is_terminal() {
        return rfc3339(seconds);
    }
    datetime::relative(i64::try_from(seconds).unwrap_or(i64::MAX), datetime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_a_dash() {
        assert_eq!((cell(None), cell(Some(&"ada".to_owned()))), ("-".to_owned(), "ada".to_owned()));
        assert_eq!((time(None), time(Some(0))), ("-".to_owned(), "1970-01-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn a_text_is_cut_by_the_cells_that_it_takes() {
        assert_eq!(cut("Mozilla/5.0 (X11)", 10), "Mozilla/5…");
        assert_eq!(cut("東京東京", 8), "東京東京");
        assert_eq!(cut("東京東京", 6), "東京…");
        assert_eq!(cut("東京東京", 4), "東…");
    }

    #[test]
    fn wide_characters_are_aligned_and_controls_are_escaped() {
        let rows = [["東京".to_owned(), "x".to_owned()], ["a\u{1b}[2J".to_owned(), "y".to_owned()]];
        let table = Table::new(["name", "z"].map(Column::from), &rows);

        assert_eq!(table.header(), "name        z");
        assert_eq!(table.line(&rows[0]), "東京        x");
        assert_eq!(table.line(&rows[1]), "a\\u{1b}[2J  y");
    }

    #[test]
    fn columns_are_left_out_in_their_order_and_the_widest_texts_are_cut() {
        let columns = [
            Column::from("id"),
            Column::cut("agent"),
            Column::cut("label").optional(2),
            Column::from("created").optional(1),
        ];
        let natural = [22, 60, 30, 20];

        assert_eq!(fit(&columns, natural, 200), natural.map(Some));
        assert_eq!(fit(&columns, natural, 100), [Some(22), Some(26), Some(26), Some(20)]);
        assert_eq!(fit(&columns, natural, 50), [Some(22), Some(12), Some(12), None]);
        assert_eq!(fit(&columns, natural, 40), [Some(22), Some(16), None, None]);
        assert_eq!(fit(&columns, natural, 10), [Some(22), Some(8), None, None], "a line may be too long");
    }
}
