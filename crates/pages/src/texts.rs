//! The texts of the pages: one file for each language, in the format of Fluent.

use std::borrow::Cow;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::language::Language;

/// The texts of all languages.
pub(crate) struct Texts {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
}

/// A text is missing, or lacks a value.
#[derive(Debug, thiserror::Error)]
#[error("the text `{id}` in {language:?}: {fault}")]
pub(crate) struct TextError {
    id: String,
    language: Language,
    fault: String,
}

impl Texts {
    /// The texts that are part of the program.
    pub(crate) fn embedded() -> Self {
        Self { bundles: Language::ALL.map(|language| (language, bundle(language))).into() }
    }

    /// The same texts with those of a resource in the place of the ones with their ids.
    pub(crate) fn override_texts(&mut self, language: Language, resource: FluentResource) {
        if let Some((_, bundle)) = self.bundles.iter_mut().find(|(known, _)| *known == language) {
            bundle.add_resource_overriding(resource);
        }
    }

    /// The text with this id in this language. Inserted values are isolated from the direction of the text around them.
    ///
    /// # Errors
    ///
    /// If there is no such text, or a value is missing.
    pub(crate) fn format(
        &self,
        language: Language,
        id: &str,
        values: &FluentArgs<'_>,
    ) -> Result<Cow<'_, str>, TextError> {
        let error = |fault: &str| TextError { id: id.to_owned(), language, fault: fault.to_owned() };
        let (_, bundle) =
            self.bundles.iter().find(|(known, _)| *known == language).ok_or_else(|| error("no language"))?;
        let message = bundle.get_message(id).ok_or_else(|| error("no such text"))?;
        let pattern = message.value().ok_or_else(|| error("no value"))?;
        let mut faults = Vec::new();
        let text = bundle.format_pattern(pattern, Some(values), &mut faults);
        match faults.first() {
            None => Ok(text),
            Some(fault) => Err(error(&fault.to_string())),
        }
    }
}

/// The file of a language.
pub(crate) const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../texts/en.ftl"),
        Language::German => include_str!("../texts/de.ftl"),
        Language::Spanish => include_str!("../texts/es.ftl"),
        Language::French => include_str!("../texts/fr.ftl"),
        Language::Japanese => include_str!("../texts/ja.ftl"),
        Language::Arabic => include_str!("../texts/ar.ftl"),
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier =
        language.code().parse().expect("the codes of the languages are those of BCP 47");
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    bundle.add_resource_overriding(resource(language));
    bundle
}

/// The parsed file of a language. A test reads every file: a line that is no text is left out here.
pub(crate) fn resource(language: Language) -> FluentResource {
    match FluentResource::try_new(source(language).to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    }
}
