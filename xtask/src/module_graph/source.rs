//! The lengths of one file and its functions. Test code is left out, except from the length of the file.

use std::path::PathBuf;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::rust_source::RustFile;
use crate::rust_source::test_code::TestCode;

/// The lengths of one file.
pub(crate) struct Source {
    /// The path below the root of the workspace.
    pub(crate) path: PathBuf,
    /// All lines, tests included.
    pub(crate) lines: usize,
    /// Lines that are not blank.
    pub(crate) written: usize,
    /// Lines that hold only a comment.
    pub(crate) comments: usize,
    pub(crate) functions: Vec<Function>,
}

/// A function with a body.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line on which its signature begins.
    pub(crate) line: usize,
    /// Lines from the signature to the closing brace; attributes and documentation do not count.
    pub(crate) length: usize,
}

impl Source {
    /// Measures `file`.
    pub(crate) fn measure(file: &RustFile) -> Self {
        let mut functions = Functions { test_code: &file.test_code, found: Vec::new() };
        functions.visit_file(&file.syntax);

        let code: Vec<&str> = (1..)
            .zip(file.text.lines())
            .filter(|(number, _)| !file.test_code.contains_line(*number))
            .map(|(_, line)| line.trim())
            .filter(|line| !line.is_empty())
            .collect();
        Self {
            path: file.path.clone(),
            lines: file.text.lines().count(),
            written: code.len(),
            comments: code.iter().filter(|line| line.starts_with("//")).count(),
            functions: functions.found,
        }
    }
}

struct Functions<'a> {
    test_code: &'a TestCode,
    found: Vec<Function>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let start = signature.span().start();
        if !self.test_code.contains(start) {
            let length = body.span().end().line + 1 - start.line;
            self.found.push(Function { name: signature.ident.to_string(), line: start.line, length });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
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
    fn not_counted() {}
}
";

    fn measured() -> Source {
        Source::measure(&RustFile::parse("a.rs".as_ref(), TEXT.to_owned()).unwrap())
    }

    #[test]
    fn functions_are_measured_from_signature_to_brace_without_tests() {
        let source = measured();

        let function = |name: &str, line, length| Function { name: name.to_owned(), line, length };
        assert_eq!(source.functions, [function("one", 5, 4), function("two", 11, 3)]);
    }

    #[test]
    fn comment_lines_outside_tests_are_counted() {
        let source = measured();

        assert_eq!((source.lines, source.written, source.comments), (24, 15, 3));
    }
}
