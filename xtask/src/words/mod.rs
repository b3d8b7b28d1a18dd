//! `cargo xtask words`: documents, comments, messages and names use plain words.
//!
//! What is refused stands in [`constructions`], and the exceptions in [`allowed`].

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::rust_source::list_files;
use crate::words::allowed::{ALLOWED, Allowed};
use crate::words::constructions::INTERROGATIVES;
use crate::words::passage::{Passage, paragraphs};
use crate::words::rust_text::Names;
use crate::workspace;

mod allowed;
mod constructions;
mod passage;
mod phrase;
mod rust_text;

/// The folders whose Markdown and Rust files are read, with the Markdown files at the root.
const FOLDERS: [&str; 8] =
    ["benches", "crates", "docs", "examples", "fault-injection", "fuzz", "models", "xtask"];

/// Single files: the folders of the packages for other languages also have the files of their dependencies.
const FILES: [&str; 3] =
    ["clients/js/browser/README.md", "clients/js/node/README.md", "clients/python/README.md"];

/// Reads every file and prints every refused phrase.
///
/// # Errors
///
/// If there is one, or an exception is not needed any more.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let mut findings = Vec::new();
    let files = files(root)?;
    for path in &files {
        let text =
            fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(check(path, &text).with_context(|| format!("cannot parse {}", path.display()))?);
    }
    let unused: Vec<_> =
        ALLOWED.iter().filter(|allowed| !findings.iter().any(|found| allowed.covers(found))).collect();
    findings.retain(|finding| !ALLOWED.iter().any(|allowed| allowed.covers(finding)));

    println!("{} files, {} exceptions", files.len(), ALLOWED.len());
    for finding in &findings {
        eprintln!("{finding}");
    }
    for allowed in &unused {
        eprintln!(
            "{}: the exception for `{}` is not needed: {}",
            allowed.place, allowed.phrase, allowed.reason
        );
    }
    if !findings.is_empty() || !unused.is_empty() {
        bail!("{} refused phrases, {} unneeded exceptions", findings.len(), unused.len());
    }
    Ok(())
}

/// The files to read, below `root`.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root).context("cannot list the root of the workspace")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    for folder in FOLDERS {
        files.extend(list_files(&root.join(folder), &["md", "rs"])?);
    }
    files.extend(FILES.map(|file| root.join(file)));
    let below_root = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or(path);
    let mut files: Vec<PathBuf> = files.into_iter().map(below_root).collect();
    files.sort();
    Ok(files)
}

/// A refused phrase in a file.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: PathBuf,
    line: usize,
    phrase: &'static str,
    sentence: String,
    instead: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, phrase, sentence, instead } = self;
        write!(f, "{}:{line}: {sentence}\n    `{phrase}`: write {instead}", path.display())
    }
}

impl Allowed {
    fn covers(&self, finding: &Finding) -> bool {
        finding.path.starts_with(self.place)
            && (self.phrase == "*" || self.phrase == finding.phrase)
            && finding.sentence.contains(self.sentence)
    }
}

/// The findings of one file.
fn check(path: &Path, text: &str) -> syn::Result<Vec<Finding>> {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    if !is_rust {
        return Ok(in_passages(path, &paragraphs(text)));
    }
    let mut findings = in_passages(path, &rust_text::passages(text));
    findings.extend(in_names(path, &Names::read(text)?));
    Ok(findings)
}

fn in_passages(path: &Path, passages: &[Passage]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for passage in passages {
        findings.extend(phrase::find(&passage.text).into_iter().map(|hit| Finding {
            path: path.to_owned(),
            line: passage.line_at(hit.offset),
            phrase: hit.phrase,
            sentence: phrase::sentence(&passage.text, hit.offset),
            instead: hit.instead,
        }));
    }
    findings
}

/// Tests whose name is a refused phrase, and types whose name is a question word.
fn in_names(path: &Path, names: &Names) -> Vec<Finding> {
    let mut findings = Vec::new();
    for test in &names.tests {
        findings.extend(phrase::find(&test.name.replace('_', " ")).into_iter().map(|hit| Finding {
            path: path.to_owned(),
            line: test.line,
            phrase: hit.phrase,
            sentence: format!("fn {}", test.name),
            instead: hit.instead,
        }));
    }
    for found in &names.types {
        let interrogative = INTERROGATIVES.iter().find(|word| **word == found.name);
        findings.extend(interrogative.map(|phrase| Finding {
            path: path.to_owned(),
            line: found.line,
            phrase,
            sentence: format!("type {}", found.name),
            instead: "a noun: `Subject`, `KeySelector`, `FileOwner`",
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines and the phrases of the findings.
    fn found(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        check(path.as_ref(), text).unwrap().iter().map(|finding| (finding.line, finding.phrase)).collect()
    }

    #[test]
    fn a_planted_phrase_is_found_in_every_kind_of_text() {
        let source = "//! Nobody waits.\n\n/// The limit is\n/// to be small.\nstruct Whom;\n\nfn f() {\n    \
                      bail!(\"whoever asks\");\n    // It happens anew.\n}\n\n#[test]\nfn a_stranger_is_refused() {}\n";

        assert_eq!(
            found("crates/a/src/b.rs", source),
            [(1, "nobody"), (3, "is to be"), (8, "whoever"), (9, "anew"), (13, "a stranger"), (5, "Whom")]
        );
        assert_eq!(found("docs/a.md", "# Title\n\nIt is\nto be.\n"), [(3, "is to be")]);
    }

    #[test]
    fn code_is_not_read_as_text() {
        assert!(
            found("crates/a/src/b.rs", "const NOBODY: u32 = 65534;\nfn tells() { judge(\"nobody\") }")
                .is_empty()
        );
    }

    #[test]
    fn a_finding_names_the_place_the_sentence_and_the_alternative() {
        let finding = &check(Path::new("docs/a.md"), "One. It is done anew. Three.").unwrap()[0];

        assert_eq!(finding.to_string(), "docs/a.md:1: It is done anew.\n    `anew`: write again");
    }

    #[test]
    fn an_exception_covers_its_place_phrase_and_sentence_only() {
        let allowed = Allowed { place: "docs", phrase: "anew", sentence: "done anew", reason: "a quotation" };
        let covers = |path: &str, text: &str| {
            check(path.as_ref(), text).unwrap().iter().all(|finding| allowed.covers(finding))
        };

        assert!(covers("docs/a.md", "It is done anew."));
        assert!(!covers("README.md", "It is done anew."));
        assert!(!covers("docs/a.md", "It begins anew."));
        assert!(!covers("docs/a.md", "Whoever has done anew."));
    }
}
