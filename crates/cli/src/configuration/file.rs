//! The configuration file: TOML, one key a setting, and nothing that we do not know.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::configuration::setting::Form;
use crate::configuration::source::{Finding, Given, Place};
use crate::configuration::table;

/// The most bytes that are read: what is larger was meant for somebody else.
const LARGEST: u64 = 1 << 20;

/// What a file says, and what is wrong with how it says it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The values, yet to be judged.
    pub(crate) given: Vec<Given>,
    /// What is wrong.
    pub(crate) faults: Vec<Finding>,
    /// Whether it could be read to its end. Otherwise what it would have said is not known.
    pub(crate) is_whole: bool,
}

/// Reads the file.
pub(crate) fn read(file: &Path) -> Told {
    match text(file) {
        Ok(text) => told(file, &text),
        Err(error) => Told {
            faults: vec![Finding {
                key: None,
                place: Place::File(file.to_owned()),
                message: format!("the configuration file cannot be read: {error}"),
                hint: Some("name one that is there with --config; `counterfoil init` writes one".into()),
            }],
            ..Told::default()
        },
    }
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// What `text` says, which is in `file` or would be.
pub(crate) fn told(file: &Path, text: &str) -> Told {
    let (table, errors) = DeTable::parse_recoverable(text);
    let line = |at: usize| {
        let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
        Place::Line(file.to_owned(), 1 + before.iter().filter(|byte| **byte == b'\n').count())
    };
    // What comes after a slip of the pen may be anything; only the slips are told.
    if !errors.is_empty() {
        let slip = |error: &toml::de::Error| Finding {
            key: None,
            place: line(error.span().map_or(0, |span| span.start)),
            message: error.message().lines().collect::<Vec<_>>().join(", "),
            hint: None,
        };
        return Told { faults: errors.iter().map(slip).collect(), ..Told::default() };
    }
    let mut told = Told { is_whole: true, ..Told::default() };
    for (key, value) in table.get_ref() {
        match one(key, value, line(key.span().start)) {
            Ok(given) => told.given.push(given),
            Err(fault) => told.faults.push(fault),
        }
    }
    told
}

/// One key and its value.
fn one(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, place: Place) -> Result<Given, Finding> {
    let fault = |place: &Place, message: &str, hint: String| Finding {
        key: Some(key.get_ref().to_string()),
        place: place.clone(),
        message: message.to_owned(),
        hint: Some(hint),
    };
    let Some(setting) = table::setting(key.get_ref()) else {
        return Err(fault(&place, "there is no such setting", hint_for(key.get_ref())));
    };
    match texts(value.get_ref(), setting.form) {
        Some(texts) => Ok(Given { setting, texts, place }),
        None => Err(fault(
            &place,
            "it is not written as it has to be",
            format!("write {}", setting.form.describe()),
        )),
    }
}

/// What to tell somebody who wrote a key that we do not know.
fn hint_for(key: &str) -> String {
    match (key, table::nearest(key)) {
        ("master_key", _) => {
            "no key stands in a file that others may read; use master_key_file, or COUNTERFOIL_MASTER_KEY"
                .into()
        }
        (_, Some(nearest)) => format!("did you mean {nearest}?"),
        (_, None) => "docs/configuration.md tells every setting".into(),
    }
}

/// The texts of a value, if it is written as `form` wants it.
fn texts(value: &DeValue<'_>, form: Form) -> Option<Vec<String>> {
    match (form, value) {
        (Form::Text, DeValue::String(text)) => Some(vec![text.to_string()]),
        (Form::Number, DeValue::Integer(number)) if number.radix() == 10 => Some(vec![number.to_string()]),
        (Form::Texts, DeValue::Array(values)) => list(values),
        (Form::Text | Form::Number | Form::Texts, _) => None,
    }
}

fn list(values: &DeArray<'_>) -> Option<Vec<String>> {
    let text = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
    values.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        told(Path::new("c.toml"), text).faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_says_what_it_says() {
        let told = told(
            Path::new("c.toml"),
            "# ours\nissuer = \"https://a.example\"\nrefresh_grace = 1_0\ntrusted_origins = [\"https://b.example\"]\n",
        );

        assert!(told.is_whole && told.faults.is_empty(), "{told:?}");
        let said: Vec<_> = told
            .given
            .iter()
            .map(|given| (given.setting.key, given.texts.join(" "), given.place.to_string()))
            .collect();
        assert!(said.contains(&("refresh_grace", "10".into(), "c.toml, line 3".into())), "{said:?}");
        assert!(said.contains(&("trusted_origins", "https://b.example".into(), "c.toml, line 4".into())));
    }

    #[test]
    fn every_unknown_key_is_told_with_its_line_and_what_was_meant() {
        let told = told(Path::new("c.toml"), "isuer = \"x\"\n\n[limits]\nbody = 1\n");

        let lines: Vec<_> =
            told.faults.iter().map(|fault| (fault.key.clone().unwrap(), fault.place.clone())).collect();
        assert!(lines.contains(&("isuer".into(), Place::Line("c.toml".into(), 1))), "{lines:?}");
        assert!(lines.contains(&("limits".into(), Place::Line("c.toml".into(), 3))), "{lines:?}");
        assert!(told.faults.iter().any(|fault| fault.hint.as_deref() == Some("did you mean issuer?")));
    }

    #[test]
    fn a_key_in_the_file_is_refused_and_not_shown() {
        let told = told(Path::new("c.toml"), "master_key = \"c2VjcmV0\"\n");

        assert!(told.faults[0].hint.as_deref().unwrap().contains("master_key_file"));
        assert!(!format!("{:?}", told.faults).contains("c2VjcmV0"));
    }

    #[test]
    fn a_number_in_quotes_is_no_number() {
        assert_eq!(faults("refresh_grace = \"10\"").len(), 1);
        assert_eq!(faults("refresh_grace = 1.5").len(), 1);
        assert_eq!(faults("issuer = 10").len(), 1);
        assert_eq!(faults("trusted_origins = \"https://a.example\"").len(), 1);
        assert_eq!(faults("trusted_origins = [\"https://a.example\", 1]").len(), 1);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        for bad in ["issuer = \"a\"\nissuer = \"b\"\n", "\nlisten = \n", "\n= 1\n", "\n[x\n"] {
            let faults = faults(bad);

            assert!(faults.iter().any(|fault| fault.contains("line 2")), "{bad:?}: {faults:?}");
        }
    }
}
