//! What is wrong with a file or a directory of the table `[pages]`, and what to do.

use std::env;
use std::io;
use std::path::Path;

use counterfoil::operator::path_hint;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageFileFault {
    /// What is wrong, with the path.
    pub(super) message: String,
    /// What to do, if the message does not say it.
    pub(super) hint: Option<String>,
}

impl PageFileFault {
    /// A fault of what is in the file.
    pub(super) fn new(message: String, hint: Option<String>) -> Self {
        Self { message, hint }
    }

    /// The system does not let this process read the file, or it is refused.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        // What another user could have put there.
        let problem =
            if error.kind() == io::ErrorKind::InvalidInput { "is refused" } else { "cannot be read" };
        let message = format!("{} {problem}: {error}", path.display());
        let hint = path_hint(path, error).map(|hint| match env::current_dir() {
            Ok(directory) if path.is_relative() => {
                format!("{hint}; the path is relative to the working directory {}", directory.display())
            }
            _ => hint,
        });
        Self { message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_about_a_relative_path_names_the_working_directory() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let hint = |path: &str| PageFileFault::unreadable(Path::new(path), &missing).hint.unwrap();

        let directory = env::current_dir().unwrap();
        let expected = format!(
            "the directory theme does not exist: create it, or name another path; the path is relative to the working \
             directory {}",
            directory.display()
        );
        assert_eq!(hint("theme/shop.css"), expected);
        assert_eq!(
            hint("/no-theme/shop.css"),
            "the directory /no-theme does not exist: create it, or name another path"
        );
    }
}
