//! The places where a refused word or phrase stays, each with its reason.

/// An exception. One that no text needs any more is an error.
pub(crate) struct Allowed {
    /// A file or folder below the root of the workspace.
    pub(crate) place: &'static str,
    /// The phrase as it stands in the table of constructions; `*` for all.
    pub(crate) phrase: &'static str,
    /// A part of the sentence; empty for every sentence of the place.
    pub(crate) sentence: &'static str,
    /// Why it stays.
    pub(crate) reason: &'static str,
}

/// Every exception.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        place: "xtask/src/words",
        phrase: "*",
        sentence: "",
        reason: "the check names what it refuses",
    },
    Allowed {
        place: "CHANGELOG.md",
        phrase: "judg*",
        sentence: "counterfoil_refreshes_total{judgement=",
        reason: "the former name of a metric, beside the new one",
    },
    Allowed {
        place: "CHANGELOG.md",
        phrase: "judg*",
        sentence: "`COUNTERFOIL_JUDGES`",
        reason: "the former name of a variable, beside the new one",
    },
    Allowed {
        place: "CHANGELOG.md",
        phrase: "judg*",
        sentence: "`not_judged`",
        reason: "the former name of a member, beside the new one",
    },
    Allowed {
        place: "CHANGELOG.md",
        phrase: "nobody",
        sentence: "`verifiers`: `\"nobody\"`",
        reason: "the former value of an answer, beside the new one",
    },
    Allowed { place: "docs/tokens.md", phrase: "is none", sentence: "if key is None", reason: "Python code" },
];
