//! The configuration file: TOML with a key or a `[table] key` for each setting. Unknown keys are refused.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::configuration::diagnostic::{Assignment, Diagnostic, ValueSource};
use crate::configuration::setting::{Form, Setting};
use crate::configuration::table::{self, UNSUPPORTED};

/// The maximum number of bytes that are read; a configuration file is never larger.
const MAX_SIZE: u64 = 1 << 20;

/// What a file sets, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct FileSettings {
    /// The values, not parsed yet.
    pub(crate) assignments: Vec<Assignment>,
    /// What is wrong.
    pub(crate) errors: Vec<Diagnostic>,
    /// Whether the file is valid TOML. If not, it is unknown which settings it has.
    pub(crate) is_readable: bool,
}

/// Reads a file.
pub(crate) fn read(file: &Path) -> FileSettings {
    match text(file) {
        Ok(text) => parse(file, &text),
        Err(error) => FileSettings {
            errors: vec![Diagnostic {
                key: None,
                source: ValueSource::File(file.to_owned()),
                message: format!("the configuration file cannot be read: {error}"),
                hint: Some("pass an existing file to --config; `counterfoil init` writes one".into()),
            }],
            ..FileSettings::default()
        },
    }
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_SIZE).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads the text of a file.
pub(crate) fn parse(file: &Path, text: &str) -> FileSettings {
    let lines = Lines { file, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    // After a syntax error the rest of the file may be misread, so only the syntax errors are reported.
    if !errors.is_empty() {
        let errors = errors.iter().map(|error| lines.syntax_error(error)).collect();
        return FileSettings { errors, ..FileSettings::default() };
    }
    let mut read = FileSettings { is_readable: true, ..FileSettings::default() };
    for (key, value) in table.get_ref() {
        let table = table::tables().into_iter().find(|table| *table == key.get_ref().as_ref());
        match (table, value.get_ref()) {
            (Some(table), DeValue::Table(keys)) => {
                for (key, value) in keys {
                    read.add(&format!("{table}.{}", key.get_ref()), value, lines.line_of(key));
                }
            }
            (Some(table), _) => read.errors.push(error(
                table,
                lines.line_of(key),
                "must be a table",
                format!("write the line [{table}], and its keys below it"),
            )),
            (None, _) => read.add(key.get_ref(), value, lines.line_of(key)),
        }
    }
    read
}

impl FileSettings {
    /// Adds the value of the key `name`, or what is wrong with it.
    fn add(&mut self, name: &str, value: &Spanned<DeValue<'_>>, source: ValueSource) {
        let Some(setting) = table::setting(name) else {
            self.errors.push(unknown(name, source));
            return;
        };
        match values(value.get_ref(), setting.form) {
            Some(values) => self.assignments.push(Assignment { setting, values, source }),
            None => {
                let form = setting.form.describe();
                self.errors.push(error(
                    name,
                    source,
                    "has a value of the wrong type",
                    format!("write {form}"),
                ));
            }
        }
    }
}

/// Finds the lines of keys.
struct Lines<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn line_of(&self, key: &Spanned<DeString<'_>>) -> ValueSource {
        self.line_at(key.span().start)
    }

    fn line_at(&self, offset: usize) -> ValueSource {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ValueSource::Line(self.file.to_owned(), line)
    }

    fn syntax_error(&self, error: &toml::de::Error) -> Diagnostic {
        Diagnostic {
            key: None,
            source: self.line_at(error.span().map_or(0, |span| span.start)),
            message: error.message().lines().collect::<Vec<_>>().join(", "),
            hint: None,
        }
    }
}

fn error(name: &str, source: ValueSource, message: &str, hint: String) -> Diagnostic {
    Diagnostic { key: Some(name.to_owned()), source, message: message.to_owned(), hint: Some(hint) }
}

/// The error for a key that is not a setting.
fn unknown(name: &str, source: ValueSource) -> Diagnostic {
    if name == "master_key" {
        let hint = "use master_key_file or the variable COUNTERFOIL_MASTER_KEY".to_owned();
        return error(name, source, "a secret must not be in the configuration file", hint);
    }
    if UNSUPPORTED.contains(&name) {
        return error(name, source, "not supported yet", "remove it".to_owned());
    }
    if let Some(setting) = table::renamed(name) {
        return error(name, source, "has been renamed", format!("write {}", assignment_of(setting)));
    }
    let hint = match (table::nearest(name), name.split_once('.')) {
        (Some(nearest), _) => format!("did you mean {nearest}?"),
        (None, Some((table, _))) => format!("[{table}] has {}", keys_of(table).join(", ")),
        (None, None) => "docs/configuration.md lists every setting".to_owned(),
    };
    error(name, source, "unknown setting", hint)
}

/// How to set a setting: `reuse_grace in the table [refresh], with a duration …`.
fn assignment_of(setting: &Setting) -> String {
    let form = setting.form.describe();
    match setting.table_and_key() {
        (Some(table), key) => format!("{key} in the table [{table}], with {form}"),
        (None, key) => format!("{key}, with {form}"),
    }
}

fn keys_of(table: &str) -> Vec<&'static str> {
    let settings = table::settings().map(Setting::table_and_key);
    settings.filter(|(of, _)| *of == Some(table)).map(|(_, key)| key).collect()
}

/// The values as they would be written in a variable, if the TOML value has the right form.
fn values(value: &DeValue<'_>, form: Form) -> Option<Vec<String>> {
    match (form, value) {
        (Form::Text | Form::Duration, DeValue::String(text)) => Some(vec![text.to_string()]),
        (Form::Number | Form::Duration, value @ DeValue::Integer(_)) => Some(vec![integer(value)?]),
        (Form::Boolean, DeValue::Boolean(is_set)) => Some(vec![is_set.to_string()]),
        (Form::Limit, DeValue::String(text)) => (text == "off").then(|| vec![text.to_string()]),
        (Form::Limit, DeValue::Table(limit)) => Some(vec![rate(limit)?]),
        (Form::List, DeValue::Array(values)) => list(values),
        (Form::Text | Form::Number | Form::Boolean | Form::Duration | Form::Limit | Form::List, _) => None,
    }
}

/// `{ max = 20, window = "15m" }` as `20/15m`.
fn rate(limit: &DeTable<'_>) -> Option<String> {
    let of = |key| limit.get(key).map(|value: &Spanned<DeValue<'_>>| value.get_ref());
    let max = integer(of("max")?)?;
    let window = match of("window")? {
        DeValue::String(text) => text.to_string(),
        value => integer(value)?,
    };
    (limit.len() == 2).then(|| format!("{max}/{window}"))
}

fn integer(value: &DeValue<'_>) -> Option<String> {
    let DeValue::Integer(number) = value else { return None };
    (number.radix() == 10).then(|| number.to_string())
}

fn list(values: &DeArray<'_>) -> Option<Vec<String>> {
    let text = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
    values.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FileSettings {
        parse(Path::new("c.toml"), text)
    }

    fn errors(text: &str) -> Vec<String> {
        read(text).errors.iter().map(ToString::to_string).collect()
    }

    fn hint(text: &str) -> String {
        let read = read(text);
        assert_eq!(read.errors.len(), 1, "{text}: {read:?}");
        read.errors[0].hint.clone().unwrap()
    }

    #[test]
    fn keys_at_the_top_and_in_tables_are_read_with_their_lines() {
        let read = read(
            "# comment\nissuer = \"https://a.example\"\ntrusted_origins = [\"https://b.example\"]\nmax_body_size = 6_5536\n\
             [refresh]\nreuse_grace = 10\n[login_rate_limit]\nper_ip = { max = 20, window = \"15m\" }\nper_account = \"off\"\n\
             trusted_ip_ttl = \"30d\"\n",
        );

        assert!(read.is_readable && read.errors.is_empty(), "{read:?}");
        let assigned: Vec<_> = read
            .assignments
            .iter()
            .map(|one| (one.setting.name, one.values.join(" "), one.source.to_string()))
            .collect();
        for (name, value, line) in [
            ("trusted_origins", "https://b.example", 3),
            ("max_body_size", "65536", 4),
            ("refresh.reuse_grace", "10", 6),
            ("login_rate_limit.per_ip", "20/15m", 8),
            ("login_rate_limit.per_account", "off", 9),
            ("login_rate_limit.trusted_ip_ttl", "30d", 10),
        ] {
            let expected = (name, value.to_owned(), format!("c.toml, line {line}"));
            assert!(assigned.contains(&expected), "{expected:?}: {assigned:?}");
        }
    }

    #[test]
    fn every_unknown_key_is_reported_with_its_line_and_a_suggestion() {
        let read = read("isuer = \"x\"\n\n[limits]\nbody = 1\n[refresh]\nreuse_grce = 1\n");

        let found: Vec<_> = read
            .errors
            .iter()
            .map(|error| (error.key.clone().unwrap(), error.source.to_string(), error.hint.clone().unwrap()))
            .collect();
        for (key, line, hint) in [
            ("isuer", 1, "did you mean issuer?"),
            ("limits", 3, "docs/configuration.md lists every setting"),
            ("refresh.reuse_grce", 6, "did you mean refresh.reuse_grace?"),
        ] {
            let expected = (key.to_owned(), format!("c.toml, line {line}"), hint.to_owned());
            assert!(found.contains(&expected), "{expected:?}: {found:?}");
        }
    }

    #[test]
    fn a_former_key_is_refused_and_the_new_one_named() {
        for setting in table::settings() {
            for former in setting.former_names {
                let hint = hint(&format!("{former} = 1\n"));
                let (table, key) = setting.table_and_key();

                assert!(
                    hint.contains(key) && table.is_none_or(|table| hint.contains(table)),
                    "{former}: {hint}"
                );
            }
        }
    }

    #[test]
    fn features_that_are_not_supported_yet_are_refused() {
        for text in
            ["cache = \"redis://a\"\n", "login_url = \"https://a.example\"\n", "[forward_auth]\nx = 1\n"]
        {
            assert!(errors(text)[0].ends_with("not supported yet"), "{:?}", errors(text));
        }
    }

    #[test]
    fn a_master_key_in_the_file_is_refused_and_not_shown() {
        let read = read("master_key = \"c2VjcmV0\"\n");

        assert!(read.errors[0].hint.as_deref().unwrap().contains("master_key_file"));
        assert!(!format!("{:?}", read.errors).contains("c2VjcmV0"));
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for text in [
            "max_sessions = \"10\"",
            "refresh.reuse_grace = 1.5",
            "refresh = 10",
            "refresh.reuse_grace = true",
            "issuer = 10",
            "clear_site_data_on_logout = \"true\"",
            "trusted_origins = \"https://a.example\"",
            "trusted_origins = [\"https://a.example\", 1]",
            "login_rate_limit.per_ip = 20",
            "login_rate_limit.per_ip = \"20/15m\"",
            "login_rate_limit.per_ip = { max = 20 }",
            "login_rate_limit.per_ip = { max = 20, window = \"15m\", more = 1 }",
            "login_rate_limit.per_ip = { max = \"20\", window = \"15m\" }",
        ] {
            assert_eq!(errors(text).len(), 1, "{text}: {:?}", errors(text));
        }
    }

    #[test]
    fn a_syntax_error_is_reported_with_its_line() {
        for bad in ["issuer = \"a\"\nissuer = \"b\"\n", "\nlisten = \n", "\n= 1\n", "\n[x\n"] {
            let errors = errors(bad);

            assert!(errors.iter().any(|error| error.contains("line 2")), "{bad:?}: {errors:?}");
        }
    }
}
