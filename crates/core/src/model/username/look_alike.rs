//! What a username looks like: its skeletons (UTS 39, section 4).

use icu_casemap::CaseMapper;
use unicode_security::skeleton;

/// The version of the rules that [`Skeletons`] and the canonical forms follow, and of the Unicode data that they use. A
/// store computes them again when it changes.
pub fn rules_version() -> String {
    let (major, minor, patch) = unicode_security::UNICODE_VERSION;
    format!("1/{major}.{minor}.{patch}")
}

/// The skeletons of a username. Two names look alike if they have one in common.
///
/// There are two, because a capital letter may look like another small one: `aIice` looks like `alice`, `aiice` does not.
/// Both are without regard to case: `b0b` is like `bob`, as `bOb` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeletons {
    folded: String,
    /// `None`: the same.
    shown: Option<String>,
}

impl Skeletons {
    pub(super) fn new(display: &str, folded: &str) -> Self {
        let shown = caseless_skeleton(display);
        let folded = caseless_skeleton(folded);
        Self { shown: Some(shown).filter(|shown| *shown != folded), folded }
    }

    /// The skeleton of the form for look-up.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The skeleton of the form for display, if it is another one.
    pub fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// The skeletons: one or two.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.folded()).chain(self.shown())
    }
}

/// The skeleton, made once more after case folding: a small letter may have another prototype than the capital one.
fn caseless_skeleton(form: &str) -> String {
    let first: String = skeleton(form).collect();
    let folded = CaseMapper::new().fold_string(&without_overlaid_dots(&first)).into_owned();
    let second: String = skeleton(&folded).collect();
    without_overlaid_dots(&second)
}

/// Leaves out a dot above that is drawn on the dot of an `i` or `j` (UTS 39, section 5.4: hidden overlays). With it an
/// `l` looks like an `i`.
fn without_overlaid_dots(text: &str) -> String {
    const DOT_ABOVE: char = '\u{307}';
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match (result.chars().next_back(), c) {
            (Some('i' | 'j'), DOT_ABOVE) => {}
            (Some('l'), DOT_ABOVE) => {
                result.pop();
                result.push('i');
            }
            _ => result.push(c),
        }
    }
    result
}
