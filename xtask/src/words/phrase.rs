//! Finds a phrase in running text.

use crate::words::constructions::{CONSTRUCTIONS, Construction};

/// A refused phrase in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The phrase as the table of constructions has it.
    pub(crate) phrase: &'static str,
    pub(crate) instead: &'static str,
    /// Where the phrase begins, in bytes.
    pub(crate) offset: usize,
}

/// A word of a text and where it begins.
struct Word {
    text: String,
    start: usize,
    /// Whether only white space separates it from the word before.
    continues: bool,
}

/// Every refused phrase of `text`. Words may be on different lines, but no punctuation may stand between them.
pub(crate) fn find(text: &str) -> Vec<Hit> {
    let words = words(text);
    let mut hits = Vec::new();
    for at in 0..words.len() {
        for construction in CONSTRUCTIONS.iter().filter(|refused| begins(&words[at..], refused)) {
            let Construction { phrase, instead, .. } = construction;
            hits.push(Hit { phrase, instead, offset: words[at].start });
        }
    }
    hits
}

/// The sentence of `text` around `offset`, on one line and cut to a readable length.
pub(crate) fn sentence(text: &str, offset: usize) -> String {
    const MAX_LENGTH: usize = 200;

    let start = text[..offset].rfind(". ").map_or(0, |end| end + 2);
    let end = text[offset..].find(". ").map_or(text.len(), |end| offset + end + 1);
    let sentence = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    if sentence.chars().count() <= MAX_LENGTH {
        return sentence;
    }
    // A table row or a list is one long sentence: show what is around the phrase.
    let from = text[start..offset].char_indices().rev().nth(80).map_or(start, |(index, _)| start + index);
    let part: String = text[from..end].chars().take(MAX_LENGTH).collect();
    format!("… {} …", part.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut continues = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').unwrap_or(rest.len());
        if length > 0 {
            words.push(Word { text: rest[..length].to_lowercase(), start, continues });
            continues = true;
            rest = &rest[length..];
        } else {
            continues &= first.is_whitespace();
            rest = &rest[first.len_utf8()..];
        }
    }
    words
}

/// Whether `words` begins with the phrase, and not with what may follow it.
fn begins(words: &[Word], construction: &Construction) -> bool {
    // Most words begin no phrase, so the first one is compared alone.
    let first = construction.phrase.split(' ').next().unwrap_or_default();
    if !words.first().is_some_and(|word| matches(&word.text, first)) {
        return false;
    }
    let phrase: Vec<&str> = construction.phrase.split(' ').collect();
    let is_phrase = phrase.len() <= words.len()
        && phrase.iter().zip(words).all(|(wanted, word)| matches(&word.text, wanted))
        && words[1..phrase.len()].iter().all(|word| word.continues);
    let is_allowed = words
        .get(phrase.len())
        .is_some_and(|next| next.continues && construction.unless_before.contains(&next.text.as_str()));
    is_phrase && !is_allowed
}

fn matches(word: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or(word == wanted, |start| word.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(text: &str) -> Vec<&'static str> {
        find(text).into_iter().map(|hit| hit.phrase).collect()
    }

    #[test]
    fn every_construction_finds_itself_in_a_sentence() {
        for construction in CONSTRUCTIONS {
            let text = format!("Text before {} text after.", construction.phrase.replace('*', "ement"));
            assert!(phrases(&text).contains(&construction.phrase), "{text}");
        }
    }

    #[test]
    fn a_phrase_may_be_capitalized_and_cross_a_line_break() {
        assert_eq!(phrases("Whoever asks"), ["whoever"]);
        assert_eq!(phrases("the limit is\n    to be small"), ["is to be"]);
    }

    #[test]
    fn a_part_of_a_word_or_a_phrase_with_punctuation_is_not_a_match() {
        assert!(phrases("foretells, renewal, proof").is_empty());
        assert!(phrases("The limit is to. Be careful").is_empty());
    }

    #[test]
    fn a_word_is_allowed_before_a_listed_word_only() {
        assert!(phrases("The request comes from a proxy.").is_empty());
        assert_eq!(phrases("It comes back."), ["comes"]);
    }

    #[test]
    fn the_sentence_is_shown_on_one_line() {
        let text = "First one. The limit is\nto be small. Last one.";
        assert_eq!(sentence(text, text.find("is\n").unwrap()), "The limit is to be small.");
    }

    #[test]
    fn a_long_sentence_is_cut_around_the_phrase() {
        let text = format!("{} whoever {}", "é ".repeat(200), "é ".repeat(200));
        let shown = sentence(&text, text.find("whoever").unwrap());
        assert!(shown.contains("whoever") && shown.chars().count() < 210, "{shown}");
    }
}
