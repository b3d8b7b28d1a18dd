//! The texts that are checked: documents, the comments and strings of Rust files, and what the binary prints.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{run, run_with_input};
use crate::names::markdown;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text without code.
    Prose,
    /// Code within a sentence of a document.
    Span,
    /// Code within a comment or a message.
    Comment,
    /// A block of commands.
    Shell,
    /// A block of configuration.
    Toml,
}

/// A text, with the place where it stands.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) content: String,
}

/// The records of decisions and changes say what was true at their time.
const HISTORY: [&str; 2] = ["docs/adr", "CHANGELOG.md"];

/// The folders with documents, besides the root.
const DOCUMENT_FOLDERS: [&str; 2] = ["docs", "examples"];

/// The folders with the programs that users run.
const SOURCE_FOLDERS: [&str; 6] = [
    "crates/cli/src",
    "crates/counterfoil/src",
    "crates/core/src",
    "crates/sqlite/src",
    "crates/verify/src",
    "examples",
];

/// The files in `folder` and below with this extension, in order.
pub(super) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The documents, with their path below `root`.
pub(super) fn documents(root: &Path) -> Vec<(String, String)> {
    let at_root = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        at_root.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.extend(DOCUMENT_FOLDERS.iter().flat_map(|folder| files(&root.join(folder), "md")));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        (name, text)
    };
    let documents = paths.into_iter().map(read);
    documents.filter(|(name, _)| !HISTORY.iter().any(|history| name.starts_with(history))).collect()
}

/// The texts of all documents.
pub(super) fn of_documents(root: &Path) -> Vec<Text> {
    documents(root).iter().flat_map(|(name, text)| markdown::texts(name, text)).collect()
}

/// The comments and strings of the programs, without their tests. Code between backticks is a [`Kind::Comment`].
pub(super) fn of_sources(root: &Path) -> Vec<Text> {
    let paths = SOURCE_FOLDERS.iter().flat_map(|folder| files(&root.join(folder), "rs"));
    let paths = paths.filter(|path| !path.ends_with("tests.rs"));
    let texts = paths.flat_map(|path| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        lines(&name, &program)
    });
    texts.collect()
}

/// The lines of a Rust file that are comments or have strings, and their spans.
fn lines(name: &str, program: &str) -> Vec<Text> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(program.lines()) {
        let is_text = line.contains("//") || line.contains('"') || line.contains('`');
        if is_text {
            let place = format!("{name}:{number}");
            found.extend(spans(&place, Kind::Comment, line));
            found.push(Text { place, kind: Kind::Prose, content: line.to_owned() });
        }
    }
    found
}

/// The code between backticks on a line.
pub(super) fn spans(place: &str, kind: Kind, line: &str) -> Vec<Text> {
    let parts: Vec<&str> = line.split('`').collect();
    // Without a closing backtick, the span continues on the next line.
    let closed = if parts.len() % 2 == 1 { parts.len() } else { parts.len() - 1 };
    let spans = parts[..closed].iter().skip(1).step_by(2).filter(|span| !span.is_empty());
    spans.map(|span| Text { place: place.to_owned(), kind, content: (*span).to_owned() }).collect()
}

/// What `openapi` and `init` print, and the helps of all commands.
pub(super) fn of_output() -> Vec<Text> {
    let mut outputs = vec![("openapi".to_owned(), run(&["openapi"]).stdout)];
    for (domains, logout, verifiers) in [
        ("one", "immediate", "none"),
        ("many", "immediate", "third-parties"),
        ("many", "delayed", "own-services"),
    ] {
        let answers = format!(
            "issuer = \"https://auth.example\"\nclients = [\"pages\", \"mobile\", \"services\"]\n\
             domains = \"{domains}\"\nlogout = \"{logout}\"\nverifiers = \"{verifiers}\"\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let [input, output] = ["answers.toml", "counterfoil.toml"].map(|name| folder.path().join(name));
        fs::write(&input, answers).unwrap();
        let [input_path, output_path] = [&input, &output].map(|path| path.to_str().unwrap());
        let printed = run_with_input(&["init", "--answers", input_path, "--out", output_path], "");
        assert_eq!(printed.status, 0, "{printed:?}");
        let file = fs::read_to_string(&output).unwrap();
        outputs.push((
            format!("init {domains} {logout}"),
            format!("{}\n{}\n{file}", printed.stdout, printed.stderr),
        ));
    }
    let texts = outputs.iter().flat_map(|(name, output)| {
        let output = output.replace("\\n", "\n");
        lines(name, &output.lines().map(|line| format!("// {line}\n")).collect::<String>())
    });
    texts.collect()
}
