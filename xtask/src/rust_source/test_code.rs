//! Finds the parts of a Rust file that are compiled for tests only.

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// The test code of one file. Code after it is not test code: only the marked items are.
#[derive(Default)]
pub(crate) struct TestCode {
    ranges: Vec<(LineColumn, LineColumn)>,
    /// The names of modules in other files that are declared for tests only.
    pub(crate) modules: Vec<String>,
}

impl TestCode {
    /// Finds every item, statement, field, variant and arm with `#[cfg(test)]` or `#[test]`.
    pub(crate) fn find_in(file: &syn::File) -> Self {
        let mut found = Self::default();
        if file.attrs.iter().any(|attribute| is_test_attribute(attribute.meta.to_token_stream())) {
            found.ranges.push((file.span().start(), LineColumn { line: usize::MAX, column: 0 }));
        } else {
            found.visit_file(file);
        }
        found
    }

    /// Whether the token that begins at `place` is test code.
    pub(crate) fn contains(&self, place: LineColumn) -> bool {
        self.ranges.iter().any(|(start, end)| *start <= place && place < *end)
    }

    /// Whether the whole line belongs to test code.
    pub(crate) fn contains_line(&self, line: usize) -> bool {
        self.ranges.iter().any(|(start, end)| start.line <= line && line <= end.line)
    }

    /// Records `node` if its attributes restrict it to tests; whether they do.
    fn record(&mut self, node: &impl ToTokens) -> bool {
        let is_test = has_test_attribute(node.to_token_stream());
        if is_test {
            let span = node.span();
            self.ranges.push((span.start(), span.end()));
        }
        is_test
    }
}

impl<'ast> Visit<'ast> for TestCode {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !self.record(item) {
            return visit::visit_item(self, item);
        }
        if let syn::Item::Mod(module) = item
            && module.content.is_none()
        {
            self.modules.push(module.ident.to_string());
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if !self.record(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if !self.record(item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if !self.record(statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.record(field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !self.record(field) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !self.record(variant) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.record(arm) {
            visit::visit_arm(self, arm);
        }
    }
}

/// Whether one of the outer attributes at the start of `tokens` restricts what follows to tests.
fn has_test_attribute(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter();
    while let Some(TokenTree::Punct(hash)) = tokens.next()
        && hash.as_char() == '#'
        && let Some(TokenTree::Group(attribute)) = tokens.next()
    {
        if is_test_attribute(attribute.stream()) {
            return true;
        }
    }
    false
}

/// Whether the content of an attribute restricts an item to tests: `cfg(test)`, `cfg(all(test, …))`, `test`,
/// `tokio::test`.
fn is_test_attribute(content: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = content.into_iter().collect();
    match &tokens[..] {
        [TokenTree::Ident(cfg), TokenTree::Group(condition)] if cfg == "cfg" => {
            requires_test(condition.stream())
        }
        _ => {
            // The last name of the path: `tokio::test(flavor = "multi_thread")` is a test as well.
            let path = tokens.iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
            path.last().is_some_and(|name| matches!(name, TokenTree::Ident(name) if name == "test"))
        }
    }
}

/// Whether a `cfg` condition can only hold in a test build.
fn requires_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match &tokens[..] {
        [TokenTree::Ident(test)] => test == "test",
        [TokenTree::Ident(all), TokenTree::Group(parts)] if all == "all" => {
            alternatives(parts.stream()).into_iter().any(requires_test)
        }
        [TokenTree::Ident(any), TokenTree::Group(parts)] if any == "any" => {
            alternatives(parts.stream()).into_iter().all(requires_test)
        }
        _ => false,
    }
}

/// The parts of a list that commas separate.
fn alternatives(list: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = list.into_iter().collect();
    let parts = tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','));
    parts.filter(|part| !part.is_empty()).map(|part| part.iter().cloned().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text` that are test code.
    fn test_lines(text: &str) -> Vec<usize> {
        let found = TestCode::find_in(&syn::parse_file(text).unwrap());
        (1..=text.lines().count()).filter(|line| found.contains_line(*line)).collect()
    }

    #[test]
    fn code_after_a_test_item_is_read() {
        assert_eq!(test_lines("fn a() {}\n#[cfg(test)]\nmod tests {}\nfn b() {}"), [2, 3]);
    }

    #[test]
    fn every_kind_of_node_can_be_test_code() {
        for text in [
            "#[cfg(test)] use a::b;",
            "struct A {\n#[cfg(test)] b: u8 }",
            "enum A {\n#[cfg(test)] B }",
            "impl A {\n#[cfg(test)] fn b() {} }",
            "trait A {\n#[cfg(test)] fn b(); }",
            "fn a() {\n#[cfg(test)] b(); }",
            "fn a() { match b {\n#[cfg(test)] c => {} } }",
        ] {
            assert_eq!(test_lines(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn only_a_condition_that_requires_a_test_build_counts() {
        for test in
            ["cfg(test)", "cfg(all(unix, test))", "cfg(any(test))", "test", "tokio::test(flavor = \"x\")"]
        {
            assert_eq!(test_lines(&format!("#[{test}]\nfn a() {{}}")), [1, 2], "{test}");
        }
        for other in ["cfg(any(test, feature = \"a\"))", "cfg(not(test))", "cfg_attr(test, b)", "inline"] {
            assert!(test_lines(&format!("#[{other}]\nfn a() {{}}")).is_empty(), "{other}");
        }
    }
}
