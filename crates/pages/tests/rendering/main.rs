//! Every template with every sample, in every language.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod contrast;
mod fields;
mod lab;
mod overrides;
mod pseudo;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use counterfoil_pages::sample::{HOSTILE, Sample};
use counterfoil_pages::{Asset, Language, Renderer};

/// The pages of these samples, each with the name of its sample.
fn rendered(renderer: &Renderer, language: Language, samples: Vec<Sample>) -> Vec<(String, String)> {
    let html = |sample: &Sample| {
        let html = renderer.render_sample(language, sample);
        html.unwrap_or_else(|error| panic!("{} {language:?}: {error:?}", sample.name()))
    };
    samples.iter().map(|sample| (sample.name().to_owned(), html(sample))).collect()
}

/// Every page of people, in this language.
fn people(renderer: &Renderer, language: Language) -> Vec<(String, String)> {
    rendered(renderer, language, Sample::people())
}

/// Every page of the console.
fn console(renderer: &Renderer) -> Vec<(String, String)> {
    rendered(renderer, Language::English, Sample::console())
}

/// The ids of the texts of a language, each with the names of its values.
fn texts(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let file = format!("{}/texts/{}.ftl", env!("CARGO_MANIFEST_DIR"), language.code());
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut id = String::new();
    for line in fs::read_to_string(file).unwrap().lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with([' ', '*', '}'])) {
            id = name.to_owned();
            assert!(!texts.contains_key(&id), "{id} is twice in {language:?}");
        }
        let values = line.split("{ $").skip(1).map(|rest| rest.split([' ', '}']).next().unwrap().to_owned());
        texts.entry(id.clone()).or_default().extend(values);
    }
    texts.remove("");
    texts
}

#[test]
fn each_language_has_every_text_with_the_same_values() {
    let english = texts(Language::English);
    assert!(english.len() > 100, "{}", english.len());
    for language in Language::ALL {
        let texts = texts(language);
        let missing: Vec<_> = english.keys().filter(|id| !texts.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{language:?} lacks {missing:?}");
        for (id, values) in &texts {
            assert_eq!(Some(values), english.get(id), "{id} in {language:?}");
        }
    }
}

#[test]
fn each_file_of_texts_says_whether_a_native_speaker_has_read_it() {
    for language in Language::ALL {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("texts/{}.ftl", language.code()));
        let text = fs::read_to_string(file).unwrap();
        let mark = text.lines().find_map(|line| line.strip_prefix("# Read by a native speaker: "));
        assert!(matches!(mark, Some("yes" | "no")), "{language:?}: {mark:?}");
    }
}

#[test]
fn every_template_renders_every_sample_in_every_language() {
    let renderer = Renderer::new();
    for language in Language::ALL {
        for (name, html) in people(&renderer, language) {
            let (lang, dir) = (language.code(), language.direction().as_str());
            assert!(html.contains(&format!("<html lang=\"{lang}\" dir=\"{dir}\">")), "{name}: {html}");
            assert_eq!(html.matches("<h1>").count(), 1, "{name}");
            assert!(html.len() <= 60 * 1024, "{name} has {} bytes", html.len());
        }
    }
}

#[test]
fn every_page_of_the_console_renders_with_every_sample() {
    for (name, html) in console(&Renderer::new()) {
        assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"), "{name}: {html}");
        assert_eq!((html.matches("<h1>").count(), html.matches("</main>").count()), (1, 1), "{name}");
        assert_eq!(html.matches(" aria-current=\"page\"").count(), 1, "{name}: {html}");
        assert!(html.len() <= 60 * 1024, "{name} has {} bytes", html.len());
        let (_, foot) = html.split_once("The same: ").unwrap();
        assert!(foot.starts_with("<code>"), "{name} names what does the same");
    }
}

/// The values of a column are below its header: numbers at the end of the line, everything else at its start.
#[test]
fn each_column_is_aligned_as_its_header() {
    /// Whether each cell of a row is aligned as a number.
    fn are_numbers(row: &str) -> Vec<bool> {
        let cells = row.replace("<th", "<td");
        let tags = cells.split("<td").skip(1).filter_map(|cell| cell.split('>').next());
        tags.map(|tag| tag.contains("class=\"n\"")).collect()
    }
    let mut rows = 0;
    for (name, html) in console(&Renderer::new()) {
        for table in html.split("<table class=\"t\">").skip(1) {
            let (table, _) = table.split_once("</table>").unwrap();
            let (head, body) = table.split_once("</thead>").unwrap();
            let (_, head) = head.split_once("<tr>").unwrap();
            for row in body.split("<tr>").skip(1) {
                assert_eq!(are_numbers(row), are_numbers(head), "{name}: {row}");
                rows += 1;
            }
        }
    }
    assert!(rows > 20, "{rows}");
}

/// Otherwise the update of one part would leave the former one, or remove something else.
#[test]
fn a_live_part_is_one_element_that_a_page_has_too() {
    let renderer = Renderer::new();
    let pages = console(&renderer);
    for (topic, html) in rendered(&renderer, Language::English, Sample::live_parts()) {
        let mark = format!(" data-live=\"{topic}\">");
        assert!(html.trim_start().starts_with("<div ") && html.trim_end().ends_with("</div>"), "{html}");
        assert_eq!((html.matches(&mark).count(), html.matches(" data-live=").count()), (1, 1), "{html}");
        assert!(pages.iter().any(|(_, page)| page.contains(&mark)), "{topic}");
        assert!(!html.contains("<script"), "{html}");
    }
}

#[test]
fn every_page_of_the_lab_renders_with_every_sample() {
    for (name, html) in lab::lab_pages(&Renderer::new()) {
        assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"), "{name}: {html}");
        assert_eq!((html.matches("<h1").count(), html.matches("</main>").count()), (1, 1), "{name}");
        assert_eq!(html.matches(" aria-current=\"page\"").count(), 1, "{name}: {html}");
        assert!(html.len() <= 60 * 1024, "{name} has {} bytes", html.len());
        assert!(html.contains("The same: <code>"), "{name} names what does the same");
    }
}

/// The pages in English only.
fn english_pages(renderer: &Renderer) -> impl Iterator<Item = (String, String)> {
    let lab = lab::lab_pages(renderer).into_iter().map(|(name, html)| (name.to_owned(), html));
    let reference = rendered(renderer, Language::English, Sample::reference());
    console(renderer).into_iter().chain(lab).chain(reference)
}

#[test]
fn hostile_text_stays_text_in_every_page() {
    let renderer = Renderer::new();
    let escaped =
        "&lt;script&gt;alert(1)&lt;&#x2f;script&gt;&quot;&#x27;&gt;&lt;img src=x onerror=y&gt;&amp;amp;";
    assert!(HOSTILE.contains("<script>"));
    let pages = people(&renderer, Language::English);
    for (name, html) in pages.into_iter().chain(english_pages(&renderer)) {
        assert!(html.contains(escaped), "{name}: {html}");
        for part in ["<script>", "<img src=x", "javascript:"] {
            assert!(!html.contains(part), "{name}: {part}");
        }
        assert!(html.contains("{{ 7*7 }}"), "{name}: a text is no template");
    }
}

#[test]
fn no_page_has_anything_inline_that_the_content_security_policy_forbids() {
    let renderer = Renderer::new();
    let pages = people(&renderer, Language::Arabic);
    for (name, html) in pages.into_iter().chain(english_pages(&renderer)) {
        for part in ["<style", " style=", "onclick=", "onload=", "<iframe", "http-equiv=\"content"] {
            assert!(!html.contains(part), "{name}: {part}");
        }
        // A file of its room alone, in pages with live parts, in that of a measurement that runs and in that of a token.
        let rooms = [
            (Asset::CONSOLE_SCRIPT, " data-pause hidden>"),
            (Asset::LAB_SCRIPT, "?every=2\">Load it every"),
            (Asset::LAB_TOKEN_SCRIPT, " data-decoded hidden>"),
        ];
        let mut scripts = 0;
        for (script, mark) in rooms {
            let expected = usize::from(html.contains(mark));
            let file = format!("assets/{}\" defer></script>", script.name());
            assert_eq!(html.matches(&file).count(), expected, "{name}");
            scripts += expected;
        }
        assert_eq!(html.matches("<script").count(), scripts, "{name}");
    }
}

#[test]
fn no_template_marks_text_as_safe() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let folders = ["console/live", "console", "lab", "reference", ""].map(|folder| templates.join(folder));
    let entries = folders.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("|safe") && !text.contains("| safe") && !text.contains("autoescape"),
            "{path:?}"
        );
    }
}
