//! Reads tables with a header line: CSV (RFC 4180) with commas or semicolons, and the tab-separated text of MySQL and
//! PostgreSQL.

use std::io::{self, BufRead as _, Read as _};

use crate::commands::user_import::input::InputReader;

/// The most bytes of a record. Tables of users have columns with whole documents in them.
const MAX_RECORD_LENGTH: usize = 1024 * 1024;

/// The records of a table, with the number of the line in which each starts.
pub(in crate::commands::user_import) struct Table {
    reader: InputReader,
    delimiter: char,
    header: Vec<String>,
    /// The number of the next line.
    line: u64,
    /// The number of the first line of the last record.
    start: u64,
}

/// A record of a table.
pub(in crate::commands::user_import) struct Row<'a> {
    header: &'a [String],
    fields: Vec<Option<String>>,
}

impl Table {
    /// Reads the header. `None` if the input is empty.
    pub(in crate::commands::user_import) fn open(
        reader: InputReader,
    ) -> io::Result<Result<Option<Self>, String>> {
        let mut table = Self { reader, delimiter: ',', header: Vec::new(), line: 1, start: 1 };
        let Some(text) = table.read_text()? else { return Ok(Ok(None)) };
        Ok(text.and_then(|text| {
            let text = text.trim_start_matches('\u{feff}');
            table.delimiter = [',', '\t', ';'].into_iter().find(|one| text.contains(*one)).unwrap_or(',');
            let fields = table.split(text)?;
            table.header = fields.into_iter().map(Option::unwrap_or_default).collect();
            Ok(Some(table))
        }))
    }

    /// The first of `columns` that the header lacks.
    pub(in crate::commands::user_import) fn missing<'a>(&self, columns: &[&'a str]) -> Option<&'a str> {
        columns.iter().find(|column| !self.header.iter().any(|known| known == *column)).copied()
    }

    /// The next record and the number of its first line, or `None` at the end.
    pub(in crate::commands::user_import) fn next_row(
        &mut self,
    ) -> io::Result<Option<(u64, Result<Row<'_>, String>)>> {
        let Some(text) = self.read_text()? else { return Ok(None) };
        let number = self.start;
        let fields = text.and_then(|text| {
            let fields = self.split(&text)?;
            if fields.len() == self.header.len() {
                return Ok(fields);
            }
            Err(format!("has {} fields, but the header has {}", fields.len(), self.header.len()))
        });
        Ok(Some((number, fields.map(|fields| Row { header: &self.header, fields }))))
    }

    /// The text of the next record that is not empty, without its newline. In CSV a quoted field may contain newlines.
    fn read_text(&mut self) -> io::Result<Option<Result<String, String>>> {
        let mut bytes = Vec::new();
        let mut quotes = 0;
        loop {
            let length = bytes.len();
            if length == 0 {
                self.start = self.line;
            }
            let limit = (MAX_RECORD_LENGTH + 1).saturating_sub(length) as u64;
            self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
            if bytes.len() > MAX_RECORD_LENGTH {
                self.reader.skip_until(b'\n')?;
                self.line += 1;
                return Ok(Some(Err(format!("must have at most {MAX_RECORD_LENGTH} bytes"))));
            }
            let is_end = bytes.len() == length;
            self.line += u64::from(!is_end);
            // Counted line by line: a record may have very many lines.
            quotes += bytes[length..].iter().filter(|byte| **byte == b'"').count();
            let is_open = self.delimiter != '\t' && quotes % 2 == 1;
            match (is_end, is_open) {
                (true, true) => return Ok(Some(Err("has a quoted field that is not closed".to_owned()))),
                (true, false) if bytes.is_empty() => return Ok(None),
                (_, true) => continue,
                (_, false) => {}
            }
            let text = String::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned());
            let text = text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned());
            match text {
                Ok(text) if text.is_empty() => bytes = Vec::new(),
                text => return Ok(Some(text)),
            }
        }
    }

    fn split(&self, text: &str) -> Result<Vec<Option<String>>, String> {
        if self.delimiter == '\t' { Ok(split_tabs(text)) } else { split_quoted(text, self.delimiter) }
    }
}

impl Row<'_> {
    /// The text in `column`; empty if the table has no such column, or the field is NULL.
    pub(in crate::commands::user_import) fn text(&self, column: &str) -> &str {
        self.value(column).unwrap_or_default()
    }

    /// The text in `column`, if it is not empty.
    pub(in crate::commands::user_import) fn not_empty(&self, column: &str) -> Option<String> {
        self.value(column).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Whether `column` is true: `1`, `t`, `true`, `yes`. An empty field is false.
    ///
    /// # Errors
    ///
    /// If it is no such word.
    pub(in crate::commands::user_import) fn is_true(&self, column: &str) -> Result<bool, String> {
        match self.text(column).to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "yes" => Ok(true),
            "" | "0" | "f" | "false" | "no" => Ok(false),
            _ => Err(format!("{column}: must be true or false")),
        }
    }

    fn value(&self, column: &str) -> Option<&str> {
        let index = self.header.iter().position(|known| known == column)?;
        self.fields.get(index)?.as_deref()
    }
}

/// Splits a record of CSV. A field without quotes that is `NULL` or `\N` is a NULL of the database.
fn split_quoted(text: &str, delimiter: char) -> Result<Vec<Option<String>>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (field, after) = unquote(quoted).ok_or("has a quoted field that is not closed")?;
            fields.push(Some(field));
            rest = after;
        } else {
            let (field, _) = rest.split_once(delimiter).unwrap_or((rest, ""));
            fields.push(Some(field).filter(|field| !matches!(*field, "NULL" | "\\N")).map(str::to_owned));
            rest = &rest[field.len()..];
        }
        if rest.is_empty() {
            return Ok(fields);
        }
        rest = rest.strip_prefix(delimiter).ok_or("has text after the end of a quoted field")?;
    }
}

/// The field whose opening quote was removed, and what follows its closing quote.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, after)),
        }
    }
}

/// Splits a line of tab-separated text, in which a backslash escapes tabs, newlines and backslashes.
fn split_tabs(text: &str) -> Vec<Option<String>> {
    let is_null = |field: &&str| matches!(*field, "NULL" | "\\N");
    text.split('\t').map(|field| Some(field).filter(|field| !is_null(field)).map(unescape)).collect()
}

fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(match characters.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(other) => other,
            None => '\\',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// The records of `text`: the line of each, and its fields joined by `|`, or its error.
    fn read(text: &str) -> Vec<(u64, String)> {
        let reader = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let mut table = Table::open(reader).unwrap().unwrap().unwrap();
        let mut rows = Vec::new();
        while let Some((line, row)) = table.next_row().unwrap() {
            let fields =
                row.map(|row| row.fields.into_iter().map(|field| field.unwrap_or_else(|| "-".into())));
            let row = fields.map(|fields| fields.collect::<Vec<_>>().join("|"));
            rows.push((line, row.unwrap_or_else(|error| error)));
        }
        rows
    }

    #[test]
    fn quoted_fields_contain_delimiters_quotes_and_newlines() {
        let text = "\u{feff}a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n2,\r\nNULL,\"NULL\"\r\n\\N,b";

        let rows = read(text);

        let expected = [(2, "1|x, \"y\"\r\nz"), (5, "2|"), (6, "-|NULL"), (7, "-|b")];
        assert_eq!(rows, expected.map(|(line, row)| (line, row.to_owned())));
    }

    #[test]
    fn semicolons_and_tabs_are_recognised_by_the_header() {
        assert_eq!(read("a;b\n1,5;2\n"), [(2, "1,5|2".to_owned())]);
        assert_eq!(
            read("a\tb\n\"1\tx\\ty\\\\\nNULL\t\\N\n"),
            [(2, "\"1|x\ty\\".to_owned()), (3, "-|-".to_owned())]
        );
    }

    #[test]
    fn a_record_that_does_not_fit_the_header_is_an_error_of_its_own() {
        let rows = read("a,b\n1\n1,2,3\n\"1\"x,2\n1,2\n\"1,2\n");

        let errors: Vec<&str> = rows.iter().map(|(_, error)| error.as_str()).collect();
        assert_eq!(
            errors,
            [
                "has 1 fields, but the header has 2",
                "has 3 fields, but the header has 2",
                "has text after the end of a quoted field",
                "1|2",
                "has a quoted field that is not closed",
            ]
        );
    }

    #[test]
    fn columns_are_found_by_name() {
        let reader = Box::new(Cursor::new(b"id,login\n".to_vec()));
        let table = Table::open(reader).unwrap().unwrap().unwrap();

        assert_eq!(table.missing(&["login", "id"]), None);
        assert_eq!(table.missing(&["login", "hash"]), Some("hash"));
    }
}
