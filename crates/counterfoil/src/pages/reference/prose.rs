//! Explanations of the OpenAPI document, whose words of the API are in backticks and whose objects are links.

use counterfoil_pages::view::reference::Prose;

use crate::pages::reference::schema::one_line;

/// The pieces of a text: words of the API, names of objects, and what is between them.
pub(super) fn prose(text: &str) -> Vec<Prose> {
    let text = one_line(text);
    let mut pieces = Vec::new();
    for (number, part) in text.split('`').enumerate() {
        match number % 2 {
            1 => add(&mut pieces, part, true, false),
            _ => add_with_objects(&mut pieces, part),
        }
    }
    pieces
}

/// The names of objects to which a text links.
pub(super) fn objects(pieces: &[Prose]) -> impl Iterator<Item = &str> {
    pieces.iter().filter(|piece| piece.is_object).map(|piece| piece.text.as_str())
}

/// A text with links to objects of the page, as `[Problem](#problem)`.
fn add_with_objects(pieces: &mut Vec<Prose>, text: &str) {
    let mut rest = text;
    while let Some((before, name, after)) = next_object(rest) {
        add(pieces, before, false, false);
        add(pieces, name, false, true);
        rest = after;
    }
    add(pieces, rest, false, false);
}

/// What is before a link, its name, and what follows.
fn next_object(text: &str) -> Option<(&str, &str, &str)> {
    let (before, link) = text.split_once('[')?;
    let (name, target) = link.split_once("](#")?;
    let (_, after) = target.split_once(')')?;
    Some((before, name, after))
}

fn add(pieces: &mut Vec<Prose>, text: &str, is_code: bool, is_object: bool) {
    if !text.is_empty() {
        pieces.push(Prose { text: text.to_owned(), is_code, is_object });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_api_and_objects_are_told_apart() {
        let pieces = prose("list of [Session](#session)\nor `null`. [x] ```\nlet a\n```");
        let seen: Vec<_> =
            pieces.iter().map(|piece| (piece.text.as_str(), piece.is_code, piece.is_object)).collect();
        let expected = [
            ("list of ", false, false),
            ("Session", false, true),
            (" or ", false, false),
            ("null", true, false),
            (". [x]", false, false),
        ];
        assert_eq!(seen, expected);
        assert_eq!(objects(&pieces).collect::<Vec<_>>(), ["Session"]);
    }
}
