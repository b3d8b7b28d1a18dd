//! The fields of the views in `docs/pages.md`, from the source of the views.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use counterfoil_pages::Original;
use counterfoil_pages::sample::Sample;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pages.md");
const BEGIN: &str = "<!-- fields of the views: written by a test -->\n";
const END: &str = "<!-- end of the fields -->\n";

/// Files with types that a template sees.
const SOURCES: [&str; 10] = [
    "view/mod.rs",
    "view/account.rs",
    "view/gate.rs",
    "view/problem.rs",
    "view/reference.rs",
    "view/registration.rs",
    "device.rs",
    "message.rs",
    "moment.rs",
    "frame.rs",
];

/// Types that a template sees and that have no fields of their own.
const PLAIN: [(&str, &str); 8] = [
    ("String", "text"),
    ("&'static str", "text"),
    ("bool", "true or false"),
    ("u8", "number"),
    ("u16", "number"),
    ("u32", "number"),
    ("u64", "number"),
    ("usize", "number"),
];

struct Field {
    name: String,
    kind: String,
    doc: String,
}

/// What the sources say.
#[derive(Default)]
struct Views {
    structs: BTreeMap<String, Vec<Field>>,
    /// The values of each type that has a few.
    words: BTreeMap<String, Vec<String>>,
    /// The struct of each template.
    templates: BTreeMap<String, String>,
}

impl Views {
    fn read() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let console = fs::read_dir(source.join("view/console")).unwrap().map(|entry| entry.unwrap().path());
        let files = SOURCES.iter().map(|file| source.join(file)).chain(console);
        let mut views = Self::default();
        for file in files {
            views.add(&fs::read_to_string(file).unwrap());
        }
        views
    }

    fn add(&mut self, source: &str) {
        let (mut open, mut is_enum, mut doc) = (String::new(), false, String::new());
        for line in source.lines() {
            let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
            if let Some(rest) = text.strip_prefix("/// ") {
                doc = format!("{doc} {rest}");
                continue;
            }
            let item = |word: &str| {
                let rest = text.strip_prefix(&format!("pub {word} "))?.split([' ', '<']).next()?;
                (indent == 0).then(|| rest.to_owned())
            };
            if let Some(name) = item("struct").or_else(|| item("enum")) {
                (open, is_enum) = (name, text.starts_with("pub enum"));
                if !is_enum {
                    self.structs.entry(open.clone()).or_default();
                }
            } else if let Some(name) = text.strip_prefix("impl View for ") {
                open = name.trim_end_matches(" {").to_owned();
            } else if let Some(template) = text.strip_prefix("const TEMPLATE: &'static str = \"") {
                self.templates.insert(template.trim_end_matches("\";").to_owned(), open.clone());
            } else if indent == 4 && is_enum && text.ends_with(',') {
                self.words.entry(open.clone()).or_default().push(text.trim_end_matches(',').to_lowercase());
            } else if indent == 4 && !is_enum && text.ends_with(',') && text.contains(": ") {
                let (name, kind) =
                    text.trim_start_matches("pub ").trim_end_matches(',').split_once(": ").unwrap();
                let field =
                    Field { name: name.to_owned(), kind: kind.to_owned(), doc: doc.trim().to_owned() };
                if let Some(fields) = self.structs.get_mut(&open) {
                    fields.push(field);
                }
            }
            if indent == 0 && text == "}" {
                open.clear();
            }
            if !text.starts_with("#[") {
                doc.clear();
            }
        }
    }

    /// A type in words; a struct is named, and has a table of its own.
    fn words_of(&self, kind: &str) -> String {
        let inner = |name: &str| kind.strip_prefix(&format!("{name}<"))?.strip_suffix('>');
        if let Some((_, words)) = PLAIN.iter().find(|(known, _)| *known == kind) {
            return (*words).to_owned();
        }
        if let Some(inner) = inner("Option") {
            return format!("{}, or `none`", self.words_of(inner));
        }
        if let Some(inner) = inner("Vec") {
            return format!("list of: {}", self.words_of(inner));
        }
        if let Some((first, second)) =
            kind.strip_prefix('(').and_then(|kind| kind.strip_suffix(')')?.split_once(", "))
        {
            return format!("list of two: {} and {}", self.words_of(first), self.words_of(second));
        }
        if let Some(words) = self.words.get(kind) {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        match kind {
            "BTreeMap<&'static str, MessageValue>" => "texts and numbers by their names".to_owned(),
            "ThemeFrame" => "names of files: `style_sheets`, `logo`".to_owned(),
            name => {
                assert!(self.structs.contains_key(name), "{name}");
                format!("[{name}](#{})", name.to_lowercase())
            }
        }
    }

    /// A table of fields; and the structs in them.
    fn table(&self, name: &str) -> (String, Vec<String>) {
        let fields = &self.structs[name];
        let mut text = String::from("| field | what | meaning |\n|---|---|---|\n");
        for field in fields {
            let (name, words, doc) = (&field.name, self.words_of(&field.kind), &field.doc);
            text.push_str(&format!("| `{name}` | {words} | {doc} |\n"));
        }
        let named = |kind: &String| {
            self.structs
                .keys()
                .filter(|name| {
                    kind.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == name.as_str())
                })
                .cloned()
                .collect::<Vec<_>>()
        };
        let used =
            fields.iter().flat_map(|field| named(&field.kind)).filter(|name| name != "ThemeFrame").collect();
        (if fields.is_empty() { "It has no fields.\n".to_owned() } else { text }, used)
    }

    /// The part of the document.
    fn text(&self) -> String {
        let templates = self.templates.iter().filter(|(template, _)| !template.starts_with("lab/"));
        let mut text = format!("The number of this contract is {}.\n", Original::CONTRACT);
        let (mut waiting, mut seen) = (vec!["Frame".to_owned()], BTreeSet::new());
        for (template, view) in templates {
            let (table, used) = self.table(view);
            text.push_str(&format!("\n### {template}\n\n{table}"));
            waiting.extend(used);
        }
        let mut parts = BTreeMap::new();
        while let Some(name) = waiting.pop() {
            if seen.insert(name.clone()) {
                let (table, used) = self.table(&name);
                parts.insert(name, table);
                waiting.extend(used);
            }
        }
        for (name, table) in parts {
            text.push_str(&format!("\n#### {name}\n\n{table}"));
        }
        text.push('\n');
        text
    }
}

#[test]
fn the_document_has_the_fields_of_every_view() {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let made = Views::read().text();

    // Templates of an operator that were good with this number are good with it for ever.
    let head = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let lost = rows(written).difference(&rows(&made)).cloned().collect::<Vec<_>>();
    assert!(
        head(written) != head(&made) || lost.is_empty(),
        "templates may use what is removed; raise Original::CONTRACT: {lost:?}"
    );
    if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
        fs::write(DOCUMENT, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
    } else {
        assert!(
            written == made,
            "COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil-pages writes the fields"
        );
    }
}

/// Each field with what it is, without its meaning.
fn rows(text: &str) -> BTreeSet<String> {
    let mut heading = "";
    let rows = text.lines().filter_map(|line| {
        heading = line.strip_prefix("###").map_or(heading, |name| name.trim_start_matches('#').trim());
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some(format!("{heading}: {} is {}", cells.next()?, cells.next()?))
    });
    rows.collect()
}

#[test]
fn the_fields_are_those_that_a_template_sees() {
    let views = Views::read();
    let samples = Sample::all();
    let mut templates = BTreeSet::new();
    for sample in &samples {
        let view = &views.templates[sample.template()];
        let expected: BTreeSet<_> = views.structs[view].iter().map(|field| field.name.clone()).collect();
        assert_eq!(sample.fields().into_iter().collect::<BTreeSet<_>>(), expected, "{view}");
        templates.insert(sample.template());
    }
    let known = views.templates.keys().filter(|template| !template.starts_with("lab/"));
    assert_eq!(templates, known.map(String::as_str).collect(), "every view has a sample");
}

#[test]
fn a_removed_field_and_another_type_are_seen() {
    let old = "### a.html\n\n| field | what | meaning |\n|---|---|---|\n| `b` | text | B. |\n| `c` | number | C. |\n";
    assert_eq!(rows(old).len(), 2);
    let lost = |new: &str| rows(old).difference(&rows(new)).cloned().collect::<Vec<_>>();
    assert!(lost(&old.replace("C.", "Another meaning.")).is_empty());
    assert_eq!(lost(&old.replace("number", "text")), ["a.html: c` is number"]);
    assert_eq!(lost(&old.replace("| `b` | text | B. |\n", "")), ["a.html: b` is text"]);
}
