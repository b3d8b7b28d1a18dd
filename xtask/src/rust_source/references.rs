//! What a file refers to: `use` trees, and the paths, methods and texts of its code, attributes and macros.
//!
//! The file is read as tokens. An attribute such as `#[error("…", limit = super::fetch::LIMIT)]` and the arguments
//! of a macro hold paths that the syntax tree does not show.

use proc_macro2::{Delimiter, Ident, LineColumn, TokenStream, TokenTree};

use crate::rust_source::test_code::TestCode;

/// One reference, outside test code and documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) line: usize,
    /// The inline modules of the file that it stands in.
    pub(crate) within: Vec<String>,
    pub(crate) target: Target,
}

/// What is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A leaf of a `use` tree: `crate::model::session::Session`. A glob ends with the module. `exported` is the name
    /// under which others see it (`pub use`).
    Use { path: Vec<String>, exported: Option<String> },
    /// A path in code; a single name is a path as well.
    Path(Vec<String>),
    /// A method or field: the name after a dot.
    Member(String),
    /// A literal as it is written, quotes included.
    Literal(String),
}

/// Finds the references of a file in the order of the text.
pub(crate) fn find_in(tokens: TokenStream, test_code: &TestCode) -> Vec<Reference> {
    let mut finder = Finder { test_code, within: Vec::new(), found: Vec::new() };
    finder.read(tokens);
    finder.found
}

struct Finder<'a> {
    test_code: &'a TestCode,
    within: Vec<String>,
    found: Vec<Reference>,
}

impl Finder<'_> {
    fn add(&mut self, place: LineColumn, target: Target) {
        self.found.push(Reference { line: place.line, within: self.within.clone(), target });
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.read_one(&tokens, at);
        }
    }

    /// Reads what begins at `at`; where the next thing begins.
    fn read_one(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let token = &tokens[at];
        let place = token.span().start();
        if self.test_code.contains(place) {
            return at + 1;
        }
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => at + documentation(&tokens[at..]).max(1),
            TokenTree::Ident(word) if word == "mod" => self.read_module(tokens, at),
            TokenTree::Ident(word) if word == "use" && !is_punct(tokens.get(at + 1), '<') => {
                let end = tokens[at..].iter().position(|token| is_punct(Some(token), ';'));
                let end = end.map_or(tokens.len(), |end| at + end);
                let is_exported = is_public(&tokens[..at]);
                self.read_tree(&tokens[at + 1..end], &mut Vec::new(), is_exported);
                end + 1
            }
            TokenTree::Ident(word) if word == "pub" => at + visibility(&tokens[at..]),
            TokenTree::Ident(word) if is_member(tokens, at) => {
                self.add(place, Target::Member(name(word)));
                at + 1
            }
            TokenTree::Ident(_) => {
                let (path, length) = path(&tokens[at..]);
                self.add(place, Target::Path(path));
                at + length
            }
            TokenTree::Group(group) => {
                self.read(group.stream());
                at + 1
            }
            TokenTree::Literal(literal) => {
                self.add(place, Target::Literal(literal.to_string()));
                at + 1
            }
            TokenTree::Punct(_) => at + 1,
        }
    }

    /// Reads `mod name { … }`; without a body there is nothing to read.
    fn read_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        match tokens.get(at + 1..at + 3) {
            Some([TokenTree::Ident(module), TokenTree::Group(body)]) => {
                self.within.push(name(module));
                self.read(body.stream());
                self.within.pop();
                at + 3
            }
            _ => at + 2,
        }
    }

    /// Walks a `use` tree, or several that commas separate, to its leaves.
    fn read_tree(&mut self, trees: &[TokenTree], prefix: &mut Vec<String>, is_exported: bool) {
        for tree in trees.split(|token| is_punct(Some(token), ',')) {
            let depth = prefix.len();
            let mut tokens = tree.iter().filter(|token| !is_punct(Some(token), ':'));
            let mut place = None;
            let mut alias = None;
            while let Some(token) = tokens.next() {
                place.get_or_insert(token.span().start());
                match token {
                    TokenTree::Ident(word) if word == "as" => alias = tokens.next().map(ToString::to_string),
                    TokenTree::Ident(word) => prefix.push(name(word)),
                    TokenTree::Group(group) => {
                        let trees: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.read_tree(&trees, prefix, is_exported);
                        place = None;
                    }
                    TokenTree::Punct(_) => alias = Some("*".to_owned()),
                    TokenTree::Literal(_) => {}
                }
            }
            let ends_with_group = matches!(tree.last(), Some(TokenTree::Group(_)));
            if let Some(place) = place.filter(|_| !ends_with_group) {
                self.add_leaf(place, prefix.clone(), alias, is_exported);
            }
            prefix.truncate(depth);
        }
    }

    fn add_leaf(
        &mut self,
        place: LineColumn,
        mut path: Vec<String>,
        alias: Option<String>,
        is_exported: bool,
    ) {
        // `a::{self}` means `a`; `use self as b` does not exist.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let exported = if is_exported { alias.or_else(|| path.last().cloned()) } else { None };
        self.add(place, Target::Use { path, exported });
    }
}

/// The longest path at the start of `tokens`, and how many tokens it has.
fn path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut length = 0;
    while let Some(TokenTree::Ident(segment)) = tokens.get(length) {
        path.push(name(segment));
        length += 1;
        let is_followed = is_punct(tokens.get(length), ':') && is_punct(tokens.get(length + 1), ':');
        if !is_followed || !matches!(tokens.get(length + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        length += 2;
    }
    (path, length)
}

/// How many tokens of documentation (`#[doc = …]`, `#![doc = …]`) stand at the start of `tokens`.
fn documentation(tokens: &[TokenTree]) -> usize {
    let bang = usize::from(is_punct(tokens.get(1), '!'));
    match tokens.get(1 + bang) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            let first = group.stream().into_iter().next();
            let is_doc = matches!(first, Some(TokenTree::Ident(doc)) if doc == "doc");
            if is_doc { 2 + bang } else { 0 }
        }
        _ => 0,
    }
}

/// How many tokens a visibility has: `pub`, `pub(crate)`, `pub(in crate::a)`. The tuple of `struct A(pub (B, C))` is
/// not a part of it.
fn visibility(tokens: &[TokenTree]) -> usize {
    let Some(TokenTree::Group(group)) = tokens.get(1) else { return 1 };
    let first = group.stream().into_iter().next();
    let is_restriction = matches!(first, Some(TokenTree::Ident(word))
        if ["crate", "super", "self", "in"].iter().any(|start| word == start));
    if group.delimiter() == Delimiter::Parenthesis && is_restriction { 2 } else { 1 }
}

/// Whether a visibility ends right before an item: `pub`, `pub(crate)`.
fn is_public(before: &[TokenTree]) -> bool {
    let is_pub = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "pub");
    match before {
        [.., public, TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
            is_pub(public)
        }
        [.., last] => is_pub(last),
        [] => false,
    }
}

/// Whether the word at `at` follows a single dot. After two it ends a range.
fn is_member(tokens: &[TokenTree], at: usize) -> bool {
    let dots = tokens[..at].iter().rev().take_while(|token| is_punct(Some(token), '.')).count();
    dots == 1
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// The name without the `r#` of a raw identifier.
fn name(word: &Ident) -> String {
    let name = word.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(text: &str) -> Vec<Reference> {
        let test_code = TestCode::find_in(&syn::parse_file(text).unwrap());
        find_in(text.parse().unwrap(), &test_code)
    }

    /// The `use` leaves and the paths of more than one name.
    fn paths(text: &str) -> Vec<String> {
        let joined = |reference: Reference| match reference.target {
            Target::Use { path, .. } => Some(path.join("::")),
            Target::Path(path) if path.len() > 1 => Some(path.join("::")),
            Target::Path(_) | Target::Member(_) | Target::Literal(_) => None,
        };
        references(text).into_iter().filter_map(joined).collect()
    }

    #[test]
    fn a_use_tree_is_walked_to_its_leaves() {
        let text = "use crate::a::{self, b::C, d::*, e::{F, G as H}};\nuse i;";
        let leaves = ["crate::a", "crate::a::b::C", "crate::a::d", "crate::a::e::F", "crate::a::e::G", "i"];
        assert_eq!(paths(text), leaves);
    }

    #[test]
    fn a_path_in_an_attribute_or_a_macro_is_found() {
        let text = "enum E {\n#[error(\"{limit}\", limit = super::fetch::LIMIT)]\nA }\n\
                    fn f() { println!(\"{}\", crate::a::B); }";
        assert_eq!(paths(text), ["super::fetch::LIMIT", "crate::a::B"]);
        assert_eq!(
            references(text)
                .iter()
                .find(|found| found.target == path_of(&["super", "fetch", "LIMIT"]))
                .unwrap()
                .line,
            2
        );
    }

    fn path_of(names: &[&str]) -> Target {
        Target::Path(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn code_after_a_test_module_is_read_and_the_tests_are_not() {
        let text = "#[cfg(test)]\nmod tests { use crate::b::H; }\nfn f() { crate::a::g(); }";
        assert_eq!(paths(text), ["crate::a::g"]);
    }

    #[test]
    fn documentation_and_visibility_are_not_references() {
        assert!(paths("//! [`crate::a::B`]\n/// See crate::a::B.\npub(in crate::c) struct A;").is_empty());
    }

    #[test]
    fn an_exported_name_is_known_by_its_alias() {
        let exported = |text: &str| match references(text).swap_remove(0).target {
            Target::Use { exported, .. } => exported,
            other => panic!("{other:?}"),
        };
        assert_eq!(exported("pub(crate) use crate::a::B as C;").as_deref(), Some("C"));
        assert_eq!(exported("pub use crate::a::*;").as_deref(), Some("*"));
        assert_eq!(exported("use crate::a::B as C;"), None);
    }

    #[test]
    fn a_member_follows_one_dot_and_a_range_follows_two() {
        let found: Vec<_> =
            references("fn f() { a.b(); 0..c; }").into_iter().map(|found| found.target).collect();
        assert!(found.contains(&Target::Member("b".to_owned())));
        assert!(found.contains(&path_of(&["c"])));
    }

    #[test]
    fn the_inline_module_of_a_reference_is_kept() {
        assert_eq!(references("mod a { mod b { const C: u8 = c::D; } }").last().unwrap().within, ["a", "b"]);
    }
}
