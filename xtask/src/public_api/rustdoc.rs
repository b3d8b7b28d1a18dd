//! The JSON of rustdoc for one crate, as far as the checks of this folder read it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// The number of an item in one document.
pub(super) type Id = u32;

/// Where an item is defined, and what it is. The same in the documents of all crates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Definition {
    /// From the name of the crate, private modules included.
    pub(super) path: Vec<String>,
    kind: String,
}

/// The items of a crate.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) root: Id,
    index: BTreeMap<Id, Item>,
    /// Also those of other crates that this one mentions.
    paths: BTreeMap<Id, Definition>,
}

/// An item. A crate's own private items are not in its document.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    attrs: Value,
    /// An object with one member, whose name is the kind of the item.
    inner: Value,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        serde_json::from_reader(BufReader::new(file)).context("rustdoc's JSON is not readable")
    }

    /// The item `id`, unless it belongs to another crate.
    pub(super) fn item(&self, id: Id) -> Option<&Item> {
        self.index.get(&id)
    }

    pub(super) fn definition(&self, id: Id) -> Option<&Definition> {
        self.paths.get(&id)
    }

    /// The item with this definition.
    pub(super) fn find(&self, definition: &Definition) -> Option<Id> {
        let found = self.paths.iter().find(|(id, other)| *other == definition && self.index.contains_key(id));
        found.map(|(id, _)| *id)
    }
}

impl Definition {
    /// The name of the crate.
    pub(super) fn krate(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

impl Item {
    /// The target of a re-export.
    pub(super) fn target(&self) -> Option<Id> {
        id_of(self.inner.get("use")?.get("id")?)
    }

    /// The items of a module.
    pub(super) fn module(&self) -> Option<Vec<Id>> {
        self.inner.get("module").map(|module| ids(&module["items"]))
    }

    /// The items that belong to this one: fields, variants, methods, implementations. Not those that every type has, or that are
    /// derived. What is in a module does not belong to it.
    pub(super) fn parts(&self) -> Vec<Id> {
        let body = match self.body() {
            Some(("module", _)) | None => return Vec::new(),
            Some((_, body)) => body,
        };
        let fields =
            [&body["kind"]["plain"]["fields"], &body["kind"]["struct"]["fields"], &body["kind"]["tuple"]];
        let others = ["items", "fields", "variants", "impls"].map(|name| &body[name]);
        fields.into_iter().chain(others).flat_map(ids).collect()
    }

    /// The items that the signature names. Of an implementation not the trait itself: a caller does not have to name it.
    pub(super) fn mentioned(&self) -> Vec<Id> {
        let mut found = Vec::new();
        match self.body() {
            Some(("impl", body)) => {
                let members = body.as_object().into_iter().flatten();
                members
                    .filter(|(name, _)| *name != "trait")
                    .for_each(|(_, value)| mentions(value, &mut found));
                mentions(&body["trait"]["args"], &mut found);
            }
            Some((_, body)) => mentions(body, &mut found),
            None => {}
        }
        found
    }

    /// The kind and what the document says of it. `None` for an implementation that the source does not contain.
    fn body(&self) -> Option<(&str, &Value)> {
        let (kind, body) = self.inner.as_object()?.iter().next()?;
        let is_made = body["is_synthetic"] == true
            || body.get("blanket_impl").is_some_and(|blanket| !blanket.is_null())
            || self.attrs.to_string().contains("automatically_derived");
        (!is_made).then_some((kind.as_str(), body))
    }
}

/// Collects every path in a signature: an object with these three members.
fn mentions(value: &Value, found: &mut Vec<Id>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("path") && members.contains_key("args") {
                found.extend(members.get("id").and_then(id_of));
            }
            members.values().for_each(|member| mentions(member, found));
        }
        Value::Array(values) => values.iter().for_each(|value| mentions(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn ids(value: &Value) -> Vec<Id> {
    value.as_array().into_iter().flatten().filter_map(id_of).collect()
}

fn id_of(value: &Value) -> Option<Id> {
    value.as_u64().and_then(|id| Id::try_from(id).ok())
}
