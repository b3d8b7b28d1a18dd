//! Whether a library exports each of our types that its signatures name.
//!
//! Otherwise a user would have to depend on a crate that the library uses inside, in the right version, to name such a type.

use std::collections::{BTreeMap, BTreeSet};

use crate::public_api::rustdoc::{Definition, Document, Id};

/// The documents of our crates, by the name of the crate in code.
pub(super) type Documents = BTreeMap<String, Document>;

/// The types that `library` does not export, each with the items whose signatures name it.
pub(super) fn missing(documents: &Documents, library: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut exports = Exports { documents, definitions: BTreeSet::new(), items: BTreeSet::new() };
    if let Some(document) = documents.get(library) {
        exports.add_module(library, document.root);
    }
    let mut missing = BTreeMap::<String, BTreeSet<String>>::new();
    for (krate, item) in &exports.items {
        let owner = exports.name(krate, *item);
        for definition in exports.mentioned(krate, *item) {
            if documents.contains_key(definition.krate()) && !exports.definitions.contains(definition) {
                missing.entry(definition.path.join("::")).or_default().insert(owner.clone());
            }
        }
    }
    missing
}

/// What a library exports: its own items, and items of other crates.
struct Exports<'a> {
    documents: &'a Documents,
    definitions: BTreeSet<&'a Definition>,
    /// The same items in their documents.
    items: BTreeSet<(&'a str, Id)>,
}

impl<'a> Exports<'a> {
    fn add_module(&mut self, krate: &'a str, module: Id) {
        let Some(document) = self.documents.get(krate) else { return };
        let items = document.item(module).and_then(|item| item.module()).unwrap_or_default();
        for item in items {
            let target = document.item(item).and_then(|item| item.target());
            self.add(krate, target.unwrap_or(item));
        }
    }

    /// Adds an item of `krate`, or one of another crate that `krate` names. Of a module, what is in it.
    fn add(&mut self, krate: &'a str, item: Id) {
        let documents = self.documents;
        let Some(definition) = documents.get(krate).and_then(|document| document.definition(item)) else {
            return;
        };
        self.definitions.insert(definition);
        let Some((home, document)) = documents.get_key_value(definition.krate()) else { return };
        let Some(item) = document.find(definition) else { return };
        if !self.items.insert((home, item)) {
            return;
        }
        self.add_module(home, item);
    }

    /// The definitions that the signatures of an item and of its parts name.
    fn mentioned(&self, krate: &str, item: Id) -> Vec<&'a Definition> {
        let Some(document) = self.documents.get(krate) else { return Vec::new() };
        let Some(found) = document.item(item) else { return Vec::new() };
        let own = found.mentioned().into_iter().filter_map(|id| document.definition(id));
        let parts = found.parts().into_iter().flat_map(|part| self.mentioned(krate, part));
        own.chain(parts).collect()
    }

    /// The path of an item, for the message.
    fn name(&self, krate: &str, item: Id) -> String {
        let definition = self.documents.get(krate).and_then(|document| document.definition(item));
        definition.map_or_else(String::new, |definition| definition.path.join("::"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn path(id: Id, path: &str) -> Value {
        json!({ "path": path, "id": id, "args": null })
    }

    /// The library `a` with `pub use b::Order`, a function `buy` that takes a `b::Price`, and a private module with a type
    /// that `sell` takes. `more` are further items of `a`.
    fn documents(more: &[(Id, Value)]) -> Documents {
        let takes = |id| json!({ "function": { "sig": { "inputs": [["it", { "resolved_path": path(id, "It") }]] } } });
        let module = |items: Value| json!({ "module": { "items": items } });
        let item = |inner: Value| json!({ "attrs": [], "inner": inner });
        let ids: Vec<Id> = [1, 2, 3].into_iter().chain(more.iter().map(|(id, _)| *id)).collect();
        let mut a = json!({
            "root": 0,
            "index": {
                "0": item(module(json!(ids))),
                "1": item(json!({ "use": { "source": "b::Order", "name": "Order", "id": 11 } })),
                "2": item(takes(12)),
                "3": item(takes(13)),
            },
            "paths": {
                "0": { "path": ["a"], "kind": "module" },
                "2": { "path": ["a", "buy"], "kind": "function" },
                "3": { "path": ["a", "sell"], "kind": "function" },
                "11": { "path": ["b", "order", "Order"], "kind": "struct" },
                "12": { "path": ["b", "Price"], "kind": "struct" },
                "13": { "path": ["a", "private", "Rebate"], "kind": "struct" },
                "14": { "path": ["b"], "kind": "module" },
                "15": { "path": ["std", "Vec"], "kind": "struct" },
            },
        });
        for (id, inner) in more {
            a["index"][id.to_string()] = item(inner.clone());
        }
        let b = json!({
            "root": 0,
            "index": {
                "0": item(module(json!([5, 6, 7]))),
                "5": item(json!({ "struct": { "kind": { "plain": { "fields": [8] } }, "impls": [9, 10] } })),
                "6": item(json!({ "struct": { "kind": "unit", "impls": [] } })),
                "7": item(json!({ "struct": { "kind": "unit", "impls": [] } })),
                "8": item(json!({ "struct_field": { "resolved_path": path(7, "Owner") } })),
                "9": item(json!({ "impl": { "is_synthetic": true, "for": path(6, "Price") } })),
                "10": item(json!({ "impl": { "trait": path(20, "Clock"), "items": [] } })),
            },
            "paths": {
                "0": { "path": ["b"], "kind": "module" },
                "5": { "path": ["b", "order", "Order"], "kind": "struct" },
                "6": { "path": ["b", "Price"], "kind": "struct" },
                "7": { "path": ["b", "Owner"], "kind": "struct" },
                "20": { "path": ["b", "Clock"], "kind": "trait" },
            },
        });
        let read = |document| serde_json::from_value(document).unwrap();
        Documents::from([("a".to_owned(), read(a)), ("b".to_owned(), read(b))])
    }

    fn missing_types(more: &[(Id, Value)]) -> Vec<String> {
        missing(&documents(more), "a").into_keys().collect()
    }

    #[test]
    fn a_type_in_a_signature_must_be_exported() {
        let missing = missing(&documents(&[]), "a");

        let users = |name: &str| missing[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(users("a::private::Rebate"), ["a::sell"]);
        assert_eq!(users("b::Price"), ["a::buy"]);
        assert_eq!(users("b::Owner"), ["b::order::Order"], "a field of a type of another crate");
        assert_eq!(missing.len(), 3, "{missing:?}");
    }

    #[test]
    fn a_re_export_of_the_type_or_of_its_module_is_enough() {
        let price = json!({ "use": { "source": "b::Price", "name": "Cost", "id": 12 } });
        assert_eq!(missing_types(&[(30, price)]), ["a::private::Rebate", "b::Owner"]);

        let module = json!({ "use": { "source": "b", "name": "b", "id": 14 } });
        assert_eq!(missing_types(&[(30, module)]), ["a::private::Rebate"]);
    }

    #[test]
    fn types_of_other_projects_do_not_count() {
        let constant = json!({ "constant": { "type": { "resolved_path": path(15, "Vec") } } });
        assert_eq!(missing_types(&[(30, constant)]).len(), 3);
    }
}
