//! `counterfoil check`: validates the configuration and reports warnings, without changing anything.

use clap::Args;
use counterfoil::operator::durability_warning;
use serde_json::{Value, json};

use crate::configuration::diagnostic::{Diagnostic, ValueSource};
use crate::configuration::flags::ServerOptions;
use crate::configuration::{Configuration, check_errors, warnings};
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::standard_input::display_name;

/// The options of `check`.
#[derive(Args)]
pub(crate) struct Options {
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Treat warnings as errors.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    _settings: ServerOptions,
}

/// The errors and warnings of a configuration.
struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// The shared cache, without user and password, if one is set.
    cache: Option<String>,
}

/// Checks the configuration that `serve` would use. `serve` does not start with an error.
///
/// # Errors
///
/// If there is an error, or with `--strict` a warning.
pub(crate) async fn run(configuration: &Configuration, options: &Options) -> Result<(), CliError> {
    let findings = find(configuration).await;
    if options.json {
        let (errors, warnings) = (to_json(&findings.errors), to_json(&findings.warnings));
        let file = configuration.file.as_deref().map(display_name);
        let mut report = json!({ "config_file": file, "errors": errors, "warnings": warnings });
        if let Some(cache) = &findings.cache {
            report["cache"] = json!(cache);
        }
        print_json(&report)?;
    } else {
        print_line(&report(configuration, &findings))?;
    }
    let warnings = if options.strict { findings.warnings.len() } else { 0 };
    match findings.errors.len() + warnings {
        0 => Ok(()),
        1 => Err(CliError::failure("the configuration is not valid: 1 finding")),
        many => Err(CliError::failure(format!("the configuration is not valid: {many} findings"))),
    }
}

async fn find(configuration: &Configuration) -> Findings {
    let configuration = configuration.with_page_files();
    match configuration.validate(configuration.listen) {
        Err(errors) => {
            let warnings =
                configuration.renamed_variables().iter().cloned().chain(configuration.unread_file());
            Findings { errors, warnings: warnings.collect(), cache: None }
        }
        Ok(settings) => {
            let mut warnings = warnings::warnings(&configuration, &settings);
            warnings.extend(configuration.unread_file());
            let of_store = durability_warning(&settings.store).await;
            warnings.extend(of_store.map(|(message, hint)| Diagnostic::combination("store", message, hint)));
            let errors = check_errors(&settings).into_iter().map(from_error).collect();
            Findings { errors, warnings, cache: settings.cache.as_ref().map(ToString::to_string) }
        }
    }
}

/// An error that is not about a single value.
fn from_error(error: CliError) -> Diagnostic {
    let (message, hint) = error.into_parts();
    Diagnostic { key: None, source: ValueSource::Combination, message, hint }
}

fn report(configuration: &Configuration, findings: &Findings) -> String {
    let mut lines = [to_lines("error", &findings.errors), to_lines("warning", &findings.warnings)].concat();
    if lines.is_empty() {
        lines.push("the configuration is valid, without warnings".to_owned());
    }
    let cache = findings.cache.iter().map(|cache| format!("cache: {}", escape_controls(cache)));
    lines.extend(cache);
    let file = configuration.file.as_deref().map_or_else(|| "none".to_owned(), display_name);
    lines.push(format!("configuration file: {}", escape_controls(&file)));
    lines.join("\n")
}

fn to_lines(severity: &str, diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |diagnostic: &Diagnostic| {
        let text = escape_controls(&format!("{severity}: {diagnostic}"));
        match &diagnostic.hint {
            Some(hint) => format!("{text}\n  hint: {}", escape_controls(hint)),
            None => text,
        }
    };
    diagnostics.iter().map(line).collect()
}

fn to_json(diagnostics: &[Diagnostic]) -> Vec<Value> {
    let object = |diagnostic: &Diagnostic| {
        json!({
            "key": diagnostic.key,
            "source": diagnostic.source.to_string(),
            "message": diagnostic.message,
            "hint": diagnostic.hint,
        })
    };
    diagnostics.iter().map(object).collect()
}
