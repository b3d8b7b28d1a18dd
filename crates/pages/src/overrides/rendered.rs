//! Rendered pages: what templates of the operator make of every sample.

use std::collections::{BTreeMap, BTreeSet};

use crate::original::Original;
use crate::overrides::error::{OverrideError, OverrideErrors, OverrideKind};
use crate::overrides::forms::{self, forms};
use crate::overrides::line_at;
use crate::overrides::markup::{Element, Tag, tags};
use crate::renderer::{RenderError, Renderer};
use crate::sample::Sample;

/// The longest page of a sample, in bytes. Ours have 60 KiB at most.
const MAX_PAGE: usize = 256 * 1024;

/// Elements that are a script, a frame or a style, or change where the links of a page lead.
const FORBIDDEN_ELEMENTS: [&str; 7] = ["script", "style", "iframe", "frame", "object", "embed", "base"];

/// What is wrong with a page.
struct Fault {
    problem: String,
    /// A part of the template that leads to the line.
    trace: String,
}

/// Renders every sample in every language of its page.
pub(super) fn check(renderer: &Renderer, templates: &BTreeMap<String, String>) -> Result<(), OverrideErrors> {
    let mut errors: Vec<OverrideError> = Vec::new();
    for sample in Sample::all() {
        let files = Files::of(sample.template(), templates);
        for language in sample.languages() {
            match renderer.render_sample(*language, &sample) {
                Ok(html) if files.overridden.is_empty() => drop(html),
                Ok(html) => {
                    let ours = Renderer::embedded().render_sample(*language, &sample).unwrap_or_default();
                    errors.extend(faults(&ours, &html).into_iter().map(|fault| files.locate(&sample, fault)));
                }
                Err(error) => {
                    let failed = files.failed(&sample, &error);
                    // Most pages have the same mistake.
                    if !errors.iter().any(|known| known.is_at_place_of(&failed)) {
                        errors.push(failed);
                    }
                }
            }
        }
    }
    OverrideErrors::check(errors)
}

/// The files of the operator that a page has to do with, the page's own template first.
struct Files<'a> {
    overridden: Vec<(&'a str, &'a str)>,
}

impl<'a> Files<'a> {
    /// Those of a template, of what it extends, and of what it imports.
    fn of(template: &str, templates: &'a BTreeMap<String, String>) -> Self {
        let originals: BTreeMap<_, _> = Original::templates().map(|file| (file.name, file.content)).collect();
        let (mut overridden, mut seen, mut waiting) =
            (Vec::new(), BTreeSet::new(), vec![template.to_owned()]);
        while let Some(name) = waiting.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let own = templates.get_key_value(&name);
            overridden.extend(own.map(|(name, source)| (name.as_str(), source.as_str())));
            let source = own.map(|(_, source)| source.as_str()).or_else(|| originals.get(&name).copied());
            let source = source.unwrap_or_default();
            let is_named = |other: &&String| {
                source.contains(&format!("\"{other}\"")) || source.contains(&format!("'{other}'"))
            };
            waiting.extend(originals.keys().filter(is_named).cloned());
        }
        Self { overridden }
    }

    /// The error at the line that leads to it, or else at the first file.
    fn locate(&self, sample: &Sample, fault: Fault) -> OverrideError {
        let lines = self.overridden.iter().filter_map(|(name, source)| {
            let at = source.to_ascii_lowercase().find(&fault.trace)?;
            Some((*name, Some(line_at(source, at))))
        });
        let first = || self.overridden.first().map(|(name, _)| (*name, None));
        let (file, line) = lines.into_iter().next().or_else(first).unwrap_or((sample.template(), None));
        OverrideError::new(OverrideKind::Template, file, line, fault.problem)
    }

    /// The error of a template that does not fit a sample. It may be in our own template, which does not find what it
    /// wants in one of the operator.
    fn failed(&self, sample: &Sample, error: &RenderError) -> OverrideError {
        let error = error.innermost();
        let name = error.name().unwrap_or(sample.template());
        let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let of = format!("it cannot show the page \"{}\"", sample.name());
        let own = self.overridden.iter().find(|(own, _)| *own == name);
        match (own, self.overridden.first()) {
            (None, Some((first, _))) => {
                let line = error.line().unwrap_or_default();
                let problem = format!("{of}: {what}, for our {name}, line {line}");
                OverrideError::new(OverrideKind::Template, first, None, problem)
            }
            (Some(_), _) | (None, None) => {
                OverrideError::new(OverrideKind::Template, name, error.line(), format!("{of}: {what}"))
            }
        }
    }
}

fn faults(ours: &str, theirs: &str) -> Vec<Fault> {
    if theirs.len() > MAX_PAGE {
        let problem = "a page would be longer than 256 KiB".to_owned();
        return vec![Fault { problem, trace: "{% for".to_owned() }];
    }
    let (ours, theirs) = (tags(ours), tags(theirs));
    let elements = theirs.iter().filter_map(|tag| match tag {
        Tag::Start(element) if !ours.contains(tag) => forbidden(element),
        Tag::Start(_) | Tag::End(_) => None,
    });
    let forms = forms::faults(&forms(&ours), &forms(&theirs)).into_iter();
    elements.chain(forms.map(|problem| Fault { problem, trace: "<form".to_owned() })).collect()
}

/// Why an element may not be on a page. Most of it the content security policy forbids too, and a browser would leave it out without
/// a word.
fn forbidden(element: &Element) -> Option<Fault> {
    let name = element.name.as_str();
    let fault = |problem: String, trace: String| Some(Fault { problem, trace });
    if FORBIDDEN_ELEMENTS.contains(&name) {
        return fault(format!("the content security policy forbids `<{name}>`"), format!("<{name}"));
    }
    if name == "meta" && element.attribute("http-equiv").is_some() {
        return fault("a `<meta http-equiv>` may not be added".to_owned(), "http-equiv".to_owned());
    }
    let is_script = |attribute: &str| {
        attribute.starts_with("on") || ["style", "srcdoc", "formaction"].contains(&attribute)
    };
    if let Some((attribute, _)) = element.attributes.iter().find(|(attribute, _)| is_script(attribute)) {
        // Text that a user types has such a name in the samples: its attribute has no quotes.
        let is_typed = attribute == "onerror";
        return match is_typed {
            true => fault(
                format!(
                    "`<{name}>` has an attribute with a value without quotes: write `title=\"{{{{ … }}}}\"`"
                ),
                "={{".to_owned(),
            ),
            false => {
                fault(format!("`<{name}>` may not have the attribute `{attribute}`"), format!("{attribute}="))
            }
        };
    }
    for (attribute, value) in &element.attributes {
        let loads = attribute == "src" || attribute == "srcset" || (name == "link" && attribute == "href");
        if loads && (!value.starts_with('/') || value.starts_with("//")) {
            let problem =
                format!("`<{name}>` may load a path of this origin only, as `{{{{ frame.base }}}}/assets/…`");
            return fault(problem, format!("<{name}"));
        }
        let scheme =
            value.trim_start_matches(|first: char| first.is_control() || first == ' ').to_ascii_lowercase();
        if attribute == "href"
            && ["javascript:", "data:", "vbscript:"].iter().any(|of| scheme.starts_with(of))
        {
            return fault(format!("a link of `<{name}>` would run a script"), "href=".to_owned());
        }
    }
    None
}
