//! The text in a Rust file: comments, string literals, and the names of tests and types.

use syn::visit::{self, Visit};

use crate::words::passage::Passage;

/// The comments and the string literals of `source`. Comments on consecutive lines are one passage.
pub(crate) fn passages(source: &str) -> Vec<Passage> {
    let mut scanner = Scanner { source, at: 0, line: 1, comment: Passage::default(), found: Vec::new() };
    scanner.scan();
    scanner.found
}

/// Reads comments and literals without a parser, which would lose the comments.
struct Scanner<'a> {
    source: &'a str,
    at: usize,
    line: usize,
    /// The comment that the next line may continue.
    comment: Passage,
    found: Vec<Passage>,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    /// Moves over `length` bytes and counts the lines.
    fn skip(&mut self, length: usize) {
        let skipped = &self.source[self.at..self.at + length];
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.at += length;
    }

    fn scan(&mut self) {
        while let Some(first) = self.rest().chars().next() {
            let rest = self.rest();
            if rest.starts_with("//") {
                self.line_comment();
                continue;
            }
            if !first.is_whitespace() {
                self.end_comment();
            }
            if rest.starts_with("/*") {
                self.block_comment();
            } else if first == '"' {
                self.string();
            } else if let Some(hashes) = raw_string(rest) {
                self.raw_string(hashes);
            } else if first == '\'' {
                let length = char_literal(rest).unwrap_or(1);
                self.skip(length);
            } else if first.is_alphanumeric() || first == '_' {
                let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                // The prefix of a literal is read with it.
                let is_prefix = rest[..word].ends_with(['b', 'c']) && word == 1 && rest[1..].starts_with("r");
                self.skip(if is_prefix { 1 } else { word });
            } else {
                self.skip(first.len_utf8());
            }
        }
        self.end_comment();
    }

    fn end_comment(&mut self) {
        let comment = std::mem::take(&mut self.comment);
        if !comment.is_empty() {
            self.found.push(comment);
        }
    }

    fn line_comment(&mut self) {
        let rest = self.rest();
        let length = rest.find('\n').unwrap_or(rest.len());
        let text = rest[..length].trim_start_matches('/').trim_start_matches('!').to_owned();
        self.comment.push_line(self.line, &text);
        self.skip(length);
        let before = &self.source[..self.at - length];
        let is_alone = before.rsplit('\n').next().is_some_and(|start| start.trim().is_empty());
        if !is_alone {
            self.end_comment();
        }
    }

    fn block_comment(&mut self) {
        let length = self.rest().find("*/").unwrap_or(self.rest().len());
        self.add(2, length);
        self.skip(usize::min(2, self.rest().len()));
    }

    /// Adds the text between `start` and `length` bytes from here as a passage, and moves over it.
    fn add(&mut self, start: usize, length: usize) {
        let mut passage = Passage::default();
        let text = &self.source[self.at + start..self.at + length];
        for (number, line) in (self.line..).zip(text.lines()) {
            passage.push_line(number, line);
        }
        self.found.push(passage);
        self.skip(length);
    }

    fn raw_string(&mut self, hashes: usize) {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = hashes + 2;
        let length = self.rest()[start..].find(&end).map_or(self.rest().len(), |at| start + at);
        self.add(start, length);
        self.skip(usize::min(end.len(), self.rest().len()));
    }

    fn string(&mut self) {
        let mut passage = Passage::default();
        passage.start_line(self.line);
        self.skip(1);
        while let Some(next) = self.rest().chars().next().filter(|next| *next != '"') {
            if next == '\\' {
                let escaped = self.rest().chars().nth(1).unwrap_or(' ');
                self.skip(usize::min(1 + escaped.len_utf8(), self.rest().len()));
                if escaped == '\n' {
                    let blank = self.rest().len() - self.rest().trim_start().len();
                    self.skip(blank);
                    passage.start_line(self.line);
                } else {
                    passage.text.push(if escaped == '"' || escaped == '\'' { escaped } else { ' ' });
                }
            } else {
                self.skip(next.len_utf8());
                passage.text.push(next);
                if next == '\n' {
                    passage.start_line(self.line);
                }
            }
        }
        self.skip(usize::min(1, self.rest().len()));
        // A single word is data or a name, not a message.
        if passage.text.trim().contains(' ') {
            self.found.push(passage);
        }
    }
}

/// The number of `#` of a raw string that begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?;
    let text = hashes.trim_start_matches('#');
    text.starts_with('"').then_some(hashes.len() - text.len())
}

/// The length of a character literal that begins here; `None` for a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let escaped = chars.next()?;
        return rest[escaped.0 + escaped.1.len_utf8()..]
            .find('\'')
            .map(|end| escaped.0 + escaped.1.len_utf8() + end + 1);
    }
    chars.next().filter(|(_, end)| *end == '\'').map(|(at, _)| at + 1)
}

/// A name and its line.
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) line: usize,
}

/// The names of tests and of types in a file.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) tests: Vec<Name>,
    pub(crate) types: Vec<Name>,
}

impl Names {
    /// Reads the names of `source`.
    pub(crate) fn read(source: &str) -> syn::Result<Self> {
        let mut names = Self::default();
        names.visit_file(&syn::parse_file(source)?);
        Ok(names)
    }

    fn add_type(&mut self, name: &syn::Ident) {
        self.types.push(Name { name: name.to_string(), line: name.span().start().line });
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let is_test = function
            .attrs
            .iter()
            .any(|attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == "test"));
        if is_test {
            let name = &function.sig.ident;
            self.tests.push(Name { name: name.to_string(), line: name.span().start().line });
        }
        visit::visit_item_fn(self, function);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add_type(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        passages(source).into_iter().map(|passage| passage.text.trim().replace("\n ", "\n")).collect()
    }

    #[test]
    fn comments_on_consecutive_lines_are_one_passage() {
        let source = "/// One\n/// two.\nfn f() {} // three\n// four\n\n//! five\n/* six */";
        assert_eq!(texts(source), ["One\ntwo.", "three", "four\nfive", "six"]);
    }

    #[test]
    fn a_string_is_read_over_its_line_breaks_and_a_single_word_is_not() {
        let source =
            "f(\"one\", \"two \\\n    three\", r#\"four \"five\"\"#, b\"six \\\" seven\", br\"eight nine\")";
        assert_eq!(texts(source), ["two three", "four \"five\"", "six \" seven", "eight nine"]);
    }

    #[test]
    fn a_quote_or_slashes_in_a_literal_begin_nothing() {
        let source = "fn f<'a>(x: &'a str) { ('\"', '\\'', '\\u{41}', \"http://a b\") } // end";
        assert_eq!(texts(source), ["http://a b", "end"]);
    }

    #[test]
    fn every_passage_has_its_lines() {
        let found = passages("fn f() {}\n// one\n// two\nconst A: &str = \"three \\\n  four\";\n");
        let line = |passage: usize, word: &str| {
            let passage: &Passage = &found[passage];
            passage.line_at(passage.text.find(word).unwrap())
        };
        assert_eq!([line(0, "one"), line(0, "two"), line(1, "three"), line(1, "four")], [2, 3, 4, 5]);
    }

    #[test]
    fn tests_and_types_are_named_with_their_lines() {
        let names = Names::read(
            "struct A;\nmod tests {\n#[tokio::test]\nasync fn b() {}\nfn c() {} }\nenum Whose {}",
        )
        .unwrap();

        assert_eq!(
            names.tests.iter().map(|found| (&found.name[..], found.line)).collect::<Vec<_>>(),
            [("b", 4)]
        );
        let types: Vec<_> = names.types.iter().map(|found| (&found.name[..], found.line)).collect();
        assert_eq!(types, [("A", 1), ("Whose", 6)]);
    }
}
