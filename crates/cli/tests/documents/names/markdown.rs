//! Reads Markdown: code within sentences, blocks of code, headings and links.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::names::text::{Kind, Text, documents, spans};

/// The texts of a document.
pub(super) fn texts(name: &str, document: &str) -> Vec<Text> {
    let mut found = Vec::new();
    let mut block: Option<Kind> = None;
    let mut open_span: Option<(String, String)> = None;
    for (number, line) in (1..).zip(document.lines()) {
        let place = format!("{name}:{number}");
        if let Some(language) = line.trim_start().strip_prefix("```") {
            open_span = None;
            block = match block {
                Some(_) => None,
                None => Some(block_kind(language)),
            };
            continue;
        }
        if let Some(kind) = block {
            found.push(Text { place, kind, content: line.to_owned() });
            continue;
        }
        found.push(Text { place: place.clone(), kind: Kind::Prose, content: line.to_owned() });
        // A span may continue on the next line.
        let (start, line) = match open_span.take() {
            Some((start, before)) => (start, format!("{before} {}", line.trim_start())),
            None => (place, line.to_owned()),
        };
        let is_open = line.matches('`').count() % 2 == 1;
        found.extend(spans(&start, Kind::Span, &line));
        if is_open && !line.trim().is_empty() {
            let rest = line.rsplit('`').next().unwrap_or_default();
            open_span = Some((start, format!("`{rest}")));
        }
    }
    found
}

fn block_kind(language: &str) -> Kind {
    match language {
        "sh" | "console" | "bash" => Kind::Shell,
        "toml" => Kind::Toml,
        _ => Kind::Prose,
    }
}

/// The links between documents that lead to no file or no heading.
pub(super) fn broken_links(root: &Path) -> Vec<String> {
    let documents = documents(root);
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        documents.iter().map(|(name, text)| (name.as_str(), anchors(text))).collect();
    let mut broken = Vec::new();
    for (name, text) in &documents {
        for link in links(text) {
            let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = match target {
                "" => name.clone(),
                target => below_root(&Path::new(name).parent().unwrap().join(target)),
            };
            let has_anchor = match anchors.get(path.as_str()) {
                Some(anchors) => anchors.contains(anchor),
                None => false,
            };
            if !root.join(&path).exists() || (!anchor.is_empty() && !has_anchor) {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    broken
}

/// The path without `..`.
fn below_root(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                parts.pop();
            }
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.display().to_string()
}

/// The targets of the links that are no URLs.
fn links(document: &str) -> Vec<String> {
    let prose = without_blocks(document);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchors of the headings, as GitHub makes them. The second of two equal ones ends with `-1`.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in without_blocks(document).lines().filter(|line| line.starts_with('#')) {
        let text = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let anchor: String =
            text.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect();
        let number = (1..).map(|number| format!("{anchor}-{number}")).find(|next| !anchors.contains(next));
        anchors.insert(if anchors.contains(&anchor) { number.unwrap_or_default() } else { anchor });
    }
    anchors
}

fn without_blocks(document: &str) -> String {
    let mut is_block = false;
    let lines = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}
