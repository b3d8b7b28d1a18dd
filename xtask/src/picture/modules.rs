//! The modules of one crate, and the arrows between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::picture::imports::Import;
use crate::picture::source::Source;

/// A module's place in its crate: `["kept", "session"]`; the root's is empty.
type Place = Vec<String>;

/// How often a name may be handed on before we stop to follow it.
const HANDED_ON: usize = 8;

/// Every file is a module; inline modules belong to their file.
pub(crate) struct Modules<'a> {
    imports: BTreeMap<Place, Vec<&'a Import>>,
}

impl<'a> Modules<'a> {
    /// The modules that `sources`, the files of one crate, make.
    pub(crate) fn of(sources: &'a [Source]) -> Self {
        let imports = sources.iter().map(|source| (place(&source.path), source.imports.iter().collect()));
        Self { imports: imports.collect() }
    }

    /// Which module uses which. A name is followed to where it is defined; handing it on (`pub use`) is not
    /// using it, so a façade makes no arrow.
    pub(crate) fn arrows(&self) -> Vec<(String, String)> {
        let mut arrows = BTreeSet::new();
        for (from, imports) in &self.imports {
            for import in imports.iter().filter(|import| import.shown_as.is_none()) {
                if let Some(to) = self.target(from, import).filter(|to| to != from) {
                    arrows.insert((shown(from), shown(&to)));
                }
            }
        }
        arrows.into_iter().collect()
    }

    /// The module that defines what `import`, written in `from`, means; `None` if that is another crate.
    fn target(&self, from: &Place, import: &Import) -> Option<Place> {
        let (mut module, mut path) = self.split(&self.absolute(from, import)?);
        for _ in 0..HANDED_ON {
            let Some(next) = path.first().and_then(|name| self.handed_on(&module, name)) else { break };
            (module, path) = self.split(&self.absolute(&module, next)?);
        }
        Some(module)
    }

    /// The path from the crate's root.
    fn absolute(&self, from: &Place, import: &Import) -> Option<Place> {
        let mut place: Place = from.iter().chain(&import.within).cloned().collect();
        let mut names = import.path.iter().peekable();
        match names.peek()?.as_str() {
            "crate" => {
                names.next();
                place.clear();
            }
            "self" => drop(names.next()),
            "super" => {}
            // Inside a module a child may be named without `self::`.
            child => {
                place.push(child.to_owned());
                let is_ours = self.imports.contains_key(&place);
                place.pop();
                is_ours.then_some(())?;
            }
        }
        while names.next_if(|name| *name == "super").is_some() {
            place.pop();
        }
        place.extend(names.cloned());
        Some(place)
    }

    /// Parts an absolute path into the deepest module and what is named in it.
    fn split(&self, path: &Place) -> (Place, Place) {
        let depth = (0..=path.len()).rev().find(|depth| self.imports.contains_key(&path[..*depth]));
        let (module, name) = path.split_at(depth.unwrap_or_default());
        (module.to_vec(), name.to_vec())
    }

    /// The import by which `module` hands `name` on.
    fn handed_on(&self, module: &Place, name: &str) -> Option<&'a Import> {
        let imports = self.imports.get(module)?;
        imports.iter().find(|import| import.shown_as.as_deref() == Some(name)).copied()
    }
}

/// `kept/session.rs` and `kept/session/mod.rs` are both `kept::session`.
fn place(path: &Path) -> Place {
    let mut place: Place =
        path.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let last = place.last().map(String::as_str);
    if last == Some("mod") || (place.len() == 1 && (last == Some("lib") || last == Some("main"))) {
        place.pop();
    }
    place
}

fn shown(place: &Place) -> String {
    if place.is_empty() { "crate".to_owned() } else { place.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::parse(path.into(), text).unwrap()).collect();
        Modules::of(&sources).arrows().into_iter().map(|(from, to)| format!("{from} > {to}")).collect()
    }

    #[test]
    fn an_arrow_runs_to_the_file_where_a_thing_lives() {
        let files = [("lib.rs", ""), ("a.rs", "use crate::b::c::D;"), ("b/mod.rs", ""), ("b/c.rs", "")];
        assert_eq!(arrows(&files), ["a > b::c"]);
    }

    #[test]
    fn a_facade_is_looked_through() {
        let files = [("lib.rs", "pub use a::A;"), ("a.rs", ""), ("b.rs", "use crate::A;")];
        assert_eq!(arrows(&files), ["b > a"]);
    }

    #[test]
    fn super_and_self_are_understood() {
        let files = [
            ("lib.rs", ""),
            ("a/mod.rs", "use self::b::B;"),
            ("a/b.rs", "use super::c::C; use std::fmt;"),
            ("a/c.rs", "fn f() { super::super::d::g() }"),
            ("d.rs", ""),
        ];
        assert_eq!(arrows(&files), ["a > a::b", "a::b > a::c", "a::c > d"]);
    }
}
