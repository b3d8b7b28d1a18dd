//! Reads the lines of an import file, with a progress bar.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use indicatif::ProgressBarIter;

use crate::error::CliError;
use crate::progress::progress_bar;

/// The most bytes of a line.
const MAX_LINE_LENGTH: usize = 16 * 1024;

/// The lines of a file with their numbers, without empty ones. A line that is too long or not UTF-8 is an error of its
/// own and does not end the iteration.
pub(super) struct Lines {
    reader: BufReader<ProgressBarIter<File>>,
    path: PathBuf,
    number: u64,
}

impl Lines {
    /// Opens the file, which must be a regular one because it is read twice.
    pub(super) fn open(path: &Path, label: &'static str) -> Result<Self, CliError> {
        let cannot_read = |error| cannot_read(path, &error);
        let file = File::open(path).map_err(cannot_read)?;
        let metadata = file.metadata().map_err(cannot_read)?;
        if !metadata.is_file() {
            return Err(CliError::usage(format!("{} must be a regular file", path.display()))
                .with_hint("it is read twice; `-` reads from a pipe"));
        }
        let reader = BufReader::new(progress_bar(metadata.len(), label).wrap_read(file));
        Ok(Self { reader, path: path.to_owned(), number: 0 })
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
    type Item = Result<(u64, Result<String, String>), CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            match self.read_line() {
                Ok(None) => return None,
                Ok(Some(Ok(text))) if text.is_empty() => {}
                Ok(Some(line)) => return Some(Ok((self.number, line))),
                Err(error) => return Some(Err(cannot_read(&self.path, &error))),
            }
        }
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> CliError {
    CliError::from_path("read", path, error)
}
