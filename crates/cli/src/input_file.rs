//! Reads the file that an argument names; `-` is standard input.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use counterfoil_jose::Secret;
use tempfile::NamedTempFile;

use crate::error::CliError;
use crate::standard_input::{display_name, is_standard_input};

/// Reads the file, which must not be longer than `max_length` bytes.
///
/// # Errors
///
/// If it cannot be read, or is longer.
pub(crate) fn read_bytes(path: &Path, max_length: u64) -> Result<Secret<Vec<u8>>, CliError> {
    let read = |reader: &mut dyn Read| {
        // Capacity for all of it: a buffer that grows leaves copies of a secret behind.
        let mut bytes = Vec::with_capacity(usize::try_from(max_length).unwrap_or(0).min(64 * 1024) + 1);
        reader.take(max_length + 1).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = match is_standard_input(path) {
        true => read(&mut io::stdin().lock()),
        false => File::open(path).and_then(|mut file| read(&mut file)),
    };
    let bytes = Secret::new(bytes.map_err(|error| CliError::from_path("read", path, &error))?);
    if bytes.expose().len() as u64 > max_length {
        let name = display_name(path);
        return Err(CliError::failure(format!("{name} must not be longer than {max_length} bytes")));
    }
    Ok(bytes)
}

/// Reads the file as text.
///
/// # Errors
///
/// As [`read_bytes`]; usage if it is not UTF-8.
pub(crate) fn read_text(path: &Path, max_length: u64) -> Result<Secret<String>, CliError> {
    let bytes = read_bytes(path, max_length)?;
    let text = std::str::from_utf8(bytes.expose())
        .map_err(|_| CliError::usage(format!("{} must be UTF-8", display_name(path))))?;
    Ok(Secret::new(text.to_owned()))
}

/// A file with a path. What comes from standard input is in a temporary file, for its owner alone, which is deleted when
/// this is dropped.
pub(crate) struct InputFile {
    path: PathBuf,
    _temporary: Option<NamedTempFile>,
}

impl InputFile {
    /// The file of the argument; standard input is copied to a temporary file in `dir`, or in that of the system.
    ///
    /// # Errors
    ///
    /// If standard input cannot be copied.
    pub(crate) fn open(path: &Path, dir: Option<&Path>) -> Result<Self, CliError> {
        if !is_standard_input(path) {
            return Ok(Self { path: path.to_owned(), _temporary: None });
        }
        let dir = dir.map_or_else(std::env::temp_dir, Path::to_owned);
        let copy = || {
            let mut file = tempfile::Builder::new().prefix(".counterfoil-input-").tempfile_in(&dir)?;
            io::copy(&mut io::stdin().lock(), &mut file)?;
            file.flush()?;
            Ok(file)
        };
        let temporary = copy().map_err(|error: io::Error| {
            CliError::from_path("copy standard input to a file in", &dir, &error)
        })?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes one newline from the end, as editors add it; a second one belongs to the content.
pub(crate) fn without_newline(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    line.unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_removed() {
        let cases: [(&[u8], &[u8]); 5] =
            [(b"a\n", b"a"), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b"a", b"a"), (b"a\r", b"a\r")];
        for (text, expected) in cases {
            assert_eq!(without_newline(text), expected);
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "12345").unwrap();

        assert_eq!(read_bytes(&file, 5).unwrap().expose(), b"12345");
        assert!(read_bytes(&file, 4).is_err());
    }
}
