//! Files of texts: single messages that replace ours.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};

use crate::language::Language;
use crate::original::text_file;
use crate::overrides::error::{OverrideError, OverrideErrors, OverrideKind};
use crate::overrides::nearest::nearest;
use crate::overrides::{OverrideFile, line_at, text};
use crate::texts::{self, Texts};

/// The numbers with which each message is formatted: every plural form of our languages has one of them.
const COUNTS: [usize; 8] = [0, 1, 2, 3, 6, 11, 100, 1_000_000];

/// Reads the files: a name for each language that has one.
pub(super) fn read(files: Vec<OverrideFile>) -> Result<BTreeMap<String, String>, OverrideErrors> {
    let (mut read, mut errors) = (BTreeMap::new(), Vec::new());
    for file in files {
        if language(&file.name).is_none() {
            let names: Vec<_> = Language::ALL.into_iter().map(text_file).collect();
            errors.push(error(&file.name, None, format!("is not one of {}", names.join(", "))));
            continue;
        }
        match text(OverrideKind::Texts, file) {
            Ok((name, text)) => drop(read.insert(name, text)),
            Err(error) => errors.push(error),
        }
    }
    OverrideErrors::check(errors).map(|()| read)
}

/// Our texts with those of the files in their place.
pub(super) fn build(files: &BTreeMap<String, String>) -> Result<Texts, OverrideErrors> {
    let (mut texts, mut errors) = (Texts::embedded(), Vec::new());
    let languages = files.iter().filter_map(|(name, source)| Some((name, language(name)?, source)));
    for (name, language, source) in languages.clone() {
        match FluentResource::try_new(source.clone()) {
            Ok(resource) => {
                errors.extend(faults(name, language, source, &resource));
                texts.override_texts(language, resource);
            }
            Err((_, faults)) => errors.extend(faults.into_iter().map(|fault| {
                let line = Some(line_at(source, fault.pos.start));
                error(name, line, format!("is not a message of Fluent: {}", fault.kind))
            })),
        }
    }
    OverrideErrors::check(errors)?;
    let unformatted =
        languages.flat_map(|(name, language, source)| unformatted(&texts, name, language, source));
    OverrideErrors::check(unformatted.collect()).map(|()| texts)
}

fn language(file: &str) -> Option<Language> {
    Language::from_code(file.strip_suffix(".ftl")?)
}

fn error(file: &str, line: Option<usize>, problem: impl Into<String>) -> OverrideError {
    OverrideError::new(OverrideKind::Texts, file, line, problem)
}

/// The ids and the values of our messages in a language.
fn known(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource = texts::resource(language);
    messages(&resource)
        .map(|(id, pattern)| (id.to_owned(), pattern.map(values).unwrap_or_default()))
        .collect()
}

/// The messages of a file with their texts.
fn messages(resource: &FluentResource) -> impl Iterator<Item = (&str, Option<&Pattern<&str>>)> {
    resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some((message.id.name, message.value.as_ref())),
        Entry::Term(_)
        | Entry::Comment(_)
        | Entry::GroupComment(_)
        | Entry::ResourceComment(_)
        | Entry::Junk { .. } => None,
    })
}

/// Messages that we do not have, or that want what we do not give.
fn faults(file: &str, language: Language, source: &str, resource: &FluentResource) -> Vec<OverrideError> {
    let (known, mut seen, mut faults) = (known(language), BTreeSet::new(), Vec::new());
    for (id, pattern) in messages(resource) {
        let mut add = |problem: String, meant: Option<&str>| {
            let fault = error(file, line_of(source, id, seen.contains(id)), problem);
            faults.push(fault.with_nearest(meant));
        };
        match (known.get(id), pattern) {
            (None, _) => add(
                format!("`{id}` is not a text of the pages"),
                nearest(id, known.keys().map(String::as_str)),
            ),
            (_, None) => add(format!("`{id}` has no text"), None),
            _ if seen.contains(id) => add(format!("`{id}` is there twice"), None),
            (Some(known), Some(pattern)) => {
                for value in values(pattern).difference(known) {
                    let has = match known.is_empty() {
                        true => "none".to_owned(),
                        false => known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                    };
                    let meant = nearest(value, known.iter().map(String::as_str));
                    add(format!("`{id}` has no value `{value}`; it has {has}"), meant);
                }
            }
        }
        seen.insert(id);
    }
    faults
}

/// Messages that cannot be formatted, because they refer to what does not exist.
fn unformatted(texts: &Texts, file: &str, language: Language, source: &str) -> Vec<OverrideError> {
    let known = known(language);
    let fault = |(id, values): (&String, &BTreeSet<String>)| {
        let line = line_of(source, id, false)?;
        let problem = inserted(values).iter().find_map(|args| texts.format(language, id, args).err())?;
        Some(error(file, Some(line), problem.to_string()))
    };
    known.iter().filter_map(fault).collect()
}

/// Values for a message: texts, and each number.
fn inserted(names: &BTreeSet<String>) -> Vec<FluentArgs<'static>> {
    let all = |value: FluentValue<'static>| {
        names.iter().map(|name| (name.clone(), value.clone())).collect::<FluentArgs<'_>>()
    };
    let numbers = COUNTS.into_iter().map(FluentValue::from);
    [FluentValue::from("x")].into_iter().chain(numbers).map(all).collect()
}

/// The line where a message begins: the first one with this id, or the second one.
fn line_of(source: &str, id: &str, is_second: bool) -> Option<usize> {
    let begins = |line: &str| line.strip_prefix(id).is_some_and(|rest| rest.trim_start().starts_with('='));
    let mut lines = source.lines().zip(1..).filter(|(line, _)| begins(line)).map(|(_, number)| number);
    lines.nth(usize::from(is_second))
}

/// The names of the values that a text inserts or distinguishes.
fn values(pattern: &Pattern<&str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    add_pattern(pattern, &mut names);
    names
}

fn add_pattern(pattern: &Pattern<&str>, names: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression } => add_expression(expression, names),
        }
    }
}

fn add_expression(expression: &Expression<&str>, names: &mut BTreeSet<String>) {
    match expression {
        Expression::Select { selector, variants } => {
            add_inline(selector, names);
            variants.iter().for_each(|variant| add_pattern(&variant.value, names));
        }
        Expression::Inline(inline) => add_inline(inline, names),
    }
}

fn add_inline(inline: &InlineExpression<&str>, names: &mut BTreeSet<String>) {
    let mut add_arguments = |arguments: &CallArguments<&str>| {
        arguments.positional.iter().for_each(|argument| add_inline(argument, names));
        arguments.named.iter().for_each(|argument| add_inline(&argument.value, names));
    };
    match inline {
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::MessageReference { .. } => {}
        InlineExpression::FunctionReference { arguments, .. } => add_arguments(arguments),
        InlineExpression::TermReference { arguments, .. } => arguments.iter().for_each(add_arguments),
        InlineExpression::VariableReference { id } => drop(names.insert(id.name.to_owned())),
        InlineExpression::Placeable { expression } => add_expression(expression, names),
    }
}
