//! Rules for the modules at the top of a crate: imports only lead down, and `lib.rs` has few modules.

use std::collections::BTreeSet;
use std::path::Path;

use crate::module_graph::modules::{Import, Modules, shown};
use crate::rust_source::{self, RustFile};

/// The order of the modules at the top of a crate.
pub(crate) struct Layered {
    /// The `src` of the crate, below the root of the workspace.
    pub(crate) folder: &'static str,
    /// Every module at the top, the lowest first. A module imports only from modules before it. `lib.rs` is above
    /// all of them.
    pub(crate) order: &'static [&'static str],
}

impl Layered {
    /// The imports that lead up, and the modules that the order lacks or that do not exist.
    pub(crate) fn violations(&self, files: &[RustFile]) -> Vec<String> {
        let folder = Path::new(self.folder);
        let modules = Modules::new(folder, files.iter().filter(|file| file.path.starts_with(folder)));
        let existing = modules.top_level();
        let ordered: BTreeSet<&str> = self.order.iter().copied().collect();

        let imports = modules.imports();
        let mut found: Vec<String> = imports.iter().filter_map(|import| self.violation(import)).collect();
        let without_layer = existing.difference(&ordered);
        found.extend(without_layer.map(|module| format!("{}: `{module}` has no layer", self.folder)));
        let missing = ordered.difference(&existing);
        found.extend(missing.map(|module| format!("{}: the layer `{module}` does not exist", self.folder)));
        found
    }

    fn violation(&self, import: &Import) -> Option<String> {
        // `lib.rs` imports from all modules.
        let from = import.from.first()?;
        let (below, above) = (self.layer(from)?, import.to.first().map_or(usize::MAX, |to| self.height(to)));
        (above > below).then(|| {
            let (folder, from, to) = (self.folder, shown(&import.from), shown(&import.to));
            format!("{folder}: `{from}` imports from `{to}`, which is above it")
        })
    }

    fn layer(&self, module: &str) -> Option<usize> {
        self.order.iter().position(|name| *name == module)
    }

    /// A module without a layer is reported as such, not by its imports.
    fn height(&self, module: &str) -> usize {
        self.layer(module).unwrap_or_default()
    }
}

/// The largest number of modules that a `lib.rs` declares. Modules for tests do not count.
pub(crate) struct ModuleLimit {
    pub(crate) file: &'static str,
    pub(crate) most: usize,
}

impl ModuleLimit {
    /// The file, if it does not exist or declares too many modules.
    pub(crate) fn violations(&self, files: &[RustFile]) -> Option<String> {
        let Self { file, most } = self;
        let Some(found) = files.iter().find(|found| found.path == Path::new(file)) else {
            return Some(format!("{file} does not exist"));
        };
        let count = rust_source::module_count(found);
        (count > *most).then(|| format!("{file} declares {count} modules, more than {most}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Layered = Layered { folder: "a/src", order: &["clock", "admin", "routes"] };

    fn files(texts: &[(&str, &str)]) -> Vec<RustFile> {
        let parse = |(path, text): &(&str, &str)| {
            RustFile::parse(&Path::new("a/src").join(path), (*text).to_owned()).unwrap()
        };
        texts.iter().map(parse).collect()
    }

    fn violations(texts: &[(&str, &str)]) -> Vec<String> {
        ORDER.violations(&files(texts))
    }

    const LIB: (&str, &str) = ("lib.rs", "mod admin; mod clock; mod routes; pub use routes::R;");

    #[test]
    fn an_import_that_leads_down_is_allowed() {
        let texts = [LIB, ("clock.rs", ""), ("admin/mod.rs", "use crate::clock::C;"), ("routes.rs", "")];
        assert!(violations(&texts).is_empty());
    }

    #[test]
    fn an_import_that_leads_up_is_a_violation() {
        let texts = [
            LIB,
            ("clock.rs", ""),
            ("admin/mod.rs", ""),
            ("admin/minting.rs", "use crate::routes::scope::read;"),
            ("routes/mod.rs", ""),
            ("routes/scope.rs", ""),
        ];
        assert_eq!(
            violations(&texts),
            ["a/src: `admin::minting` imports from `routes::scope`, which is above it"]
        );
    }

    #[test]
    fn an_import_from_the_root_leads_to_the_module_behind_it() {
        let texts = [LIB, ("clock.rs", "use crate::R;"), ("admin.rs", ""), ("routes.rs", "")];
        assert_eq!(violations(&texts), ["a/src: `clock` imports from `routes`, which is above it"]);
    }

    #[test]
    fn the_order_names_exactly_the_modules_that_exist() {
        let texts = [LIB, ("clock.rs", ""), ("admin.rs", ""), ("server.rs", "")];
        assert_eq!(
            violations(&texts),
            ["a/src: `server` has no layer", "a/src: the layer `routes` does not exist"]
        );
    }

    #[test]
    fn a_root_with_too_many_modules_is_a_violation() {
        let limit = ModuleLimit { file: "a/src/lib.rs", most: 2 };

        let three = limit.violations(&files(&[LIB]));
        let two = limit.violations(&files(&[("lib.rs", "mod a; mod b; #[cfg(test)] mod c;")]));

        assert_eq!(three.unwrap(), "a/src/lib.rs declares 3 modules, more than 2");
        assert!(two.is_none());
        assert_eq!(limit.violations(&[]).unwrap(), "a/src/lib.rs does not exist");
    }
}
