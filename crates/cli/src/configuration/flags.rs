//! The options of settings on the command line: a command has those of the settings that it reads.

use std::marker::PhantomData;
use std::path::PathBuf;

use clap::error::{Error, ErrorKind};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::configuration::diagnostic::{Assignment, ValueSource};
use crate::configuration::setting::{Flag, Scope, Setting};
use crate::configuration::table::settings;
use crate::escape::shell_word;

/// The option with the path of the configuration file, which is not a setting.
const CONFIG: &str = "config";

/// The heading of these options in the help of a command.
const HEADING: &str = "Settings";

/// The options of `serve` and `check`, which read every setting. The program itself has them as well, so that they may
/// precede the command.
pub(crate) type ServerOptions = SettingOptions<Server>;
/// The options of `dev`: those of `serve`, with its own defaults.
pub(crate) type DevelopmentOptions = SettingOptions<Development>;
/// The options of a command that administers a store.
pub(crate) type StoreOptions = SettingOptions<Store>;
/// The option of a command that issues tokens.
pub(crate) type IssuerOptions = SettingOptions<Issuer>;
/// The options of a command that sets a password.
pub(crate) type PasswordPolicyOptions = SettingOptions<PasswordPolicy>;

const EVERY_SCOPE: &[Scope] =
    &[Scope::Store, Scope::Log, Scope::Issuer, Scope::Address, Scope::PasswordPolicy, Scope::Server];

/// The default of the data directory in `dev`.
const TEMPORARY_DIRECTORY: &str = "a new temporary directory, which is removed at the end";

/// Which options a command has.
pub(crate) trait OptionGroup {
    /// Whether it reads the configuration file that `--config` names.
    const READS_FILE: bool;
    /// What it does with settings.
    const SCOPES: &'static [Scope];
    /// Settings whose default in this group is another one, with its description.
    const DEFAULTS: &'static [(&'static str, &'static str)];
    /// Settings that are read only to say why they are refused. The help does not list them.
    const REFUSED: &'static [&'static str];
}

macro_rules! groups {
    ($($name:ident: $reads_file:literal, $scopes:expr, $defaults:expr, $refused:expr;)*) => {$(
        #[doc = concat!("The group of options ", stringify!($name), ".")]
        #[derive(Debug, Clone)]
        pub(crate) enum $name {}

        impl OptionGroup for $name {
            const READS_FILE: bool = $reads_file;
            const SCOPES: &'static [Scope] = $scopes;
            const DEFAULTS: &'static [(&'static str, &'static str)] = $defaults;
            const REFUSED: &'static [&'static str] = $refused;
        }
    )*};
}

groups! {
    Server: true, EVERY_SCOPE, &[], &[];
    Development: true, EVERY_SCOPE, &[("data_dir", TEMPORARY_DIRECTORY)], &["store", "store_file"];
    Store: true, &[Scope::Store, Scope::Log], &[], &[];
    Issuer: false, &[Scope::Issuer], &[], &[];
    PasswordPolicy: false, &[Scope::PasswordPolicy], &[], &[];
}

/// Declares the options of a group, for `#[command(flatten)]`. It holds no values: [`Flags`] has them.
#[derive(Debug, Clone)]
pub(crate) struct SettingOptions<G>(PhantomData<G>);

impl<G: OptionGroup> Args for SettingOptions<G> {
    fn augment_args(command: Command) -> Command {
        let file = G::READS_FILE.then(config_file);
        let flags = options().filter(|(_, flag)| G::SCOPES.contains(&flag.scope));
        command.args(file).args(flags.map(|(setting, flag)| argument::<G>(setting, flag)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<G> FromArgMatches for SettingOptions<G> {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(PhantomData))
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}

fn config_file() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file, or `-` for standard input [env: COUNTERFOIL_CONFIG]")
        .help_heading(HEADING)
}

fn argument<G: OptionGroup>(setting: &'static Setting, flag: Flag) -> Arg {
    let other_default = G::DEFAULTS.iter().find(|(name, _)| *name == setting.name);
    Arg::new(setting.name)
        .long(flag.name)
        .value_name(flag.value_name)
        .help(other_default.map_or_else(|| setting.help(), |(_, default)| setting.help_with_default(default)))
        .help_heading(HEADING)
        .hide(G::REFUSED.contains(&setting.name))
}

/// The settings that have an option.
fn options() -> impl Iterator<Item = (&'static Setting, Flag)> {
    settings().filter_map(|setting| setting.flag.map(|flag| (setting, flag)))
}

/// The options of settings that a command line has. They override the environment, which overrides the file.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// The settings, with the name of the option and the text.
    given: Vec<(&'static Setting, &'static str, String)>,
}

impl Flags {
    /// The options before and after the command; one after it has priority.
    ///
    /// # Errors
    ///
    /// If an option before the command is not one of the command: it would be ignored.
    pub(crate) fn from_matches(program: &Command, matches: &ArgMatches) -> Result<Self, Error> {
        let before = Self::at(matches);
        let (mut command, mut matches, mut names) = (program, matches, Vec::new());
        while let Some((name, inner)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else { break };
            (command, matches) = (found, inner);
            names.push(name);
        }
        if let Some(name) = before.names().find(|name| !has_option(command, name)) {
            let message = format!("the command '{}' does not read the setting '--{name}'", names.join(" "));
            return Err(command.clone().error(ErrorKind::UnknownArgument, message));
        }
        let after = Self::at(matches);
        let given = before.given.into_iter().chain(after.given).collect();
        Ok(Self { config: after.config.or(before.config), given })
    }

    /// The options at one level.
    fn at(matches: &ArgMatches) -> Self {
        let text = |setting: &Setting| matches.try_get_one::<String>(setting.name).ok().flatten().cloned();
        let given = options().filter_map(|(setting, flag)| Some((setting, flag.name, text(setting)?)));
        let config = matches.try_get_one::<PathBuf>(CONFIG).ok().flatten().cloned();
        Self { config, given: given.collect() }
    }

    /// The values of the settings.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = Assignment> {
        self.given.iter().map(|(setting, name, text)| Assignment {
            setting,
            values: setting.form.split_values(text),
            source: ValueSource::Flag(name),
        })
    }

    /// The options that name the store and the configuration file, as a shell takes them, each with a space before it: a
    /// command that is printed has them too, so that it works on the same store.
    pub(crate) fn store_options(&self) -> String {
        let settings = options().filter(|(_, flag)| flag.scope == Scope::Store).filter_map(|(_, flag)| {
            // The last one counts.
            let (_, name, text) = self.given.iter().rev().find(|(_, name, _)| *name == flag.name)?;
            Some((*name, text.clone()))
        });
        let config = self.config.iter().map(|file| (CONFIG, file.display().to_string()));
        config.chain(settings).map(|(name, text)| format!(" --{name} {}", shell_word(&text))).collect()
    }

    /// The names of the options.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let given = self.given.iter().map(|(_, name, _)| *name);
        self.config.iter().map(|_| CONFIG).chain(given)
    }
}

/// Whether the command has the option of the setting or of the file with this name. An option of its own does not count.
fn has_option(command: &Command, name: &str) -> bool {
    let of_settings = command.get_arguments().filter(|argument| argument.get_help_heading() == Some(HEADING));
    of_settings.filter_map(Arg::get_long).any(|long| long == name)
}
