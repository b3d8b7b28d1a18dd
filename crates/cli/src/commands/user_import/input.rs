//! The file of an import, or standard input. It is read twice: to validate every record, then to import the users.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CliError;
use crate::progress::progress_bar;
use crate::standard_input::is_standard_input;

/// What is imported.
pub(super) struct Input {
    path: PathBuf,
    /// What standard input or a pipe contains, which can be read only once. It may contain secrets, so it is kept in
    /// memory and not in a temporary file.
    memory: Option<Arc<[u8]>>,
}

/// A reader of the whole input.
pub(super) type InputReader = Box<dyn BufRead>;

impl Input {
    /// The file at `path`; standard input if `path` is `-`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn new(path: &Path) -> Result<Self, CliError> {
        let read = || -> io::Result<Option<Arc<[u8]>>> {
            if is_standard_input(path) {
                return read_all(io::stdin().lock()).map(Some);
            }
            let file = File::open(path)?;
            // A pipe, such as one of `<(...)`, can be read only once.
            if file.metadata()?.is_file() { Ok(None) } else { read_all(file).map(Some) }
        };
        let memory = read().map_err(|error| CliError::from_path("read", path, &error))?;
        Ok(Self { path: path.to_owned(), memory })
    }

    /// A reader from the start, with a progress bar.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(super) fn open(&self, label: &'static str) -> Result<InputReader, CliError> {
        if let Some(bytes) = &self.memory {
            let bar = progress_bar(bytes.len() as u64, label);
            return Ok(Box::new(BufReader::new(bar.wrap_read(Cursor::new(Arc::clone(bytes))))));
        }
        let open = || {
            let file = File::open(&self.path)?;
            let bar = progress_bar(file.metadata()?.len(), label);
            io::Result::Ok(BufReader::new(bar.wrap_read(file)))
        };
        Ok(Box::new(open().map_err(|error| self.cannot_read(&error))?))
    }

    /// The error of a failed read.
    pub(super) fn cannot_read(&self, error: &io::Error) -> CliError {
        CliError::from_path("read", &self.path, error)
    }
}

/// The most bytes of standard input or a pipe: they are kept in memory.
const MAX_BYTES_IN_MEMORY: u64 = 1 << 28;

fn read_all(reader: impl io::Read) -> io::Result<Arc<[u8]>> {
    read_at_most(MAX_BYTES_IN_MEMORY, reader)
}

fn read_at_most(limit: u64, reader: impl io::Read) -> io::Result<Arc<[u8]>> {
    let mut bytes = Vec::new();
    io::Read::take(reader, limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let detail = "it is longer than 256 MiB, the most that is read from a pipe: save it in a file";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_an_end_is_refused() {
        assert_eq!(*read_at_most(3, &b"abc"[..]).unwrap(), *b"abc");
        assert_eq!(read_at_most(3, io::repeat(0)).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
