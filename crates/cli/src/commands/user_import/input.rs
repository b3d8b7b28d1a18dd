//! The file of an import, or standard input. It is read twice: to validate every record, then to import the users.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CliError;
use crate::progress::progress_bar;

/// What is imported.
pub(super) struct Input {
    name: String,
    content: Content,
}

enum Content {
    File(PathBuf),
    /// Standard input, or a pipe, which can be read only once. It may contain secrets, so it is kept in memory and not
    /// in a temporary file.
    Memory(Arc<[u8]>),
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
        if path == Path::new("-") {
            let content = read_all(io::stdin().lock());
            let content = content.map_err(|error| cannot_read("standard input", &error))?;
            return Ok(Self { name: "standard input".to_owned(), content });
        }
        let name = path.display().to_string();
        let open = || -> io::Result<Content> {
            let file = File::open(path)?;
            // A pipe, such as one of `<(...)`, can be read only once.
            let is_file = file.metadata()?.is_file();
            if is_file { Ok(Content::File(path.to_owned())) } else { read_all(file) }
        };
        let content = open().map_err(|error| cannot_read(&name, &error))?;
        Ok(Self { name, content })
    }

    /// A reader from the start, with a progress bar.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(super) fn open(&self, label: &'static str) -> Result<InputReader, CliError> {
        match &self.content {
            Content::Memory(bytes) => {
                let bar = progress_bar(bytes.len() as u64, label);
                Ok(Box::new(BufReader::new(bar.wrap_read(Cursor::new(Arc::clone(bytes))))))
            }
            Content::File(path) => {
                let open = || {
                    let file = File::open(path)?;
                    let bar = progress_bar(file.metadata()?.len(), label);
                    io::Result::Ok(BufReader::new(bar.wrap_read(file)))
                };
                Ok(Box::new(open().map_err(|error| self.cannot_read(&error))?))
            }
        }
    }

    /// The error of a failed read.
    pub(super) fn cannot_read(&self, error: &io::Error) -> CliError {
        cannot_read(&self.name, error)
    }
}

fn read_all(mut reader: impl io::Read) -> io::Result<Content> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok(Content::Memory(bytes.into()))
}

fn cannot_read(name: &str, error: &io::Error) -> CliError {
    CliError::with_cause(&format!("cannot read {name}"), error)
}
