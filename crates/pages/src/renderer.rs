//! Turns views into HTML.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, context};
use serde::Serialize;

use crate::assets::Asset;
use crate::language::Language;
use crate::texts::Texts;

/// Renders pages. It is made once: its templates and texts are those of the program, or of the operator in their place.
#[derive(Debug)]
pub struct Renderer {
    environment: Environment<'static>,
}

/// A page cannot be rendered: a template or a text does not fit its view. No input of a client causes it.
#[derive(Debug, thiserror::Error)]
#[error("the page `{template}` cannot be rendered")]
pub struct RenderError {
    template: &'static str,
    #[source]
    source: Error,
}

/// A language, as the foot of a page offers it.
#[derive(Serialize)]
struct LanguageChoice {
    code: &'static str,
    name: &'static str,
    dir: &'static str,
    current: bool,
}

/// Renders pages with our templates and texts alone. Compiled at the first page.
static EMBEDDED: LazyLock<Renderer> = LazyLock::new(Renderer::new);

/// Every template by its name.
pub(crate) const TEMPLATES: [(&str, &str); 60] = [
    ("base.html", include_str!("../templates/base.html")),
    ("gate.html", include_str!("../templates/gate.html")),
    ("account.html", include_str!("../templates/account.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("login.html", include_str!("../templates/login.html")),
    ("signed_in.html", include_str!("../templates/signed_in.html")),
    ("register.html", include_str!("../templates/register.html")),
    ("logout.html", include_str!("../templates/logout.html")),
    ("continue.html", include_str!("../templates/continue.html")),
    ("reuse.html", include_str!("../templates/reuse.html")),
    ("sessions.html", include_str!("../templates/sessions.html")),
    ("session.html", include_str!("../templates/session.html")),
    ("end_all.html", include_str!("../templates/end_all.html")),
    ("security.html", include_str!("../templates/security.html")),
    ("activity.html", include_str!("../templates/activity.html")),
    ("problem.html", include_str!("../templates/problem.html")),
    ("console/base.html", include_str!("../templates/console/base.html")),
    ("console/parts.html", include_str!("../templates/console/parts.html")),
    ("console/overview.html", include_str!("../templates/console/overview.html")),
    ("console/overview_parts.html", include_str!("../templates/console/overview_parts.html")),
    ("console/users.html", include_str!("../templates/console/users.html")),
    ("console/user.html", include_str!("../templates/console/user.html")),
    ("console/sessions.html", include_str!("../templates/console/sessions.html")),
    ("console/audit.html", include_str!("../templates/console/audit.html")),
    ("console/confirm.html", include_str!("../templates/console/confirm.html")),
    ("console/keys.html", include_str!("../templates/console/keys.html")),
    ("console/key_parts.html", include_str!("../templates/console/key_parts.html")),
    ("console/verifiers.html", include_str!("../templates/console/verifiers.html")),
    ("console/verifier_parts.html", include_str!("../templates/console/verifier_parts.html")),
    ("console/rate_limits.html", include_str!("../templates/console/rate_limits.html")),
    ("console/health.html", include_str!("../templates/console/health.html")),
    ("console/doctor.html", include_str!("../templates/console/doctor.html")),
    ("console/configuration.html", include_str!("../templates/console/configuration.html")),
    ("console/revocations.html", include_str!("../templates/console/revocations.html")),
    ("console/clients.html", include_str!("../templates/console/clients.html")),
    ("console/client.html", include_str!("../templates/console/client.html")),
    ("console/revocation_parts.html", include_str!("../templates/console/revocation_parts.html")),
    ("console/live/health.html", include_str!("../templates/console/live/health.html")),
    ("console/live/stats.html", include_str!("../templates/console/live/stats.html")),
    ("console/live/verifiers.html", include_str!("../templates/console/live/verifiers.html")),
    ("console/live/revocations.html", include_str!("../templates/console/live/revocations.html")),
    ("console/live/keys.html", include_str!("../templates/console/live/keys.html")),
    ("console/live/audit.html", include_str!("../templates/console/live/audit.html")),
    ("reference/base.html", include_str!("../templates/reference/base.html")),
    ("reference/parts.html", include_str!("../templates/reference/parts.html")),
    ("reference/index.html", include_str!("../templates/reference/index.html")),
    ("reference/call.html", include_str!("../templates/reference/call.html")),
    ("lab/base.html", include_str!("../templates/lab/base.html")),
    ("lab/parts.html", include_str!("../templates/lab/parts.html")),
    ("lab/home.html", include_str!("../templates/lab/home.html")),
    ("lab/lab.html", include_str!("../templates/lab/lab.html")),
    ("lab/questions.html", include_str!("../templates/lab/questions.html")),
    ("lab/answer.html", include_str!("../templates/lab/answer.html")),
    ("lab/choose.html", include_str!("../templates/lab/choose.html")),
    ("lab/token.html", include_str!("../templates/lab/token.html")),
    ("lab/measurements.html", include_str!("../templates/lab/measurements.html")),
    ("lab/measuring.html", include_str!("../templates/lab/measuring.html")),
    ("lab/measurement_failed.html", include_str!("../templates/lab/measurement_failed.html")),
    ("lab/report.html", include_str!("../templates/lab/report.html")),
    ("lab/problem.html", include_str!("../templates/lab/problem.html")),
];

impl Renderer {
    /// Compiles the templates.
    ///
    /// # Panics
    ///
    /// Never with the templates of this crate, which a test compiles.
    #[expect(
        clippy::new_without_default,
        reason = "it compiles all templates, which a default does not suggest"
    )]
    pub fn new() -> Self {
        let mut renderer = Self::with_texts(Texts::embedded());
        for (name, source) in TEMPLATES {
            renderer.add_template(name, source).expect("a test compiles every template");
        }
        renderer
    }

    /// The renderer with the templates and texts of this crate.
    pub(crate) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// A renderer without templates.
    pub(crate) fn with_texts(texts: Texts) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        // With it a template could show what a user typed as markup.
        environment.remove_filter("safe");
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the delimiters are the default ones"));
        let texts = Arc::new(texts);
        let shared = Arc::clone(&texts);
        environment.add_function("t", move |state: &State<'_, '_>, id: &str, values: Kwargs| {
            text(&shared, state, id, &fluent_args(&values)?)
        });
        let shared = Arc::clone(&texts);
        environment
            .add_function("say", move |state: &State<'_, '_>, message: Value| say(&shared, state, &message));
        environment.add_function("device", move |state: &State<'_, '_>, device: Value| {
            device_name(&texts, state, &device)
        });
        Self { environment }
    }

    /// Compiles a template.
    pub(crate) fn add_template(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) -> Result<(), Error> {
        self.environment.add_template_owned(name, source)
    }

    /// The names that a template uses and does not set, as `page.username`, also where it is not reached.
    pub(crate) fn used_names(&self, template: &str) -> BTreeSet<String> {
        let template = self.environment.get_template(template);
        template.map(|template| template.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
    }

    /// A page of this template as HTML, with the languages that it offers. The template finds the other values as `frame` and `page`.
    pub(crate) fn render_template(
        &self,
        template: &'static str,
        (language, offered): (Language, &[Language]),
        frame: Value,
        page: Value,
    ) -> Result<String, RenderError> {
        self.render_values(template, (language, offered), frame, page)
            .map_err(|source| RenderError { template, source })
    }

    fn render_values(
        &self,
        template: &str,
        (language, offered): (Language, &[Language]),
        frame: Value,
        page: Value,
    ) -> Result<String, Error> {
        self.environment.get_template(template)?.render(context! {
            lang => language.code(),
            dir => language.direction().as_str(),
            languages => choices(language, offered),
            stylesheet => Asset::STYLESHEET.name(),
            console_stylesheet => Asset::CONSOLE_STYLESHEET.name(),
            console_script => Asset::CONSOLE_SCRIPT.name(),
            lab_stylesheet => Asset::LAB_STYLESHEET.name(),
            lab_script => Asset::LAB_SCRIPT.name(),
            lab_token_script => Asset::LAB_TOKEN_SCRIPT.name(),
            icon => Asset::ICON.name(),
            rosette => Asset::ROSETTE.name(),
            frame => frame,
            page => page,
        })
    }
}

impl RenderError {
    /// Where and what: the innermost error of the templates.
    pub(crate) fn innermost(&self) -> &Error {
        let mut innermost = &self.source;
        let mut cause = std::error::Error::source(&self.source);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<Error>().filter(|error| error.name().is_some()) {
                innermost = error;
            }
            cause = error.source();
        }
        innermost
    }
}

fn choices(current: Language, offered: &[Language]) -> Vec<Value> {
    let choice = |language: Language| LanguageChoice {
        code: language.code(),
        name: language.name(),
        dir: language.direction().as_str(),
        current: language == current,
    };
    offered.iter().map(|language| Value::from(Serde(choice(*language)))).collect()
}

/// The text with this id in the language of the page.
fn text(texts: &Texts, state: &State<'_, '_>, id: &str, values: &FluentArgs<'_>) -> Result<Value, Error> {
    let code = state.lookup("lang").and_then(|code| code.as_str().and_then(Language::from_code));
    let missing = || Error::new(ErrorKind::UndefinedError, "the page has no language");
    let text = texts.format(code.ok_or_else(missing)?, id, values);
    text.map(|text| Value::from(&*text))
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn say(texts: &Texts, state: &State<'_, '_>, message: &Value) -> Result<Value, Error> {
    let id = message.get_attr("id")?;
    let values = message.get_attr("values")?;
    let names = values.try_iter()?.map(|name| Ok((values.get_item(&name)?, name)));
    let values = names.collect::<Result<Vec<(Value, Value)>, Error>>()?;
    let mut args = FluentArgs::with_capacity(values.len());
    for (value, name) in &values {
        args.set(name.as_str().unwrap_or_default(), fluent_value(value));
    }
    text(texts, state, id.as_str().unwrap_or_default(), &args)
}

/// The name of a device: its label, or the browser and the system.
fn device_name(texts: &Texts, state: &State<'_, '_>, device: &Value) -> Result<Value, Error> {
    let label = device.get_attr("label")?;
    if label.as_str().is_some() {
        return Ok(label);
    }
    let (browser, system) = (device.get_attr("browser")?, device.get_attr("system")?);
    let mut args = FluentArgs::new();
    let id = match (browser.as_str(), system.as_str()) {
        (Some(browser), Some(system)) => {
            args.set("browser", browser);
            args.set("system", system);
            "device-browser"
        }
        (Some(_), None) => return Ok(browser),
        (None, _) => "device-program",
    };
    text(texts, state, id, &args)
}

fn fluent_args(values: &Kwargs) -> Result<FluentArgs<'_>, Error> {
    let mut args = FluentArgs::new();
    for name in values.args() {
        // `get` would note that the value is used, which nothing asks for.
        args.set(name, fluent_value(values.peek(name)?));
    }
    Ok(args)
}

fn fluent_value(value: &Value) -> FluentValue<'_> {
    match (value.as_str(), value.kind(), value.as_usize()) {
        (Some(text), ..) => FluentValue::from(text),
        (None, ValueKind::Number, Some(number)) => FluentValue::from(number),
        (None, ..) => FluentValue::from(value.to_string()),
    }
}
