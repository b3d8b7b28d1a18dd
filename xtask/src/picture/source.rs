//! One file, measured. Tests inside it are left out, but for its length.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::picture::imports::{self, Import, is_for_tests};

/// What a file holds.
pub(crate) struct Source {
    /// From the crate's `src`.
    pub(crate) path: PathBuf,
    /// All lines, tests included.
    pub(crate) lines: usize,
    /// Lines that are not blank.
    pub(crate) written: usize,
    /// Lines that hold nothing but a comment.
    pub(crate) comments: usize,
    pub(crate) functions: Vec<Function>,
    pub(crate) imports: Vec<Import>,
}

/// A function with a body.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where its signature begins.
    pub(crate) line: usize,
    /// Lines from the signature to the closing brace; attributes and documentation do not count.
    pub(crate) length: usize,
}

impl Source {
    /// Measures the file at `path`, which lies below `folder`.
    pub(crate) fn read(folder: &Path, path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let relative = path.strip_prefix(folder).unwrap_or(path).to_owned();
        Self::parse(relative, &text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// Measures `text`.
    pub(crate) fn parse(path: PathBuf, text: &str) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        let mut visitor = Functions::default();
        visitor.visit_file(&file);

        let outside = |line: usize| !visitor.tests.iter().any(|tests| tests.contains(&line));
        let code: Vec<&str> = (1..)
            .zip(text.lines())
            .filter_map(|(number, line)| outside(number).then_some(line.trim()))
            .filter(|line| !line.is_empty())
            .collect();
        Ok(Self {
            path,
            lines: text.lines().count(),
            written: code.len(),
            comments: code.iter().filter(|line| line.starts_with("//")).count(),
            functions: visitor.functions,
            imports: imports::of(&file),
        })
    }
}

#[derive(Default)]
struct Functions {
    functions: Vec<Function>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.span().start().line;
        let length = body.span().end().line + 1 - line;
        self.functions.push(Function { name: signature.ident.to_string(), line, length });
    }

    fn leave_out(&mut self, span: Span) {
        self.tests.push(span.start().line..=span.end().line);
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_for_tests(&module.attrs) {
            return self.leave_out(module.span());
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if is_for_tests(&function.attrs) {
            return self.leave_out(function.span());
        }
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
//! A file.

/// Says one thing.
#[inline]
fn one() -> u8 {
    // Because.
    1
}

impl T {
    fn two(
        a: u8,
    ) {}
}

trait Three {
    fn without_a_body();
}

#[cfg(test)]
mod tests {
    // Not counted.
    fn nor_this() {}
}
";

    #[test]
    fn functions_are_measured_from_signature_to_brace_and_tests_are_not() {
        let source = Source::parse("a.rs".into(), TEXT).unwrap();

        let function = |name: &str, line, length| Function { name: name.to_owned(), line, length };
        assert_eq!(source.functions, [function("one", 5, 4), function("two", 11, 3)]);
    }

    #[test]
    fn comments_are_lines_of_their_own_outside_tests() {
        let source = Source::parse("a.rs".into(), TEXT).unwrap();

        assert_eq!((source.lines, source.written, source.comments), (24, 15, 3));
    }
}
