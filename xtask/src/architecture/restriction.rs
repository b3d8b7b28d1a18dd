//! A rule that some files must not use some names.

use std::path::Path;

use crate::module_graph::modules::{module_path, resolve};
use crate::rust_source::RustFile;
use crate::rust_source::references::{Reference, Target};

/// The files in `within`, except those in `except`, must not refer to the names in `refused`.
pub(crate) struct Restriction {
    /// The rule in one sentence.
    pub(crate) rule: &'static str,
    /// Folders and files, below the root of the workspace.
    pub(crate) within: &'static [&'static str],
    pub(crate) except: &'static [&'static str],
    pub(crate) refused: &'static [Refused],
    /// Names of the workspace that `refused` contains and that code outside tests must still mention somewhere. After
    /// a rename the rule would otherwise refuse nothing.
    pub(crate) existing: &'static [&'static str],
    /// A file and a line of code in it that violate the rule.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the tests plant it"))]
    pub(crate) planted: (&'static str, &'static str),
}

/// What a restriction refuses.
pub(crate) enum Refused {
    /// Everything of this crate: the first name of a path. A `*` at the end stands for any letters.
    Crate(&'static str),
    /// These names in a row anywhere in a path: `crate::store`, `Principal::verified`.
    Path(&'static str),
    /// A name anywhere in a path. A `*` at either end stands for any letters.
    Name(&'static str),
    /// A method or field.
    Member(&'static str),
    /// A string literal that contains this text, in upper or lower case.
    Text(&'static str),
}

impl Restriction {
    /// The violations of one file, with their places.
    pub(crate) fn violations(&self, file: &RustFile) -> Vec<String> {
        if !is_below(&file.path, self.within) || is_below(&file.path, self.except) {
            return Vec::new();
        }
        let module = module_of(&file.path);
        let refused = file.references.iter().filter(|reference| {
            let path = absolute(&module, reference);
            self.refused.iter().any(|refused| refused.matches(reference, &path))
        });
        let violation = |reference: &Reference| {
            let (path, line) = (file.path.display(), reference.line);
            format!("{path}:{line}: `{}` (rule {})", shown(&reference.target), self.rule)
        };
        let mut violations: Vec<String> = refused.map(violation).collect();
        violations.dedup();
        violations
    }

    /// The folders and files of the rule that do not exist: a rule without files is never violated.
    pub(crate) fn missing_files(&self, files: &[RustFile]) -> Vec<String> {
        let names = self.within.iter().chain(self.except);
        let missing = names.filter(|name| !files.iter().any(|file| is_below(&file.path, &[name])));
        missing.map(|name| format!("{name} does not exist (rule {})", self.rule)).collect()
    }

    /// The names of the rule that no code mentions.
    pub(crate) fn missing_names(&self, files: &[RustFile]) -> Vec<String> {
        let is_mentioned = |name: &str| {
            let mut references = files.iter().flat_map(|file| &file.references);
            references.any(|reference| match &reference.target {
                Target::Use { path, .. } | Target::Path(path) => path.iter().any(|part| part == name),
                Target::Member(member) => member == name,
                Target::Literal(_) => false,
            })
        };
        let missing = self.existing.iter().filter(|name| !is_mentioned(name));
        missing.map(|name| format!("no code mentions `{name}` (rule {})", self.rule)).collect()
    }
}

impl Refused {
    /// `path` is the path of the reference from the root of its crate, if it has one.
    fn matches(&self, reference: &Reference, path: &[String]) -> bool {
        match self {
            Self::Crate(name) => path.first().is_some_and(|first| matches_glob(first, name)),
            Self::Path(names) => {
                let names: Vec<&str> = names.split("::").collect();
                path.windows(names.len()).any(|part| part == &names[..])
            }
            Self::Name(name) => path.iter().any(|part| matches_glob(part, name)),
            Self::Member(name) => matches!(&reference.target, Target::Member(member) if member == name),
            Self::Text(text) => {
                matches!(&reference.target, Target::Literal(literal) if literal.to_lowercase().contains(text))
            }
        }
    }
}

/// Whether `path` is one of `places` or lies below one. `conformance` includes `conformance.rs`.
fn is_below(path: &Path, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place) || path.with_extension("").starts_with(place))
}

/// The module of a file in a `src` folder; of another file, its path.
fn module_of(path: &Path) -> Vec<String> {
    let mut names = path.iter();
    let has_source_folder = names.by_ref().any(|name| name == "src");
    module_path(if has_source_folder { names.as_path() } else { path })
}

/// The path of a reference, from `crate` where it leads into its own crate.
fn absolute(module: &[String], reference: &Reference) -> Vec<String> {
    let (Target::Use { path, .. } | Target::Path(path)) = &reference.target else { return Vec::new() };
    match resolve(module, &reference.within, path) {
        Some(resolved) => std::iter::once("crate".to_owned()).chain(resolved).collect(),
        None => path.clone(),
    }
}

fn shown(target: &Target) -> String {
    match target {
        Target::Use { path, .. } | Target::Path(path) => path.join("::"),
        Target::Member(name) => format!(".{name}"),
        Target::Literal(literal) => literal.clone(),
    }
}

fn matches_glob(name: &str, glob: &str) -> bool {
    match (glob.strip_prefix('*'), glob.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(glob.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == glob,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::restrictions;

    const RULE: Restriction = Restriction {
        rule: "0",
        within: &["crates/a/src"],
        except: &["crates/a/src/free"],
        refused: &[Refused::Path("crate::store"), Refused::Member("touch"), Refused::Text("set-cookie")],
        existing: &["store"],
        planted: ("crates/a/src/b.rs", "use crate::store::A;"),
    };

    fn file(path: &str, text: &str) -> RustFile {
        RustFile::parse(path.as_ref(), text.to_owned()).unwrap()
    }

    fn count(path: &str, text: &str) -> usize {
        RULE.violations(&file(path, text)).len()
    }

    #[test]
    fn every_restriction_finds_its_planted_violation() {
        for restriction in restrictions() {
            let (path, code) = restriction.planted;
            let text =
                if code.starts_with("use ") { code.to_owned() } else { format!("fn f() {{ {code} }}") };

            let found = restriction.violations(&file(path, &text));

            assert!(!found.is_empty(), "rule {}: {code}", restriction.rule);
        }
    }

    #[test]
    fn a_path_is_followed_from_super_and_through_a_use_tree() {
        for text in [
            "use crate::{model, store::A};",
            "fn f() { super::store::g(); }",
            "mod inner { use super::super::store::A; }",
            "#[error(limit = crate::store::LIMIT)] struct A;",
            "fn f() { a.touch(); }",
            "const NAME: &str = \"Set-Cookie\";",
        ] {
            assert_eq!(count("crates/a/src/b.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn comments_tests_and_excepted_files_are_free() {
        let comment = "//! crate::store\n/// [`crate::store`]\nfn f() {} // crate::store\n";
        assert_eq!(count("crates/a/src/b.rs", comment), 0);
        assert_eq!(count("crates/a/src/b.rs", "#[cfg(test)]\nuse crate::store::A;"), 0);
        assert_eq!(count("crates/a/src/free/c.rs", "use crate::store::A;"), 0);
        assert_eq!(count("crates/a/src/free.rs", "use crate::store::A;"), 0);
        assert_eq!(count("crates/b/src/b.rs", "use crate::store::A;"), 0);
    }

    #[test]
    fn code_after_test_code_is_read() {
        assert_eq!(count("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;\nuse crate::store::A;"), 1);
    }

    #[test]
    fn a_rule_about_missing_files_or_names_is_a_violation() {
        let files = [file("crates/a/src/b.rs", "")];

        assert_eq!(RULE.missing_files(&files), ["crates/a/src/free does not exist (rule 0)"]);
        assert_eq!(RULE.missing_names(&files), ["no code mentions `store` (rule 0)"]);
    }
}
