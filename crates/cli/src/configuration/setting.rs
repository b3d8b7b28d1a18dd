//! The declaration of one setting: its names, form, default, documentation and parser.

use std::sync::LazyLock;

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
    /// The option of the command line. Only settings that are often set there have one.
    pub(crate) flag: Option<Flag>,
    /// Parses the values into the builder. There is exactly one value, except with [`Form::List`].
    pub(crate) apply: fn(&mut SettingsBuilder, &[String]) -> Result<(), InvalidValue>,
}

/// The option of a setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// The long name without its hyphens: the name of the setting with `-` for `.` and `_`.
    pub(crate) name: &'static str,
    /// The word for the value in the help text.
    pub(crate) value_name: &'static str,
    /// Which commands have the option.
    pub(crate) scope: Scope,
}

/// What a command does with a setting, which decides whether it has the option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It opens the store, or finds the server that owns it.
    Store,
    /// It logs.
    Log,
    /// It issues tokens.
    Issuer,
    /// It listens.
    Address,
    /// It sets passwords.
    PasswordPolicy,
    /// It serves requests.
    Server,
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

/// The settings if none is set. The values are those of the library.
static DEFAULTS: LazyLock<SettingsBuilder> = LazyLock::new(SettingsBuilder::default);

/// The value of a setting that is not set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DefaultValue {
    /// The value in the defaults of the library, written as in a variable.
    Value(fn(&SettingsBuilder) -> String),
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

    /// The help text of the option.
    pub(crate) fn help(&self) -> String {
        self.help_with_default(&self.default.text())
    }

    /// The help text of the option in a command with another default.
    pub(crate) fn help_with_default(&self, default: &str) -> String {
        format!("{} [default: {default}]", self.doc)
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }
}

impl DefaultValue {
    /// The value, written as in a variable, or the description.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Value(text) => text(&DEFAULTS),
            Self::Description(text) => text.to_owned(),
        }
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
