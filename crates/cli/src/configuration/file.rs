//! The configuration file: TOML with a key or a `[table] key` for each setting. Unknown keys are refused.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::configuration::diagnostic::{Assignment, Diagnostic, ValueSource};
use crate::configuration::file::toml_value::values;
use crate::configuration::file::unknown_key::{error, unknown};
use crate::configuration::table;
use crate::standard_input::is_standard_input;

mod toml_value;
mod unknown_key;

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

fn text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    match is_standard_input(file) {
        true => io::stdin().take(MAX_SIZE).read_to_string(&mut text)?,
        false => File::open(file)?.take(MAX_SIZE).read_to_string(&mut text)?,
    };
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
