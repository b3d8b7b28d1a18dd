//! The arguments: all commands and options.

use std::ffi::OsString;

use clap::error::Error;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::{
    admin_key, audit, backup, check, client, clock, compare, completions, demo, dev, doctor, init, key, lab,
    node, pages, passwords, rate_limit, restore, revoke, serve, session, store, token, user, verifier,
};
use crate::configuration::flags::{Flags, ServerOptions};

/// An authentication server with sessions, JWTs, and a hybrid of both.
#[derive(Parser)]
#[command(name = "counterfoil", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    _settings: ServerOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses a command line, of which the first item is the name of the program.
    ///
    /// # Errors
    ///
    /// If it is not valid, or asks for the help or the version.
    pub(crate) fn parse_from<T: Into<OsString> + Clone>(
        line: impl IntoIterator<Item = T>,
    ) -> Result<(Self, Flags), Error> {
        let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
        let mut program = Self::command();
        // Names each command in full, for the usage in errors.
        program.build();
        let matches = program
            .try_get_matches_from_mut(&line)
            .map_err(|error| suggestion::of_typed_command(error, &program, &line))?;
        let flags = Flags::from_matches(&program, &matches)?;
        let arguments = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut program))?;
        Ok((arguments, flags))
    }
}

mod suggestion;

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves a temporary store with a demo user on loopback, and prints commands to try.
    Dev(dev::Options),
    /// Shows sessions, JWTs and the hybrid step by step, on a server of its own that it stops at the end.
    Demo(demo::Options),
    /// Measures sessions, JWTs and the hybrid side by side on this machine, and writes the report.
    Compare(compare::Options),
    /// Plays acts such as a logout in all modes on a server of its own, and prints what was sent, stored and decided.
    Lab(lab::Options),
    /// Serves the store of the data directory; creates both at the first start.
    Serve(serve::Options),
    /// Asks a few questions, recommends a mode for each kind of client, and writes the commented configuration.
    Init(init::Options),
    /// Validates the configuration and reports warnings, without changing anything.
    Check(check::Options),
    /// Examines a deployment from outside: its proxy, TLS, cookies, headers and events, and says what mends it.
    Doctor(doctor::Options),
    /// Prints the completion script for a shell.
    Completions(completions::Options),
    /// Adds, lists, changes, imports and deletes users.
    #[command(subcommand)]
    User(user::Command),
    /// Lists and revokes sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Adds, lists and changes client applications.
    #[command(subcommand)]
    Client(client::Command),
    /// Creates, lists and removes admin keys, which programs use for the administration API.
    #[command(subcommand)]
    AdminKey(admin_key::Command),
    /// Creates, lists and removes the keys with which resource servers follow the revocation feed.
    #[command(subcommand)]
    Verifier(verifier::Command),
    /// Lists the nodes: the servers that serve from one PostgreSQL store.
    #[command(subcommand)]
    Node(node::Command),
    /// Lists, rotates, imports and revokes signing keys, and replaces the master key.
    #[command(subcommand)]
    Key(key::Command),
    /// Shows the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Shows what the rate limits count for an account or a client IP, and releases it.
    #[command(subcommand)]
    RateLimit(rate_limit::Command),
    /// Revokes a session, an access token, a key, or all credentials of a user, of a client or of everyone.
    Revoke(revoke::Options),
    /// Inspects, verifies and mints tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Builds and checks lists of breached passwords.
    #[command(subcommand)]
    Passwords(passwords::Command),
    /// Writes the templates and texts of the pages, to change them.
    #[command(subcommand)]
    Pages(pages::Command),
    /// Prints the OpenAPI document.
    Openapi,
    /// Writes a consistent copy of the store to a file, also while a server runs.
    Backup(backup::Options),
    /// Replaces the store by a backup. All users are logged out, and all credentials in the backup are revoked.
    Restore(restore::Options),
    /// Moves a store to another database, and checks it.
    #[command(subcommand)]
    Store(store::Command),
    /// Accepts a clock jump after an operator has checked it.
    #[command(subcommand)]
    Clock(clock::Command),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::error::ErrorKind;

    use super::*;

    const STORE: &str = "config data-dir store store-file master-key-file log-format log-level";
    const SERVER: &str = "config data-dir store store-file master-key-file log-format log-level issuer listen registration \
                          refresh-reuse-grace password-min-length breached-passwords metrics-listen";
    const NEW_PASSWORD: &str = "config data-dir store store-file master-key-file log-format log-level password-min-length breached-passwords";
    const PAGE: &str = "json limit after";
    const CLIENT: &str = "name mode audience scope lifetime enabled json";

    /// Every command with its arguments, its own options, and the options of the settings that it reads.
    const COMMANDS: &[(&str, &str, &str)] = &[
        ("dev", "fast", SERVER),
        ("demo", "json step no-color", ""),
        ("compare", "quick thorough only guide seed json json-progress html svg from", ""),
        ("lab run login", "json", ""),
        ("lab answer 1", "json", ""),
        ("serve", "", SERVER),
        ("init", "answers out json", ""),
        ("check", "json strict", SERVER),
        ("doctor https://auth.example", "probe-file new-probe json", STORE),
        ("completions bash", "", ""),
        ("user add ada", "email role password-file json", NEW_PASSWORD),
        ("user list", PAGE, STORE),
        ("user show ada", "ip json", STORE),
        ("user disable ada", "json", STORE),
        ("user enable ada", "json", STORE),
        ("user passwd ada", "password-file json", NEW_PASSWORD),
        ("user roles ada", "add remove clear json", STORE),
        ("user delete ada", "yes json", STORE),
        (
            "user import users",
            "format column hash-config assume-emails-verified skip-invalid dry-run max-errors json",
            STORE,
        ),
        ("session list ada", "user ip mode json limit after", STORE),
        ("session revoke id", "user json", STORE),
        ("client add app", CLIENT, STORE),
        ("client list", PAGE, STORE),
        ("client set app", "name mode audience scope lifetime enabled yes json", STORE),
        ("admin-key add name", "json", STORE),
        ("admin-key list", PAGE, STORE),
        ("admin-key remove id", "json", STORE),
        ("verifier add name", "json", STORE),
        ("verifier list", PAGE, STORE),
        ("verifier remove id", "json", STORE),
        ("node list", PAGE, STORE),
        ("key list", PAGE, STORE),
        ("key rotate", "now refresh-token-key json", STORE),
        ("key import file", "secret-file json", STORE),
        ("key rekey", "new-master-key-file json", STORE),
        ("key revoke kid", "yes json", STORE),
        ("audit list", "user session kind from to follow json limit after", STORE),
        ("rate-limit show ada", "ip json", STORE),
        ("rate-limit release ada", "ip json", STORE),
        ("revoke everyone", "reason wait yes json", STORE),
        ("token inspect token", "jwks secret-file json", ""),
        ("token verify token", "issuer jwks secret-file audience algorithm foreign json", STORE),
        (
            "token mint --subject ci",
            "user subject audience scope lifetime json",
            "config data-dir store store-file master-key-file log-format log-level issuer",
        ),
        ("passwords build-filter in out", "plain json", ""),
        ("passwords check-filter file", "json", ""),
        ("pages export folder", "force json", ""),
        ("openapi", "", ""),
        ("backup file", "force json", STORE),
        ("restore file", "in-place keep-sessions yes json", STORE),
        ("store copy sqlite:a sqlite:b", "json", ""),
        ("store check sqlite:a", "json", STORE),
        ("store reopen sqlite:a", "yes json", ""),
        ("clock accept", "json", STORE),
    ];

    fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<(Arguments, Flags), Error> {
        Arguments::parse_from(["counterfoil"].into_iter().chain(words))
    }

    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split_whitespace()
    }

    /// The commands without commands below them, each with its options.
    fn leaves(command: &clap::Command, path: &[&str]) -> Vec<(String, BTreeSet<String>)> {
        let mut inner = command.get_subcommands().peekable();
        if inner.peek().is_none() {
            let options = command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned);
            return vec![(path.join(" "), options.collect())];
        }
        inner.flat_map(|command| leaves(command, &[path, &[command.get_name()]].concat())).collect()
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn each_command_has_the_options_that_it_reads_and_no_others() {
        let leaves = leaves(&Arguments::command(), &[]);

        for (name, options) in &leaves {
            let row = COMMANDS.iter().find(|(line, ..)| format!("{line} ").starts_with(&format!("{name} ")));
            let (_, own, settings) = row.unwrap_or_else(|| panic!("{name} is not in the table"));
            let expected: BTreeSet<String> = words(own).chain(words(settings)).map(str::to_owned).collect();
            assert_eq!(options, &expected, "{name}");
        }
        assert_eq!(leaves.len(), COMMANDS.len());
    }

    #[test]
    fn a_setting_that_a_command_does_not_read_is_refused_before_and_after_the_command() {
        for (line, own, settings) in COMMANDS {
            for name in words(SERVER) {
                let option = format!("--{name}");
                let given = [option.as_str(), "x"];
                let before = parse(given.into_iter().chain(words(line)));
                let after = parse(words(line).chain(given));

                let is_read = words(settings).any(|known| known == name);
                let is_own = words(own).any(|known| known == name);
                for (result, is_accepted) in [(before, is_read), (after, is_read || is_own)] {
                    match result {
                        Ok(_) => assert!(is_accepted, "{line}: {option} is not read"),
                        Err(error) => {
                            assert!(!is_accepted, "{line}: {error}");
                            assert_eq!((error.kind(), error.exit_code()), (ErrorKind::UnknownArgument, 2));
                        }
                    }
                }
            }
        }
    }

    /// Commands that change nothing and whose output is no record: a server, a script, a document.
    const WITHOUT_JSON: [&str; 4] = ["dev", "serve", "completions", "openapi"];

    #[test]
    fn every_other_command_prints_json() {
        for (name, options) in leaves(&Arguments::command(), &[]) {
            let has_json = options.contains("json");
            assert!(has_json != WITHOUT_JSON.contains(&name.as_str()), "{name} has {options:?}");
        }
    }

    /// Arguments that name a file which is written, or which the server reads again later.
    const NOT_READ_ONCE: [&str; 8] = [
        "compare svg",
        "pages export directory",
        "passwords build-filter output",
        "* master-key-file",
        "* store-file",
        "* breached-passwords",
        "init out",
        "backup file",
    ];

    #[test]
    fn every_argument_that_names_a_file_to_read_says_that_a_hyphen_is_standard_input() {
        fn visit(command: &clap::Command, path: &str, found: &mut Vec<(String, String, String)>) {
            let with_value = |argument: &&clap::Arg| argument.get_action().takes_values();
            for argument in command.get_arguments().filter(with_value) {
                let long = argument.get_long().map(str::to_owned);
                let value = argument.get_value_names().unwrap_or_default().join(" ");
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let name = long.unwrap_or_else(|| argument.get_id().to_string());
                let is_file = ["FILE", "INPUT", "OUTPUT", "TOKEN"].iter().any(|word| value.contains(word));
                if is_file || value.contains("DIR") {
                    found.push((path.to_owned(), name, help));
                }
            }
            for inner in command.get_subcommands() {
                let path = format!("{path} {}", inner.get_name());
                visit(inner, path.trim(), found);
            }
        }
        let mut found = Vec::new();
        visit(&Arguments::command(), "", &mut found);

        for (path, name, help) in &found {
            let is_excepted = name == "data-dir"
                || [format!("{path} {name}"), format!("* {name}")]
                    .iter()
                    .any(|it| NOT_READ_ONCE.contains(&it.as_str()));
            assert!(is_excepted || help.contains("`-`"), "{path} {name}: {help}");
        }
        let names =
            ["answers", "password-file", "secret-file", "new-master-key-file", "jwks", "config", "token"];
        for name in names {
            assert!(found.iter().any(|(_, known, _)| known == name), "{name} was not visited");
        }
    }

    #[test]
    fn all_lists_have_the_same_options() {
        let lists = COMMANDS.iter().filter(|(line, ..)| words(line).any(|word| word == "list"));

        for (line, own, _) in lists {
            let cursor = ["--after", "-x.1", "--limit", "1000", "--json"];
            assert!(parse(words(line).chain(cursor)).is_ok(), "{line} has {own}");
            for limit in ["0", "1001", "-1"] {
                assert!(parse(words(line).chain(["--limit", limit])).is_err(), "{line}");
            }
        }
    }

    #[test]
    fn an_id_may_begin_with_a_hyphen() {
        for line in [
            "session revoke -1Hz",
            "session revoke --user -_6L",
            "session revoke --user ada",
            "session list -1Hz --json",
            "session list --user -1Hz --json",
            "audit list -1Hz --json",
            "key revoke -_6L",
            "admin-key remove -1Hz",
            "verifier remove -1Hz",
            "user disable -1Hz",
            "audit list --session -1Hz --user -_6L --json",
        ] {
            let parsed = parse(words(line));
            assert!(
                parsed.is_ok(),
                "{line}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
        assert!(parse(words("session list ada --jsom")).is_err());
    }
}
