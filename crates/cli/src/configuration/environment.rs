//! Settings from environment variables: `COUNTERFOIL_KEY`, or `COUNTERFOIL_TABLE_KEY` for a key in a table.

use std::ffi::OsString;

use crate::configuration::diagnostic::{Assignment, Diagnostic, ValueSource};
use crate::configuration::setting::{Setting, variable};
use crate::configuration::table::settings;

/// What the variables set, and what is wrong with them. Unknown variables are ignored: a newer or an older
/// version, or another program, may use them.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentSettings {
    /// The values, not parsed yet.
    pub(crate) assignments: Vec<Assignment>,
    /// Values that cannot be used.
    pub(crate) errors: Vec<Diagnostic>,
    /// Variables that have been renamed and have no effect.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads the variables that are settings. An empty variable is the same as none.
pub(crate) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> EnvironmentSettings {
    let mut read = EnvironmentSettings::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|_| !value.is_empty()) else { continue };
        if let Some(setting) = settings().find(|setting| setting.variable() == name) {
            match value.into_string() {
                Ok(text) => read.assignments.push(assignment(setting, name, text)),
                Err(_) => read.errors.push(diagnostic(Some(setting.name), name, "must be UTF-8", None)),
            }
        } else if let Some(setting) = renamed(name) {
            let hint = Some(format!("set {} instead", setting.variable()));
            read.warnings.push(diagnostic(None, name, "has been renamed, and has no effect", hint));
        }
    }
    read
}

fn assignment(setting: &'static Setting, name: &str, text: String) -> Assignment {
    Assignment {
        setting,
        values: setting.form.split_values(&text),
        source: ValueSource::Variable(name.to_owned()),
    }
}

fn diagnostic(key: Option<&str>, name: &str, message: &str, hint: Option<String>) -> Diagnostic {
    Diagnostic {
        key: key.map(str::to_owned),
        source: ValueSource::Variable(name.to_owned()),
        message: message.to_owned(),
        hint,
    }
}

/// The setting that had this variable.
fn renamed(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.former_names.iter().any(|former| variable(former) == name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn read_all(variables: &[(&str, &str)]) -> EnvironmentSettings {
        read(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn only_variables_of_settings_are_read() {
        let read = read_all(&[
            ("HOME", "/"),
            ("COUNTERFOIL_ISSUER", "https://a.example"),
            ("COUNTERFOIL_TRUSTED_ORIGINS", "https://a.example, https://b.example"),
            ("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_IP", "off"),
            ("COUNTERFOIL_MASTER_KEY", "secret"),
            ("COUNTERFOIL_ISUER", "https://a.example"),
        ]);

        assert_eq!(read.assignments.len(), 3);
        assert_eq!(read.assignments[1].values, ["https://a.example", "https://b.example"]);
        assert_eq!(read.assignments[2].setting.name, "login_rate_limit.per_ip");
        assert!(read.errors.is_empty() && read.warnings.is_empty(), "{read:?}");
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let read =
            read_all(&[("COUNTERFOIL_ISSUER", ""), ("COUNTERFOIL_CACHE", ""), ("COUNTERFOIL_LOG", "")]);

        assert!(
            read.assignments.is_empty() && read.errors.is_empty() && read.warnings.is_empty(),
            "{read:?}"
        );
    }

    #[test]
    fn a_variable_that_kubernetes_sets_for_a_service_does_not_prevent_a_start() {
        let read = read_all(&[("COUNTERFOIL_CACHE_PORT", "tcp://10.0.0.1:6379")]);
        assert!(read.errors.is_empty(), "{read:?}");
    }

    #[test]
    fn a_renamed_variable_is_ignored_with_a_warning_that_names_the_new_one() {
        for setting in settings() {
            for former in setting.former_names {
                let name = variable(former);
                let read = read_all(&[(&name, "1")]);

                // Some keys moved to a table of the same first word: the variable is still the same.
                match settings().any(|setting| setting.variable() == name) {
                    true => assert!(read.warnings.is_empty() && read.assignments.len() == 1, "{read:?}"),
                    false => {
                        let hint = read.warnings[0].hint.clone().unwrap();
                        assert!(hint.contains(&setting.variable()) && read.errors.is_empty(), "{read:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_an_error() {
        let read = read([("COUNTERFOIL_ISSUER".into(), OsString::from_vec(vec![0xff]))]);

        assert_eq!(read.errors.len(), 1);
    }
}
