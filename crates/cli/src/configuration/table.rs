//! The table of settings, the only list of them: file keys, variables, parsers, documentation and the file
//! that `init` writes are made from it.

use crate::configuration::setting::Setting;

mod audit_log;
mod cookies;
mod feed;
mod forward_auth;
mod introspection;
mod node;
mod pages;
mod passwords;
mod rate_limits;
mod request_limits;
mod server;
mod tokens;
mod usernames;
mod write_rate_limits;

/// Every setting, in the order of the documentation: the keys at the top of the file first, then each table.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    let at_top = all().filter(|setting| setting.table_and_key().0.is_none());
    at_top.chain(tables().into_iter().flat_map(settings_in))
}

/// The settings in a table of the file.
pub(crate) fn settings_in(table: &'static str) -> impl Iterator<Item = &'static Setting> {
    all().filter(move |setting| setting.table_and_key().0 == Some(table))
}

/// The tables of the file.
pub(crate) fn tables() -> Vec<&'static str> {
    let mut tables = Vec::new();
    for table in all().filter_map(|setting| setting.table_and_key().0) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

fn all() -> impl Iterator<Item = &'static Setting> {
    let groups = [
        server::SETTINGS,
        passwords::SETTINGS,
        usernames::SETTINGS,
        tokens::SETTINGS,
        cookies::SETTINGS,
        pages::SETTINGS,
        rate_limits::SETTINGS,
        write_rate_limits::SETTINGS,
        audit_log::SETTINGS,
        feed::SETTINGS,
        node::SETTINGS,
        forward_auth::SETTINGS,
        introspection::SETTINGS,
        request_limits::SETTINGS,
    ];
    groups.into_iter().flatten()
}

/// The setting with this name.
pub(crate) fn setting(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// The setting that had this name.
pub(crate) fn renamed(former_name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.former_names.contains(&former_name))
}

/// The name of a setting or a table that is like `name`: the same key in another table, or a few letters
/// different.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let key = name.rsplit('.').next().unwrap_or(name);
    if let Some(setting) =
        all().find(|setting| setting.name.contains('.') && setting.table_and_key().1 == key)
    {
        return Some(setting.name);
    }
    let distance = |known: &str| strsim::damerau_levenshtein(known, name);
    let names = all().map(|setting| setting.name).chain(tables());
    let nearest = names.min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + nearest.len() / 4).then_some(nearest)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsString;
    use std::path::Path;
    use std::{env, fs};

    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;
    use crate::configuration::builder::SettingsBuilder;
    use crate::configuration::setting::{DefaultValue, Form, variable};
    use crate::configuration::warnings::warnings;
    use crate::configuration::{Configuration, MASTER_KEY};

    /// The page that holds the table, between two lines.
    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    const BEGIN: &str = "<!-- table of settings: written by a test -->\n";
    const END: &str = "<!-- end of the table -->\n";

    fn row(setting: &Setting) -> String {
        let default = match setting.default {
            DefaultValue::Value(_) => format!("`{}`", setting.default.text()),
            DefaultValue::Description(text) => text.to_owned(),
        };
        let (name, variable, form, doc) =
            (setting.name, setting.variable(), setting.form.word(), setting.doc);
        format!("| `{name}` | `{variable}` | {form} | {default} | {doc} |\n")
    }

    #[test]
    fn the_documentation_has_every_setting() {
        let text = fs::read_to_string(DOCUMENT).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let table: String = settings().map(row).collect();
        let head = "| key | variable | form | default | meaning |\n|---|---|---|---|---|\n";
        let expected = format!("{before}{BEGIN}{head}{table}{END}{after}");
        if env::var_os("COUNTERFOIL_WRITE_DOCS").is_some() {
            fs::write(DOCUMENT, &expected).unwrap();
        } else {
            assert!(
                text == expected,
                "COUNTERFOIL_WRITE_DOCS=1 cargo test -p counterfoil-cli writes the table"
            );
        }
    }

    #[test]
    fn no_two_settings_share_a_name_or_a_variable() {
        let names: BTreeSet<_> = settings().map(|setting| setting.name).collect();
        let variables: BTreeSet<_> = settings().map(Setting::variable).collect();

        assert_eq!((names.len(), variables.len()), (settings().count(), settings().count()));
    }

    #[test]
    fn no_name_is_used_for_two_things() {
        for setting in settings() {
            for former in setting.former_names {
                assert!(super::setting(former).is_none(), "{former} is a setting");
                assert!(!tables().contains(former), "{former} is a table");
            }
            assert!(!tables().contains(&setting.name), "{}", setting.name);
        }
        let former: Vec<_> = settings().flat_map(|setting| setting.former_names).collect();
        assert_eq!(former.iter().collect::<BTreeSet<_>>().len(), former.len());
    }

    #[test]
    fn a_variable_is_the_table_and_the_key_in_capitals() {
        assert_eq!(variable("issuer"), "COUNTERFOIL_ISSUER");
        assert_eq!(variable("refresh.reuse_grace"), "COUNTERFOIL_REFRESH_REUSE_GRACE");
    }

    #[test]
    fn a_mistyped_name_has_a_suggestion() {
        assert_eq!(nearest("refresh.reuse_grce"), Some("refresh.reuse_grace"));
        assert_eq!(nearest("reuse_grace"), Some("refresh.reuse_grace"));
        assert_eq!(nearest("isuer"), Some("issuer"));
        assert_eq!(nearest("datadir"), Some("data_dir"));
        assert_eq!(nearest("argon"), Some("argon2"));
        assert_eq!(nearest("colour_of_the_sky"), None);
    }

    #[test]
    fn the_printed_default_is_the_value_of_the_library() {
        for setting in settings() {
            let DefaultValue::Value(_) = setting.default else { continue };
            let mut builder = SettingsBuilder::default();

            (setting.apply)(&mut builder, &setting.form.split_values(&setting.default.text())).unwrap();

            let (applied, default) = (format!("{builder:?}"), format!("{:?}", SettingsBuilder::default()));
            assert_eq!(applied, default, "{}", setting.name);
        }
    }

    #[test]
    fn the_help_has_the_meaning_and_the_default_of_each_option() {
        let mut program = Arguments::command();
        let serve = program.find_subcommand_mut("serve").unwrap();
        let help = serve.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");

        for setting in settings() {
            let Some(flag) = setting.flag else { continue };
            assert_eq!(flag.name, setting.name.replace(['.', '_'], "-"));
            let default = format!("[default: {}]", setting.default.text());
            let text = format!("--{} <{}> {} {default}", flag.name, flag.value_name, setting.doc);
            assert!(help.contains(&text), "{text}");
        }
    }

    #[test]
    fn the_help_of_dev_has_the_defaults_of_dev_and_no_option_that_dev_refuses() {
        let mut program = Arguments::command();
        let dev = program.find_subcommand_mut("dev").unwrap();
        let help = dev.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");

        let text = "[default: a new temporary directory, which is removed at the end]";
        assert!(help.contains(text) && !help.contains("[default: counterfoil-data]"), "{help}");
        assert!(!help.contains("--store") && help.contains("--master-key-file"), "{help}");
    }

    #[test]
    fn each_setting_is_read_from_the_file_the_environment_and_its_option() {
        let default = format!("{:?}", SettingsBuilder::default());
        for setting in settings() {
            let value = value_of(setting);
            let in_file = format!("{} = {}\n", setting.name, in_toml(setting, value));
            let from_file = Configuration::from_text(Path::new("c.toml"), &in_file);
            let from_variable = from(&[], &[(&setting.variable(), value)]);
            let option = setting.flag.map(|flag| format!("--{}", flag.name));
            let from_option = option.map(|option| from(&[&option, value], &[]));

            for read in [Some(from_file), Some(from_variable), from_option].into_iter().flatten() {
                assert!(read.errors.is_empty(), "{}: {:?}", setting.name, read.errors);
                let mut expected = SettingsBuilder::default();
                (setting.apply)(&mut expected, &setting.form.split_values(value)).unwrap();
                assert_eq!(format!("{:?}", read.builder), format!("{expected:?}"), "{}", setting.name);
                assert_ne!(format!("{expected:?}"), default, "{}", setting.name);
            }
        }
    }

    #[test]
    fn two_settings_work_together_or_the_finding_names_one_and_says_what_to_do() {
        let line =
            |setting: &Setting| format!("{} = {}\n", setting.name, in_toml(setting, value_of(setting)));
        let all: Vec<_> = settings().collect();
        for (place, one) in all.iter().enumerate() {
            for other in &all[place + 1..] {
                let text = line(one) + &line(other);
                let read = Configuration::from_text(Path::new("c.toml"), &text);
                let findings = match read.validate(read.listen) {
                    Ok(settings) => warnings(&read, &settings),
                    Err(errors) => errors,
                };
                for finding in findings {
                    let key = finding.key.as_deref().unwrap_or_default();
                    assert!(key == "config" || setting(key).is_some(), "{text}: {finding}");
                    assert!(finding.hint.is_some(), "{text}: {finding}");
                }
            }
        }
    }

    #[test]
    fn an_empty_variable_is_the_same_as_none() {
        let default = format!("{:?}", SettingsBuilder::default());
        for setting in settings() {
            let read = from(&[], &[(&setting.variable(), "")]);

            assert!(read.errors.is_empty() && read.renamed_variables.is_empty(), "{}", setting.name);
            assert_eq!(format!("{:?}", read.builder), default, "{}", setting.name);
        }
        let read = from(&[], &[(MASTER_KEY, "")]);
        assert!(read.settings(read.listen).unwrap().master_key.text.is_none());
    }

    fn from(options: &[&str], variables: &[(&str, &str)]) -> Configuration {
        let line = [&["counterfoil", "serve"], options].concat();
        let (_, flags) = Arguments::parse_from(line).unwrap();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Configuration::from_flags_and_variables(&flags, variables.collect())
    }

    /// A value that is not the default, as in a variable.
    pub(crate) fn value_of(setting: &Setting) -> &'static str {
        match (setting.name, setting.form) {
            ("issuer", _) => "https://auth.example",
            ("base_path", _) => "/auth",
            ("cookies.same_site", _) => "strict",
            ("listen" | "metrics.listen", _) => "127.0.0.1:9464",
            ("store", _) => "sqlite:other.db",
            ("cache", _) => "redis://cache.example",
            ("log_format", _) => "json",
            ("log_level", _) => "warn",
            ("registration", _) => "closed",
            ("usernames.scripts", _) => "ascii_only",
            ("usernames.look_alikes", _) => "allow",
            ("algorithm", _) => "Ed25519",
            ("trusted_origins" | "return_origins", _) => "https://a.example,https://b.example",
            ("pages.accent", _) => "#3a1c71",
            ("pages.languages", _) => "de,fr",
            ("help_url", _) => "https://a.example/help",
            ("login_url", _) => "https://auth.example/login",
            ("trusted_proxies" | "forward_auth.proxies", _) => "10.0.0.0/8,192.0.2.1",
            ("password_hashing.threads", _) => "1023",
            ("password_hashing.max_share", _) => "50",
            ("argon2.iterations" | "argon2.parallelism", _) => "3",
            ("password_min_length", _) => "15",
            ("max_total_body_memory", _) => "1048576",
            (_, Form::Text) => "other",
            ("audit_log.retention", _) => "2d",
            ("audit_log.max_events", _) => "12345",
            ("max_session_data_per_user", _) => "16385",
            (_, Form::Number) if setting.name.starts_with("max_") => "8193",
            (_, Form::Number) => "128",
            (_, Form::Boolean) if setting.default.text() == "true" => "false",
            (_, Form::Boolean) => "true",
            ("signing_key_rotation_interval", _) => "2d",
            (_, Form::Duration) => "2m",
            (_, Form::Limit) => "7/90s",
            (_, Form::List) => "a",
        }
    }

    fn in_toml(setting: &Setting, value: &str) -> String {
        match setting.form {
            Form::Text | Form::Duration => format!("{value:?}"),
            Form::Number | Form::Boolean => value.to_owned(),
            Form::List => format!("{:?}", value.split(',').collect::<Vec<_>>()),
            Form::Limit => {
                let (max, window) = value.split_once('/').unwrap();
                format!("{{ max = {max}, window = {window:?} }}")
            }
        }
    }
}
