//! Where a value was said, and what it says.

use std::fmt;
use std::path::PathBuf;

use crate::configuration::setting::Setting;
use crate::fault::Fault;

/// Where somebody said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Variable(String),
    /// In the file, on this line.
    Line(PathBuf, usize),
    /// In the file as a whole.
    File(PathBuf),
    /// Nowhere in particular: it is wrong as a whole.
    Together,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{}, line {line}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Together => f.write_str("all together"),
        }
    }
}

/// A value that somebody gave to a setting.
#[derive(Debug)]
pub(crate) struct Given {
    /// Which setting.
    pub(crate) setting: &'static Setting,
    /// What was said; one text, or as many as a list has.
    pub(crate) texts: Vec<String>,
    /// Where.
    pub(crate) place: Place,
}

/// Something that is wrong, or only weak, with what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The key it is about; for an unknown one what was written.
    pub(crate) key: Option<String>,
    /// Where it was said.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.place) {
            (Some(key), Place::Together) => write!(f, "{key}: {}", self.message),
            (Some(key), place) => write!(f, "{key} ({place}): {}", self.message),
            (None, Place::Together) => f.write_str(&self.message),
            (None, place) => write!(f, "{place}: {}", self.message),
        }
    }
}

impl From<Finding> for Fault {
    fn from(finding: Finding) -> Self {
        let fault = Self::usage(finding.to_string());
        match finding.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
