//! The error for a key that is not a setting: it may be renamed or mistyped.

use crate::configuration::diagnostic::{Diagnostic, ValueSource};
use crate::configuration::setting::Setting;
use crate::configuration::table;

/// An error at the key `name`.
pub(super) fn error(name: &str, source: ValueSource, message: &str, hint: String) -> Diagnostic {
    Diagnostic { key: Some(name.to_owned()), source, message: message.to_owned(), hint: Some(hint) }
}

/// The error for a key that is not a setting.
pub(super) fn unknown(name: &str, source: ValueSource) -> Diagnostic {
    if name == "master_key" {
        let hint = "use master_key_file or the variable COUNTERFOIL_MASTER_KEY".to_owned();
        return error(name, source, "a secret must not be in the configuration file", hint);
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
