//! Templates that replace ours: their names, and what they may use.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Serde, Value, ValueKind};

use crate::original::Original;
use crate::overrides::error::{OverrideError, OverrideErrors, OverrideKind};
use crate::overrides::nearest::nearest;
use crate::overrides::{OverrideFile, line_at, text};
use crate::renderer::Renderer;
use crate::sample::Sample;
use crate::texts::Texts;

/// Reads the files: the text of each template.
pub(super) fn read(files: Vec<OverrideFile>) -> Result<BTreeMap<String, String>, OverrideErrors> {
    let known: BTreeSet<_> = Original::templates().map(|file| file.name).collect();
    let (mut read, mut errors) = (BTreeMap::new(), Vec::new());
    for file in files {
        if !known.contains(&file.name) {
            let unknown = error(&file.name, None, "is not the name of a template of the pages");
            errors.push(unknown.with_nearest(nearest(&file.name, known.iter().map(String::as_str))));
            continue;
        }
        match text(OverrideKind::Template, file) {
            Ok((name, text)) => drop(read.insert(name, text)),
            Err(error) => errors.push(error),
        }
    }
    OverrideErrors::check(errors).map(|()| read)
}

/// Our templates with these in their place.
pub(super) fn compile(
    templates: &BTreeMap<String, String>,
    texts: Texts,
) -> Result<Renderer, OverrideErrors> {
    let (mut renderer, mut errors) = (Renderer::with_texts(texts), Vec::new());
    for original in Original::templates() {
        let name = original.name.clone();
        let Some(source) = templates.get(&name) else {
            renderer.add_template(name, original.content).expect("a test compiles every template");
            continue;
        };
        errors.extend(unescaped(&name, source));
        if let Err(fault) = renderer.add_template(name.clone(), source.clone()) {
            let problem = fault.detail().map_or_else(|| fault.kind().to_string(), str::to_owned);
            errors.push(error(&name, fault.line(), problem));
        }
    }
    OverrideErrors::check(errors)?;
    let samples = Sample::all();
    let unknown =
        templates.iter().flat_map(|(name, source)| unknown_fields(&renderer, &samples, name, source));
    OverrideErrors::check(unknown.collect()).map(|()| renderer)
}

fn error(file: &str, line: Option<usize>, problem: impl Into<String>) -> OverrideError {
    OverrideError::new(OverrideKind::Template, file, line, problem)
}

/// What would show text as markup. An attacker could then register a script as a username.
fn unescaped(name: &str, source: &str) -> Vec<OverrideError> {
    let tags = source.match_indices("{%").filter(|(at, _)| {
        let tag = source[at + 2..].trim_start_matches(['-', '+']).trim_start();
        tag.starts_with("autoescape")
    });
    let filters = source.match_indices("safe").filter(|(at, word)| {
        let is_word_end =
            !source[at + word.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let before = source[..*at].trim_end();
        is_word_end && (before.ends_with('|') || before.ends_with("filter"))
    });
    let fault = |at: usize, what: &str| {
        let problem = format!("{what} would show what a user has typed as markup, and cannot be used");
        error(name, Some(line_at(source, at)), problem)
    };
    let tags = tags.map(|(at, _)| fault(at, "`autoescape`"));
    tags.chain(filters.map(|(at, _)| fault(at, "the filter `safe`"))).collect()
}

/// Fields that no view of the template has, also in a part that no sample reaches.
fn unknown_fields(renderer: &Renderer, samples: &[Sample], name: &str, source: &str) -> Vec<OverrideError> {
    let pages: Vec<_> = samples
        .iter()
        .filter(|sample| sample.template() == name)
        .map(|sample| sample.page().clone())
        .collect();
    let frames: Vec<_> = samples.iter().map(|sample| Value::from(Serde(sample.frame()))).collect();
    let fault = |used: String| {
        let (of, path) = used.split_once('.')?;
        let values = match of {
            "page" if !pages.is_empty() => &pages,
            "frame" => &frames,
            _ => return None,
        };
        if has_path(values, path) {
            return None;
        }
        let line = source.find(&used).map(|at| line_at(source, at));
        let meant = nearest_path(values, path).map(|path| format!("{of}.{path}"));
        let unknown = error(name, line, format!("`{used}` is not a field of this page"));
        Some(unknown.with_nearest(meant.as_deref()))
    };
    renderer.used_names(name).into_iter().filter_map(fault).collect()
}

/// Whether one of the values has these fields, one in the other. What is below a list or a text is not examined.
fn has_path(values: &[Value], path: &str) -> bool {
    if !values.iter().any(is_map) {
        return true;
    }
    let (field, rest) = first_of(path);
    let inner = inner(values, field);
    !inner.is_empty() && rest.is_none_or(|rest| has_path(&inner, rest))
}

/// The path with its first unknown field replaced by the one that was probably meant.
fn nearest_path(values: &[Value], path: &str) -> Option<String> {
    let (field, rest) = first_of(path);
    let inner = inner(values, field);
    if let (false, Some(rest)) = (inner.is_empty(), rest) {
        return nearest_path(&inner, rest).map(|path| format!("{field}.{path}"));
    }
    let maps = values.iter().filter(|value| is_map(value));
    let fields: BTreeSet<String> =
        maps.filter_map(|map| map.try_iter().ok()).flatten().map(|field| field.to_string()).collect();
    let meant = nearest(field, fields.iter().map(String::as_str))?;
    Some(rest.map_or_else(|| meant.to_owned(), |rest| format!("{meant}.{rest}")))
}

/// The first field of a path, and those below it.
fn first_of(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)))
}

fn is_map(value: &Value) -> bool {
    value.kind() == ValueKind::Map
}

/// The values of a field, of those that have it.
fn inner(values: &[Value], field: &str) -> Vec<Value> {
    let of_field = values.iter().filter(|value| is_map(value)).filter_map(|value| value.get_attr(field).ok());
    of_field.filter(|value| !value.is_undefined()).collect()
}
