//! What the environment says.

use std::ffi::OsString;

use crate::configuration::setting::Form;
use crate::configuration::source::{Finding, Given, Place};
use crate::configuration::table::settings;

/// What all our variables begin with.
const PREFIX: &str = "COUNTERFOIL_";

/// Variables that are no settings: which file to read, the secrets that are read where they are needed.
const OTHERS: [&str; 3] = ["COUNTERFOIL_CONFIG", "COUNTERFOIL_MASTER_KEY", "COUNTERFOIL_PASSWORD"];

/// What the variables say, and what is wrong or odd about them.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The values, yet to be judged.
    pub(crate) given: Vec<Given>,
    /// What is wrong.
    pub(crate) faults: Vec<Finding>,
    /// Variables that look like ours and are not. They stop nobody: a newer version may know them.
    pub(crate) unknown: Vec<Finding>,
}

/// Hears the variables that are ours.
pub(crate) fn hear(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Heard {
    let mut heard = Heard::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if OTHERS.contains(&name) {
            continue;
        }
        let place = Place::Variable(name.to_owned());
        let Some(setting) = settings().find(|setting| setting.variable() == name) else {
            heard.unknown.push(Finding {
                key: None,
                place,
                message: "there is no such setting, so it does nothing".into(),
                hint: Some("docs/configuration.md tells every variable".into()),
            });
            continue;
        };
        match value.into_string() {
            Ok(text) => heard.given.push(Given { setting, texts: texts(text, setting.form), place }),
            Err(_) => heard.faults.push(Finding {
                key: Some(setting.key.to_owned()),
                place,
                message: "it is not UTF-8".into(),
                hint: None,
            }),
        }
    }
    heard
}

/// The texts of a value; those of a list are parted by commas, and none are an empty list.
pub(crate) fn texts(text: String, form: Form) -> Vec<String> {
    match form {
        Form::Text | Form::Number => vec![text],
        Form::Texts if text.trim().is_empty() => Vec::new(),
        Form::Texts => text.split(',').map(|text| text.trim().to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn hear_all(variables: &[(&str, &str)]) -> Heard {
        hear(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn only_our_own_variables_are_heard() {
        let heard = hear_all(&[
            ("HOME", "/"),
            ("COUNTERFOIL_ISSUER", "https://a.example"),
            ("COUNTERFOIL_TRUSTED_ORIGINS", "https://a.example, https://b.example"),
            ("COUNTERFOIL_MASTER_KEY", "secret"),
        ]);

        assert_eq!(heard.given.len(), 2);
        assert_eq!(heard.given[1].texts, ["https://a.example", "https://b.example"]);
        assert!(heard.faults.is_empty() && heard.unknown.is_empty(), "{heard:?}");
    }

    #[test]
    fn an_unknown_variable_is_odd_and_no_fault() {
        let heard = hear_all(&[("COUNTERFOIL_ISUER", "https://a.example")]);

        assert!(heard.faults.is_empty());
        assert_eq!(heard.unknown.len(), 1);
    }

    #[test]
    fn what_is_no_text_is_a_fault() {
        let heard = hear([("COUNTERFOIL_ISSUER".into(), OsString::from_vec(vec![0xff]))]);

        assert_eq!(heard.faults.len(), 1);
    }
}
