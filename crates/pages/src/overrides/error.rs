//! What is wrong with a file of the operator.

use std::fmt;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OverrideKind {
    /// A template.
    Template,
    /// A file of texts.
    Texts,
}

/// A file cannot replace ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}{}: {problem}", line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct OverrideError {
    kind: OverrideKind,
    file: String,
    line: Option<usize>,
    problem: String,
    hint: Option<String>,
}

/// Everything that is wrong with the files of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideErrors {
    errors: Vec<OverrideError>,
}

impl OverrideError {
    pub(super) fn new(
        kind: OverrideKind,
        file: &str,
        line: Option<usize>,
        problem: impl Into<String>,
    ) -> Self {
        Self { kind, file: file.to_owned(), line, problem: problem.into(), hint: None }
    }

    /// Adds the name that was probably meant.
    pub(super) fn with_nearest(self, nearest: Option<&str>) -> Self {
        Self { hint: nearest.map(|name| format!("did you mean {name}?")), ..self }
    }

    /// Whether both are about the same line.
    pub(super) fn is_at_place_of(&self, other: &Self) -> bool {
        (self.kind, &self.file, self.line) == (other.kind, &other.file, other.line)
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let export = "`counterfoil pages export DIR` writes ours, to compare with";
        self.hint.clone().unwrap_or_else(|| export.to_owned())
    }

    /// Whether it is a template or a file of texts.
    pub fn kind(&self) -> OverrideKind {
        self.kind
    }
}

impl OverrideErrors {
    /// `Ok` if there are none. Each is named once.
    pub(super) fn check(mut errors: Vec<OverrideError>) -> Result<(), Self> {
        errors.sort();
        errors.dedup();
        if errors.is_empty() { Ok(()) } else { Err(Self { errors }) }
    }
}

/// Both values, or the errors of both.
pub(super) fn both<A, B>(
    first: Result<A, OverrideErrors>,
    second: Result<B, OverrideErrors>,
) -> Result<(A, B), OverrideErrors> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(mut first), Err(second)) => {
            first.errors.extend(second.errors);
            Err(first)
        }
    }
}

impl IntoIterator for OverrideErrors {
    type Item = OverrideError;
    type IntoIter = std::vec::IntoIter<OverrideError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl fmt::Display for OverrideErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for OverrideErrors {}
