//! Reads the lines of an import file.

use std::io::{self, BufRead as _, Read as _};

use crate::commands::user_import::input::InputReader;

/// The most bytes of a line.
const MAX_LINE_LENGTH: usize = 16 * 1024;

/// The lines of a file with their numbers, without empty ones. A line that is too long or not UTF-8 is an error of its
/// own and does not end the iteration.
pub(super) struct Lines {
    reader: InputReader,
    number: u64,
}

impl Lines {
    /// The lines that `reader` reads.
    pub(super) fn new(reader: InputReader) -> Self {
        Self { reader, number: 0 }
    }

    /// The next line, or `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<Result<String, String>>> {
        let mut bytes = Vec::new();
        let limit = MAX_LINE_LENGTH as u64 + 1;
        self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > MAX_LINE_LENGTH {
            if !bytes.ends_with(b"\n") {
                self.reader.skip_until(b'\n')?;
            }
            return Ok(Some(Err(format!("must have at most {MAX_LINE_LENGTH} bytes"))));
        }
        let text = String::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned());
        Ok(Some(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned())))
    }
}

impl Iterator for Lines {
    type Item = io::Result<(u64, Result<String, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            match self.read_line() {
                Ok(None) => return None,
                Ok(Some(Ok(text))) if text.is_empty() => {}
                Ok(Some(line)) => return Some(Ok((self.number, line))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
