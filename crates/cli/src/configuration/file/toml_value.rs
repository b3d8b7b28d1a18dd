//! Converts the TOML value of a setting to the text that a variable would have.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::configuration::setting::Form;

/// The values as they would be written in a variable, if the TOML value has the right form.
pub(super) fn values(value: &DeValue<'_>, form: Form) -> Option<Vec<String>> {
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
