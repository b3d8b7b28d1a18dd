//! A row of the examination.

use std::fmt;

use serde::Serialize;

/// What was checked, what was seen, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What was checked.
    pub check: &'static str,
    /// What was seen.
    pub seen: String,
    /// Whether that is as it must be.
    pub verdict: Verdict,
    /// The line of the configuration or of the proxy that mends it.
    pub mend: Option<String>,
}

/// Whether what was seen is as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Good,
    /// It could not be seen.
    NotChecked,
    /// It works, but not as well as it could.
    Warning,
    /// Something does not work, or is not safe.
    Wrong,
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Row {
    /// As it must be.
    pub fn good(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, seen: seen.into(), verdict: Verdict::Good, mend: None }
    }

    /// Worth a change.
    pub fn warning(check: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, seen: seen.into(), verdict: Verdict::Warning, mend: Some(mend.into()) }
    }

    /// Must be changed.
    pub fn wrong(check: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, seen: seen.into(), verdict: Verdict::Wrong, mend: Some(mend.into()) }
    }

    /// Not seen; `mend` says how it can be.
    pub fn not_checked(check: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, seen: seen.into(), verdict: Verdict::NotChecked, mend: Some(mend.into()) }
    }
}
