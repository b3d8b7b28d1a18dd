//! One setting: what it is called, how it is written, what it means.

use crate::configuration::draft::Draft;
use crate::configuration::wrong::Wrong;

/// One row of the table of settings.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in the file. The variable is `COUNTERFOIL_` and this in capitals.
    pub(crate) key: &'static str,
    /// How it is written in the file.
    pub(crate) form: Form,
    /// What holds if nobody says anything, as the documents put it.
    pub(crate) default: &'static str,
    /// What it means, for the documents.
    pub(crate) meaning: &'static str,
    /// Judges the text and puts it where it belongs. Exactly one text comes, save for [`Form::Texts`].
    pub(crate) take: fn(&mut Draft, &[String]) -> Result<(), Wrong>,
}

/// How a value is written in the file. In the environment everything is text, and several texts are parted by
/// commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `"…"`
    Text,
    /// A whole number.
    Number,
    /// `["…", "…"]`
    Texts,
}

impl Setting {
    /// Its environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("COUNTERFOIL_{}", self.key.to_ascii_uppercase())
    }
}

impl Form {
    /// How it is described to somebody who wrote it otherwise.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Number => "a whole number without quotes",
            Self::Texts => "a list of texts in square brackets",
        }
    }
}
