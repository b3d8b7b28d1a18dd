//! `en-XA`: English with accents, two fifths longer, as other languages are. It exists in the tests only, so that no user is
//! offered it. A sentence that is written in a template, or a place that is too small, shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use counterfoil_pages::sample::Sample;
use counterfoil_pages::{Language, Original, OverrideFile, Overrides, Theme};

/// The English texts with accents, as a file of texts.
fn accented() -> String {
    let english = Original::texts().find(|file| file.name == "en.ftl").unwrap();
    english.content.lines().map(|line| accented_line(line) + "\n").collect()
}

/// A line of a file of texts: what is before its text stays, and what is in braces.
fn accented_line(line: &str) -> String {
    if line.starts_with('#') || line.ends_with("->") {
        return line.to_owned();
    }
    let variant = line.trim_start().starts_with(['[', '*']);
    let begin = if variant { line.find("] ").map(|at| at + 2) } else { line.find(" = ").map(|at| at + 3) };
    // The end of a plural form, after which the text continues.
    let begin = if line.starts_with('}') { Some(1) } else { begin };
    let Some(begin) = begin else { return line.to_owned() };
    let (head, text) = line.split_at(begin);
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let mut depth = 0;
    let accented = text.chars().map(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if depth == 0 { accent(letter) } else { letter }
    });
    let more = " ~~~~".chars().cycle().take(letters * 2 / 5);
    head.chars().chain(accented).chain(more).collect()
}

fn accent(letter: char) -> char {
    let plain = "aceinosuyzACEINOSUYZ";
    let accents = "áçéïñöšüýžÁÇÉÏÑÖŠÜÝŽ";
    plain
        .chars()
        .zip(accents.chars())
        .find(|(plain, _)| *plain == letter)
        .map_or(letter, |(_, accent)| accent)
}

/// Every page of people in `en-XA`.
pub(crate) fn pages() -> Vec<(String, String)> {
    let file = OverrideFile { name: "en.ftl".to_owned(), content: accented().into_bytes() };
    let overrides = Overrides::new(vec![], vec![file]).unwrap_or_else(|error| panic!("{error}"));
    let pages = Sample::people().into_iter().map(|sample| {
        let html = overrides.renderer().render_sample(Language::English, &sample).unwrap();
        (sample.name().to_owned(), html)
    });
    pages.collect()
}

/// Words that are data of the samples, names, or not translated.
const UNTRANSLATED: [&str; 20] = [
    "script", "alert", "img", "src", "onerror", "evil", "auth", "example", "shop", "orders", "English",
    "Deutsch", "Firefox", "Linux", "UTC", "cXw", "device", "Espa", "Fran", "ais",
];

/// The words in the text of a page, without its tags and character references.
fn words(html: &str) -> BTreeSet<String> {
    let texts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let words = texts
        .flat_map(|text| text.split('&'))
        .flat_map(|part| part.split(|letter: char| !letter.is_alphabetic()));
    let is_reference = |word: &str| ["amp", "lt", "gt", "quot", "x"].contains(&word);
    let is_plain = |word: &&str| word.len() > 2 && word.is_ascii() && !is_reference(word);
    words.filter(is_plain).map(str::to_owned).collect()
}

#[test]
fn every_sentence_of_a_page_is_in_the_files_of_texts() {
    for (name, html) in pages() {
        assert!(html.contains("Šk\u{ef}p tö thé"), "{name}: {html}");
        let has_plain_letter = |word: &&String| word.chars().any(|letter| accent(letter) != letter);
        let words = words(&html);
        let plain: Vec<_> = words
            .iter()
            .filter(has_plain_letter)
            .filter(|word| !UNTRANSLATED.contains(&word.as_str()))
            .collect();
        assert!(plain.is_empty(), "{name} says what is in no file of texts: {plain:?}");
    }
}

#[test]
fn the_language_of_the_tests_is_two_fifths_longer() {
    let (english, longer) = (Original::texts().next().unwrap().content, accented());
    assert!(longer.chars().count() * 5 > english.chars().count() * 6, "{longer}");
    let line = accented_line("    [one] At least { $count } character.");
    assert_eq!(line, "    [one] Át léášt { $count } çhárá\u{e7}tér. ~~~~ ~~");
    assert_eq!(accented_line("skip = Skip to"), "skip = Šk\u{ef}p tö ~");
}

#[test]
fn no_user_is_offered_the_language_of_the_tests() {
    assert_eq!(Language::from_code("en-XA"), None);
    assert_eq!(Language::accepted("en-XA", &Language::ALL), Language::English);
    assert!(Theme::default().offered_languages().iter().all(|language| language.code() != "en-XA"));
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("texts/en-XA.ftl");
    assert!(fs::metadata(template).is_err());
}
