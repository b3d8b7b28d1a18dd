//! The declaration of one setting: its names, form, default, documentation and parser.

use crate::configuration::builder::SettingsBuilder;
use crate::configuration::value::InvalidValue;

/// One row of the table of settings.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The key in the file: `key`, or `table.key`. The names of the variable and of the table follow from it.
    pub(crate) name: &'static str,
    /// How a value is written.
    pub(crate) form: Form,
    /// The value that is used if none is set.
    pub(crate) default: DefaultValue,
    /// What the setting does, for the documentation and for the comments that `init` writes.
    pub(crate) doc: &'static str,
    /// Former keys. In the file they are refused, as variables they are ignored with a warning; both name
    /// this one.
    pub(crate) former_names: &'static [&'static str],
    /// Parses the values into the builder. There is exactly one value, except with [`Form::List`].
    pub(crate) apply: fn(&mut SettingsBuilder, &[String]) -> Result<(), InvalidValue>,
}

/// How a value is written. A variable or an option holds the same text, without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `"…"`
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `"15m"`, or a number of seconds.
    Duration,
    /// `{ max = 20, window = "15m" }` or `"off"`; `20/15m` or `off` in a variable.
    Limit,
    /// `["…", "…"]`; separated by commas in a variable.
    List,
}

/// The value of a setting that is not set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DefaultValue {
    /// This value, written as in a variable.
    Value(&'static str),
    /// No fixed value; this text describes it.
    Description(&'static str),
}

impl Setting {
    /// The table of the file, if the key is in one, and the key in it.
    pub(crate) fn table_and_key(&self) -> (Option<&'static str>, &'static str) {
        match self.name.split_once('.') {
            Some((table, key)) => (Some(table), key),
            None => (None, self.name),
        }
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }
}

/// The environment variable of a key: `COUNTERFOIL_TABLE_KEY` for `table.key`.
pub(crate) fn variable(name: &str) -> String {
    format!("COUNTERFOIL_{}", name.replace('.', "_").to_ascii_uppercase())
}

impl Form {
    /// How to write a value in the file, for an error message.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Text => "a string in quotes",
            Self::Number => "a whole number without quotes",
            Self::Boolean => "true or false, without quotes",
            Self::Duration => "a duration like \"15m\", or a number of seconds without quotes",
            Self::Limit => "{ max = 20, window = \"15m\" } or \"off\"",
            Self::List => "a list of strings in square brackets",
        }
    }

    /// The word for it in the documentation.
    #[cfg(test)]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Limit => "limit",
            Self::List => "list",
        }
    }

    /// The values in the text of a variable or an option.
    pub(crate) fn split_values(self, text: &str) -> Vec<String> {
        match self {
            Self::Text | Self::Number | Self::Boolean | Self::Duration | Self::Limit => vec![text.to_owned()],
            Self::List if text.trim().is_empty() => Vec::new(),
            Self::List => text.split(',').map(|text| text.trim().to_owned()).collect(),
        }
    }
}
