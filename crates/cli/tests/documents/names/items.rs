//! The items of the Rust crates: public ones, as `docs/public-api` lists them, and those of the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::names::text::files;

/// The items.
pub(super) struct Items {
    /// The paths of the public items.
    public: BTreeSet<String>,
    /// The words of the source of all crates.
    words: BTreeSet<String>,
}

impl Items {
    pub(super) fn read(root: &Path) -> Self {
        let lists = files(&root.join("docs/public-api"), "txt")
            .into_iter()
            .map(|file| fs::read_to_string(file).unwrap());
        let public = lists.flat_map(|list| list.lines().filter_map(path_of).collect::<Vec<_>>()).collect();
        let sources = ["crates", "fault-injection", "xtask", "benches"].map(|folder| root.join(folder));
        let mut words = BTreeSet::new();
        for source in sources.iter().flat_map(|folder| files(folder, "rs")) {
            let text = fs::read_to_string(source).unwrap();
            let is_end = |letter: char| !(letter.is_alphanumeric() || letter == '_');
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.for_each(|line| words.extend(line.split(is_end).map(str::to_owned)));
        }
        Self { public, words }
    }

    /// The path in a span, if it is the path of an item of this project that does not exist.
    pub(super) fn missing(&self, span: &str) -> Vec<String> {
        let is_end = |letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':');
        let path = span.trim_start_matches(['&', '[', '#']).split(is_end).next().unwrap_or_default();
        let parts: Vec<&str> = path.split("::").filter(|part| !part.is_empty()).collect();
        let [first, .., last] = parts[..] else { return vec![] };
        if FOREIGN.contains(&first) || LOG_TARGETS.contains(&path) {
            return vec![];
        }
        let is_in_public_crate = first == "counterfoil" || first == "counterfoil_verify";
        let is_public_type = self.public.iter().any(|item| item.ends_with(&format!("::{first}")));
        let is_public = self.public.iter().any(|item| item == path || item.ends_with(&format!("::{path}")));
        let exists =
            is_public || (!is_in_public_crate && self.words.contains(last) && self.words.contains(first));
        let may_be_private = !is_in_public_crate && !is_public_type;
        if is_public || (may_be_private && exists) || self.is_inherited(&parts) {
            return vec![];
        }
        vec![format!("no item {path}")]
    }

    /// Whether the path names what a public type has without being in the list: a variant, a field, or an item of a type
    /// that is exported again from another crate.
    fn is_inherited(&self, parts: &[&str]) -> bool {
        let [parent @ .., last] = parts else { return false };
        let parent = parent.join("::");
        let is_known =
            self.public.iter().any(|item| *item == parent || item.ends_with(&format!("::{parent}")));
        // Its items are in the list of the crate that defines it, unless that crate has no list.
        let has_items = self.public.iter().any(|item| item.contains(&format!("{parent}::")));
        is_known && !has_items && self.words.contains(*last)
    }
}

/// Crates and types of others, and prefixes that are no Rust.
const FOREIGN: [&str; 8] = ["std", "axum", "tokio", "tower", "serde_json", "syn", "http", "tests"];

/// Targets of log lines, which look like modules.
const LOG_TARGETS: [&str; 1] = ["counterfoil::requests"];

/// The path of the item of a line as `pub fn counterfoil::App::open(..)`.
fn path_of(line: &str) -> Option<String> {
    let start = line.find("counterfoil")?;
    let is_end = |letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':');
    let path = line[start..].split(is_end).next()?;
    line.contains("pub ").then(|| path.trim_end_matches(':').to_owned())
}
