//! Errors and warnings about settings, and where a value was set.

use std::fmt;
use std::path::PathBuf;

use crate::configuration::setting::Setting;
use crate::error::CliError;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Variable(String),
    /// In the file, on this line.
    Line(PathBuf, usize),
    /// In the file as a whole.
    File(PathBuf),
    /// The settings together, not a single value.
    Combination,
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{}, line {line}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Combination => f.write_str("settings together"),
        }
    }
}

/// A setting with the values that one source gives it.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The setting.
    pub(crate) setting: &'static Setting,
    /// The values: one, or any number for a list.
    pub(crate) values: Vec<String>,
    /// Where they were set.
    pub(crate) source: ValueSource,
}

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// The key, if there is one; an unknown key as it was written.
    pub(crate) key: Option<String>,
    /// Where the value was set.
    pub(crate) source: ValueSource,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Diagnostic {
    /// A finding about several settings together, of which `key` is the one to change.
    pub(crate) fn combination(key: &str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            source: ValueSource::Combination,
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.source) {
            (Some(key), ValueSource::Combination) => write!(f, "{key}: {}", self.message),
            (Some(key), source) => write!(f, "{key} ({source}): {}", self.message),
            (None, ValueSource::Combination) => f.write_str(&self.message),
            (None, source) => write!(f, "{source}: {}", self.message),
        }
    }
}

impl From<Diagnostic> for CliError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::usage(diagnostic.to_string()).with_optional_hint(diagnostic.hint)
    }
}
