//! The modules of one crate and the imports between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::rust_source::RustFile;
use crate::rust_source::references::{Reference, Target};

/// The path of a module in its crate: `["model", "session"]`. The path of the crate's root is empty.
pub(crate) type ModulePath = Vec<String>;

/// How many re-exports are followed before a name is taken to live where it was last found.
const MAX_REEXPORTS: usize = 8;

/// An import of one module by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: ModulePath,
    pub(crate) to: ModulePath,
}

/// The modules of one crate. Every file is a module; inline modules belong to their file.
pub(crate) struct Modules<'a> {
    references: BTreeMap<ModulePath, &'a [Reference]>,
}

impl<'a> Modules<'a> {
    /// The modules that `files` make. They lie below `folder`, the `src` of the crate.
    pub(crate) fn new(folder: &Path, files: impl IntoIterator<Item = &'a RustFile>) -> Self {
        let module = |file: &'a RustFile| {
            let path = file.path.strip_prefix(folder).unwrap_or(&file.path);
            (module_path(path), &file.references[..])
        };
        Self { references: files.into_iter().map(module).collect() }
    }

    /// Whether the crate has this module.
    fn contains(&self, module: &[String]) -> bool {
        self.references.contains_key(module)
    }

    /// The modules directly below the crate's root.
    pub(crate) fn top_level(&self) -> BTreeSet<&str> {
        self.references.keys().filter_map(|path| path.first()).map(String::as_str).collect()
    }

    /// Which module imports which. A name is followed to the module that defines it. A re-export is not an import, so
    /// a `lib.rs` that only re-exports imports nothing.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (from, references) in &self.references {
            for reference in *references {
                let to = imported_path(reference).and_then(|path| self.target(from, reference, path));
                if let Some(to) = to.filter(|to| to != from) {
                    imports.insert(Import { from: from.clone(), to });
                }
            }
        }
        imports
    }

    /// The imports as edges of a graph, with the names that people write.
    pub(crate) fn edges(&self) -> Vec<(String, String)> {
        self.imports().iter().map(|import| (shown(&import.from), shown(&import.to))).collect()
    }

    /// The module that defines what `path`, written in `from`, means; `None` if that is another crate.
    fn target(&self, from: &ModulePath, reference: &Reference, path: &[String]) -> Option<ModulePath> {
        let (mut module, mut rest) = self.split(&self.absolute(from, &reference.within, path)?);
        for _ in 0..MAX_REEXPORTS {
            let Some((within, next)) = rest.first().and_then(|name| self.reexport(&module, name)) else {
                break;
            };
            (module, rest) = self.split(&self.absolute(&module, within, next)?);
        }
        Some(module)
    }

    /// `path`, written in the inline module `within` of `from`, as a path from the crate's root.
    fn absolute(&self, from: &[String], within: &[String], path: &[String]) -> Option<ModulePath> {
        resolve(from, within, path).or_else(|| {
            // A child module may be named without `self::`.
            let depth = from.len() + within.len() + 1;
            let child: ModulePath = from.iter().chain(within).chain(path).cloned().collect();
            (child.len() >= depth && self.contains(&child[..depth])).then_some(child)
        })
    }

    /// Splits a path from the crate's root into the deepest module and the names in it.
    fn split(&self, path: &ModulePath) -> (ModulePath, ModulePath) {
        let depth = (0..=path.len()).rev().find(|depth| self.contains(&path[..*depth]));
        let (module, rest) = path.split_at(depth.unwrap_or_default());
        (module.to_vec(), rest.to_vec())
    }

    /// The inline module and the path from which `module` re-exports `name`.
    fn reexport(&self, module: &ModulePath, name: &str) -> Option<(&'a [String], &'a [String])> {
        self.references.get(module)?.iter().find_map(|reference| match &reference.target {
            Target::Use { path, exported: Some(exported) } if exported == name => {
                Some((&reference.within[..], &path[..]))
            }
            Target::Use { .. } | Target::Path(_) | Target::Member(_) | Target::Literal(_) => None,
        })
    }
}

/// The path by which a reference imports something, if it does.
fn imported_path(reference: &Reference) -> Option<&[String]> {
    match &reference.target {
        Target::Use { path, exported: None } => Some(path),
        // A single name is local, or a `use` imported it. A parent that calls `child::run()` without importing it only
        // composes its children, which may use what the parent defines.
        Target::Path(path) if path.len() > 1 && is_relative(&path[0]) => Some(path),
        Target::Use { .. } | Target::Path(_) | Target::Member(_) | Target::Literal(_) => None,
    }
}

/// Whether a path that begins with this name leads into its own crate.
fn is_relative(first: &str) -> bool {
    ["crate", "self", "super"].contains(&first)
}

/// `path`, written in the inline module `within` of `from`, as a path from the crate's root; `None` unless it begins
/// with `crate`, `self` or `super`.
pub(crate) fn resolve(from: &[String], within: &[String], path: &[String]) -> Option<ModulePath> {
    let mut absolute: ModulePath = from.iter().chain(within).cloned().collect();
    let mut names = path.iter().peekable();
    match names.peek()?.as_str() {
        "crate" => {
            names.next();
            absolute.clear();
        }
        "self" => drop(names.next()),
        "super" => {}
        _ => return None,
    }
    while names.next_if(|name| *name == "super").is_some() {
        absolute.pop();
    }
    absolute.extend(names.cloned());
    Some(absolute)
}

/// The module of a file below `src`: `model/session.rs` and `model/session/mod.rs` are both `model::session`.
pub(crate) fn module_path(file: &Path) -> ModulePath {
    let mut path: ModulePath =
        file.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let last = path.last().map(String::as_str);
    if last == Some("mod") || (path.len() == 1 && (last == Some("lib") || last == Some("main"))) {
        path.pop();
    }
    path
}

/// A module as people write it.
pub(crate) fn shown(module: &[String]) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<RustFile> = files
            .iter()
            .map(|(path, text)| RustFile::parse(path.as_ref(), (*text).to_owned()).unwrap())
            .collect();
        let modules = Modules::new(Path::new(""), &files);
        modules.edges().into_iter().map(|(from, to)| format!("{from} > {to}")).collect()
    }

    #[test]
    fn an_import_leads_to_the_file_that_defines_the_name() {
        let files = [("lib.rs", ""), ("a.rs", "use crate::b::c::D;"), ("b/mod.rs", ""), ("b/c.rs", "")];
        assert_eq!(edges(&files), ["a > b::c"]);
    }

    #[test]
    fn a_reexport_is_followed() {
        let files = [("lib.rs", "pub use a::A;"), ("a.rs", ""), ("b.rs", "use crate::A;")];
        assert_eq!(edges(&files), ["b > a"]);
    }

    #[test]
    fn super_self_and_children_are_resolved() {
        let files = [
            ("lib.rs", ""),
            ("a/mod.rs", "use self::b::B; use c::C; fn f() { b::g() }"),
            ("a/b.rs", "use super::c::C; use std::fmt;"),
            ("a/c.rs", "fn f() { super::super::d::g() }"),
            ("d.rs", ""),
        ];
        assert_eq!(edges(&files), ["a > a::b", "a > a::c", "a::b > a::c", "a::c > d"]);
    }

    #[test]
    fn a_path_in_an_attribute_is_an_import() {
        let error = "enum E { #[error(\"{n}\", n = super::fetch::MAX)] A }";
        let files = [("lib.rs", ""), ("a/mod.rs", ""), ("a/error.rs", error), ("a/fetch.rs", "")];
        assert_eq!(edges(&files), ["a::error > a::fetch"]);
    }
}
