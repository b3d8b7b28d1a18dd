//! The argument `-`, which means standard input where a file is read, and standard output where one is written.

use std::path::Path;

/// Whether the argument means standard input, or standard output where a file is written.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The name of the file in messages.
pub(crate) fn display_name(path: &Path) -> String {
    match is_standard_input(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}
