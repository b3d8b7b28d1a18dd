//! What a file takes from the rest of its crate: `use` lines, and paths written out in the code.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{UseTree, Visibility};

/// One path that a module names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The inline modules of the file that it stands in.
    pub(crate) within: Vec<String>,
    /// As written: `crate::kept::session::Session`. A glob ends with the module.
    pub(crate) path: Vec<String>,
    /// The name under which it is shown to others, where it is handed on (`pub use`).
    pub(crate) shown_as: Option<String>,
}

/// The imports of `file`, without those of its tests.
pub(crate) fn of(file: &syn::File) -> Vec<Import> {
    let mut visitor = Imports::default();
    visitor.visit_file(file);
    visitor.found.into_iter().collect()
}

#[derive(Default)]
struct Imports {
    within: Vec<String>,
    found: BTreeSet<Import>,
}

impl Imports {
    fn add(&mut self, path: &[String], shown_as: Option<String>) {
        self.found.insert(Import { within: self.within.clone(), path: path.to_vec(), shown_as });
    }

    /// Walks a `use` tree down to its leaves.
    fn add_tree(&mut self, tree: &UseTree, path: &mut Vec<String>, is_shown: bool) {
        match tree {
            UseTree::Path(branch) => {
                path.push(branch.ident.to_string());
                self.add_tree(&branch.tree, path, is_shown);
                path.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, path, is_shown);
                }
            }
            UseTree::Name(leaf) => self.add_leaf(path, &leaf.ident, &leaf.ident, is_shown),
            UseTree::Rename(leaf) => self.add_leaf(path, &leaf.ident, &leaf.rename, is_shown),
            UseTree::Glob(_) => self.add(path, is_shown.then(|| "*".to_owned())),
        }
    }

    fn add_leaf(&mut self, path: &[String], name: &syn::Ident, shown: &syn::Ident, is_shown: bool) {
        let mut path = path.to_vec();
        if name != "self" {
            path.push(name.to_string());
        }
        self.add(&path, is_shown.then(|| shown.to_string()));
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            self.within.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.within.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_shown = !matches!(item.vis, Visibility::Inherited);
        if !is_for_tests(&item.attrs) {
            self.add_tree(&item.tree, &mut Vec::new(), is_shown);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // Visibility (`pub(super)`) is a path of one name; what has more reaches for something.
        if names.len() > 1 && ["crate", "super", "self"].contains(&names[0].as_str()) {
            self.add(&names, None);
        }
        visit::visit_path(self, path);
    }
}

/// Whether `attributes` say that something is compiled for tests alone.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
        is_cfg_test || attribute.path().is_ident("test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        of(&syn::parse_file(text).unwrap()).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn a_tree_is_walked_to_its_leaves() {
        assert_eq!(paths("use crate::a::{self, b::C, d::*};"), ["crate::a", "crate::a::b::C", "crate::a::d"]);
    }

    #[test]
    fn a_path_in_the_code_counts_and_one_in_a_test_does_not() {
        let text = "fn f() { crate::a::g(); }\n#[cfg(test)] mod tests { use crate::b::H; }";
        assert_eq!(paths(text), ["crate::a::g"]);
    }

    #[test]
    fn what_is_handed_on_is_known_by_its_new_name() {
        let found = of(&syn::parse_file("pub use crate::a::B as C;").unwrap());
        assert_eq!(found[0].shown_as.as_deref(), Some("C"));
    }
}
