//! The configuration: settings from the command line, the environment and the file, validated together before
//! anything is created. All errors are reported at once.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use counterfoil::{Settings, StoreUrl, operator};
use counterfoil_jose::Secret;

use crate::configuration::builder::SettingsBuilder;
use crate::configuration::diagnostic::{Assignment, Diagnostic, ValueSource};
use crate::configuration::file::FileSettings;
use crate::configuration::flags::Flags;
use crate::error::CliError;
use crate::logging::LogFormat;

pub(crate) mod builder;
mod description;
pub(crate) mod development;
pub(crate) mod diagnostic;
mod environment;
mod file;
pub(crate) mod flags;
mod override_files;
mod page_file_fault;
mod page_file_paths;
mod page_files;
pub(crate) mod setting;
pub(crate) mod table;
mod validation;
pub(crate) mod value;
pub(crate) mod warnings;

/// The file that `init` writes if no other is named. It is not read unless it is named.
pub(crate) const INITIAL_FILE: &str = "counterfoil.toml";

/// The variable with the path of the configuration file.
const CONFIG: &str = "COUNTERFOIL_CONFIG";

/// The variable with the master key. A secret is never an argument, which other processes can read.
const MASTER_KEY: &str = "COUNTERFOIL_MASTER_KEY";

/// The file name of the database in the data directory.
const DATABASE: &str = "counterfoil.db";

/// Environment variables.
type Variables = Vec<(OsString, OsString)>;

/// What the command line, the environment and the file set.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    /// The data directory.
    pub(crate) data_dir: PathBuf,
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// The address of the metrics listener, if there is one.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The format of log lines.
    pub(crate) log_format: LogFormat,
    /// The log level, if it is set.
    pub(crate) log_level: Option<String>,
    /// The configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    builder: SettingsBuilder,
    /// The options that name the store, as [`Flags::store_options`] writes them.
    store_options: String,
    errors: Vec<Diagnostic>,
    renamed_variables: Vec<Diagnostic>,
    is_file_readable: bool,
    /// The settings that do not have their default, as each was set last.
    assigned: BTreeMap<&'static str, AssignedValue>,
}

/// How a setting was set last.
#[derive(Debug, Clone)]
struct AssignedValue {
    /// Where.
    source: ValueSource,
    /// The values.
    values: Vec<String>,
}

impl Configuration {
    /// Reads the file and the environment in addition to the flags. Errors are kept for the commands that
    /// need the settings: not every command does.
    pub(crate) fn read(flags: &Flags) -> Self {
        Self::from_flags_and_variables(flags, env::vars_os().collect())
    }

    fn from_flags_and_variables(flags: &Flags, variables: Variables) -> Self {
        let variable = variables.iter().find(|(name, value)| name == CONFIG && !value.is_empty());
        let file = flags.config.clone().or_else(|| variable.map(|(_, value)| value.into()));
        let no_file = FileSettings { is_readable: true, ..FileSettings::default() };
        let read = file.as_deref().map_or(no_file, file::read);
        Self { file, ..Self::merge(read, flags, variables) }
    }

    /// The configuration that a file at `path` with this text would be, without flags and variables.
    pub(crate) fn from_text(path: &Path, text: &str) -> Self {
        Self::merge(file::parse(path, text), &Flags::default(), Vec::new())
    }

    fn merge(file: FileSettings, flags: &Flags, variables: Variables) -> Self {
        let (variables, master_key) = without_master_key(variables);
        let environment = environment::read(variables);
        let mut builder = SettingsBuilder::default();
        builder.master_key.text = master_key;
        let mut errors = [file.errors, environment.errors].concat();
        let mut assigned = BTreeMap::new();
        for assignment in
            file.assignments.into_iter().chain(environment.assignments).chain(flags.assignments())
        {
            let value =
                AssignedValue { source: assignment.source.clone(), values: assignment.values.clone() };
            assigned.insert(assignment.setting.name, value);
            errors.extend(apply(&mut builder, assignment));
        }
        Self {
            data_dir: builder.data_dir.clone(),
            listen: builder.listen,
            metrics_listen: builder.metrics_listen,
            log_format: builder.log_format,
            log_level: builder.log_level.clone(),
            file: None,
            builder,
            store_options: flags.store_options(),
            errors,
            renamed_variables: environment.warnings,
            is_file_readable: file.is_readable,
            assigned,
        }
    }

    /// The command of this program, to be printed: with the options that name the store, as they were given to this process.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("counterfoil {command}{}", self.store_options)
    }

    /// The warning about a file in the working directory that one could believe to be read, if there is one.
    pub(crate) fn unread_file(&self) -> Option<Diagnostic> {
        let is_unread = self.file.is_none() && Path::new(INITIAL_FILE).is_file();
        is_unread.then(|| Diagnostic {
            key: None,
            source: ValueSource::Combination,
            message: format!("{INITIAL_FILE} in the working directory is not read"),
            hint: Some(format!("name it with --config {INITIAL_FILE}")),
        })
    }

    /// The store, if one is set.
    pub(crate) fn configured_store(&self) -> Option<StoreUrl> {
        self.store().ok().flatten()
    }

    /// Whether a store is set.
    fn names_store(&self) -> bool {
        self.builder.store.is_some() || self.builder.store_file.is_some()
    }

    /// Whether a command may create the store. For a store that is named alone, it is not known whether a server or an
    /// application will have it, and so where its master key has to be.
    pub(crate) fn may_create_store(&self) -> bool {
        let has_key = self.builder.master_key.file.is_some() || self.builder.master_key.text.is_some();
        !self.names_store() || self.is_set("data_dir") || has_key
    }

    /// Whether the setting with this name does not have its default.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.assigned.contains_key(name)
    }

    /// Warnings about variables that have been renamed and have no effect.
    pub(crate) fn renamed_variables(&self) -> &[Diagnostic] {
        &self.renamed_variables
    }
}

/// The errors that prevent a start with these settings, as far as they can be found without opening the store.
pub(crate) fn preflight_errors(settings: &Settings) -> Vec<CliError> {
    let errors = operator::preflight_errors(settings);
    errors.iter().map(to_error).chain(development::data_in_production(settings)).collect()
}

/// The preflight errors and the signs of a lost master key, for `check`, which does not open the store.
pub(crate) fn check_errors(settings: &Settings) -> Vec<CliError> {
    operator::preflight_errors(settings)
        .iter()
        .chain(&operator::missing_master_key(settings))
        .map(to_error)
        .chain(development::data_in_production(settings))
        .collect()
}

fn to_error(error: &operator::PreflightError) -> CliError {
    CliError::from_error(error).with_optional_hint(error.hint())
}

/// Separates the master key from the other variables. An empty one is as none. One that is not UTF-8 is invalid, and not
/// ignored: else a new store would get a new key in its place.
fn without_master_key(variables: Variables) -> (Variables, Option<Secret<String>>) {
    let (mut key, rest): (Variables, Variables) =
        variables.into_iter().partition(|(name, _)| name == MASTER_KEY);
    let key = key.pop().filter(|(_, text)| !text.is_empty());
    (rest, key.map(|(_, text)| Secret::new(text.into_string().unwrap_or_default())))
}

/// Applies one assignment to the builder, or reports what is wrong with its value.
fn apply(builder: &mut SettingsBuilder, assignment: Assignment) -> Option<Diagnostic> {
    let Assignment { setting, values, source } = assignment;
    let invalid = (setting.apply)(builder, &values).err()?;
    let key = Some(setting.name.to_owned());
    Some(Diagnostic { key, source, message: invalid.message, hint: invalid.hint })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_oneof, proptest};

    use super::*;
    use crate::arguments::Arguments;
    use crate::configuration::table::settings;

    fn configuration(arguments: &[&str], variables: &[(&str, &str)]) -> Configuration {
        let typed = [&["counterfoil"], arguments, &["serve"]].concat();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let (_, flags) = Arguments::parse_from(typed).unwrap();
        Configuration::from_flags_and_variables(&flags, variables.collect())
    }

    fn issuer_of(arguments: &[&str]) -> Result<String, CliError> {
        let configuration = configuration(arguments, &[]);
        configuration.settings(configuration.listen).map(|settings| settings.issuer.as_str().to_owned())
    }

    #[test]
    fn on_loopback_the_address_is_the_issuer() {
        assert_eq!(issuer_of(&["--listen", "127.0.0.1:8080"]).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(issuer_of(&["--listen", "[::1]:8080"]).unwrap(), "http://[::1]:8080");
    }

    #[test]
    fn beyond_loopback_the_issuer_must_be_set_and_secure() {
        assert!(issuer_of(&["--listen", "0.0.0.0:443"]).is_err());
        assert!(issuer_of(&["--issuer", "http://auth.example"]).is_err());
        assert!(issuer_of(&["--issuer", "https://auth.example/"]).is_err());
        let issuer = issuer_of(&["--listen", "0.0.0.0:443", "--issuer", "https://auth.example"]);
        assert_eq!(issuer.unwrap(), "https://auth.example");
    }

    #[test]
    fn a_command_to_be_printed_has_the_options_that_name_the_store() {
        let command = |arguments: &[&str]| configuration(arguments, &[]).command("key rotate");

        assert_eq!(command(&[]), "counterfoil key rotate");
        assert_eq!(command(&["--listen", "127.0.0.1:1", "--log-level", "warn"]), "counterfoil key rotate");
        assert_eq!(
            command(&["--config", "a.toml", "--data-dir", "my data"]),
            "counterfoil key rotate --config a.toml --data-dir 'my data'"
        );
    }

    #[test]
    fn flags_override_the_environment_which_overrides_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        let text = "max_sessions = 1\nmax_body_size = 2048\nissuer = \"https://a.example\"\n[refresh]\nreuse_grace = 1\n";
        fs::write(&file, text).unwrap();
        let variables = [("COUNTERFOIL_REFRESH_REUSE_GRACE", "2s"), ("COUNTERFOIL_MAX_SESSIONS", "2")];
        let arguments = ["--config", file.to_str().unwrap(), "--refresh-reuse-grace", "3"];
        let configuration = configuration(&arguments, &variables);

        let settings = configuration.settings(configuration.listen).unwrap();

        assert_eq!(settings.refresh_reuse_grace.as_secs(), 3);
        assert_eq!(settings.max_sessions.map(u32::from), Some(2));
        assert_eq!(settings.limits.max_body_size, 2048);
    }

    #[test]
    fn the_file_may_be_named_by_a_variable_which_does_not_count_when_empty() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        fs::write(&file, "max_body_size = 2048\n").unwrap();
        let size = |variable: &str| {
            let configuration = configuration(&[], &[(CONFIG, variable)]);
            configuration.settings(configuration.listen).unwrap().limits.max_body_size
        };

        assert_eq!((size(file.to_str().unwrap()), size("")), (2048, 65_536));
    }

    #[test]
    fn every_error_is_reported_at_once_with_its_source() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        let text = "refresh.reuse_grace = -1\nisuer = \"x\"\ntls.key = \"key.pem\"\n";
        fs::write(&file, text).unwrap();
        let configuration = configuration(
            &["--config", file.to_str().unwrap(), "--registration", "maybe"],
            &[("COUNTERFOIL_STORE", "mysql:auth")],
        );

        let errors = configuration.validate(configuration.listen).unwrap_err();

        let keys: Vec<_> = errors.iter().filter_map(|error| error.key.as_deref()).collect();
        for key in ["refresh.reuse_grace", "isuer", "tls.key", "registration", "store"] {
            assert!(keys.contains(&key), "{key}: {errors:?}");
        }
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains("COUNTERFOIL_STORE")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("c.toml, line 1")), "{texts:?}");
    }

    #[test]
    fn a_master_key_is_read_and_never_shown() {
        let configuration = configuration(&[], &[("COUNTERFOIL_MASTER_KEY", "c2VjcmV0")]);

        assert!(configuration.builder.master_key.text.is_some());
        assert!(!format!("{configuration:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn every_rate_limit_can_be_switched_off() {
        for setting in settings().filter(|setting| setting.form == setting::Form::Limit) {
            let configuration = configuration(&[], &[(&setting.variable(), "off")]);

            assert!(configuration.settings(configuration.listen).is_ok(), "{}", setting.name);
        }
    }

    /// A line of a file, valid or not.
    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            proptest::sample::select(settings().map(|setting| setting.name.to_owned()).collect::<Vec<_>>()),
            "[a-z_.\\[\\]\"]{0,12}"
        ];
        let value = prop_oneof![
            "[0-9_.+-]{1,25}",
            "\"[^\"\\\\\\n]{0,20}\"",
            "\"[0-9]{1,20}[a-z]{1,3}\"",
            "\\{ max = [0-9]{1,12}, window = [0-9]{1,12} \\}",
            "\\[.{0,20}\\]",
            any::<String>()
        ];
        (key, value).prop_map(|(key, value)| format!("{key} = {value}"))
    }

    proptest! {
        #[test]
        fn every_file_is_read_or_refused_with_an_error(lines in prop::collection::vec(line(), 0..8)) {
            let configuration = Configuration::from_text(Path::new("c.toml"), &lines.join("\n"));

            match configuration.validate(configuration.listen) {
                Ok(settings) => prop_assert!(settings.limits.max_header_size >= 8192),
                Err(errors) => prop_assert!(!errors.is_empty()),
            }
        }
    }
}
