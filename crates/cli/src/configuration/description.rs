//! The settings as an administrator sees them: each with its value, where it was set, and its default. No secret is in them.

use counterfoil::SettingDescription;

use crate::configuration::Configuration;
use crate::configuration::setting::{DefaultValue, Setting};
use crate::configuration::table::settings;

impl Configuration {
    /// Every setting, in the order of the documentation.
    pub(crate) fn describe(&self) -> Vec<SettingDescription> {
        settings().map(|setting| self.describe_one(setting)).collect()
    }

    fn describe_one(&self, setting: &'static Setting) -> SettingDescription {
        let assigned = self.assigned.get(setting.name);
        let origin = assigned.map_or_else(|| "default".to_owned(), |assigned| assigned.source.to_string());
        let value = match (setting.name, setting.default, assigned) {
            // A URL may contain a password, which its text leaves out.
            ("store", ..) => self.builder.store.as_ref().map(ToString::to_string),
            ("cache", ..) => self.builder.cache.as_ref().map(ToString::to_string),
            (_, DefaultValue::Value(text), _) => Some(text(&self.builder)),
            (_, DefaultValue::Description(_), Some(assigned)) => Some(assigned.values.join(", ")),
            (_, DefaultValue::Description(_), None) => None,
        };
        SettingDescription::new(setting.name, value, origin, setting.default.text())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    use counterfoil_jose::base64url;

    use super::*;
    use crate::arguments::Arguments;

    fn configuration(arguments: &[&str], variables: &[(String, String)]) -> Configuration {
        let typed = [&["counterfoil"], arguments, &["serve"]].concat();
        let (_, flags) = Arguments::parse_from(typed).unwrap();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Configuration::from_flags_and_variables(&flags, variables.collect())
    }

    fn find(described: &[SettingDescription], name: &str) -> SettingDescription {
        described.iter().find(|setting| setting.name == name).unwrap().clone()
    }

    #[test]
    fn each_setting_has_its_value_and_says_where_it_was_set() {
        let variables = [("COUNTERFOIL_MAX_SESSIONS".to_owned(), "7".to_owned())];
        let described = configuration(&["--refresh-reuse-grace", "3"], &variables).describe();

        assert_eq!(described.len(), settings().count());
        let sessions = find(&described, "max_sessions");
        assert_eq!(
            (sessions.value.as_deref(), sessions.origin.as_str()),
            (Some("7"), "COUNTERFOIL_MAX_SESSIONS")
        );
        assert_eq!(sessions.default, "100");
        let grace = find(&described, "refresh.reuse_grace");
        assert_eq!((grace.value.as_deref(), grace.origin.as_str()), (Some("3s"), "--refresh-reuse-grace"));
        let untouched = find(&described, "log_level");
        assert_eq!((untouched.value, untouched.origin.as_str()), (None, "default"));
    }

    #[test]
    fn no_password_and_no_key_is_shown() {
        let secret = "p4ssw0rdOfNobody";
        let key = base64url::encode(secret.repeat(2).as_bytes());
        let urls = [
            ("COUNTERFOIL_STORE", format!("postgres://auth:{secret}@127.0.0.1/auth?password={secret}")),
            ("COUNTERFOIL_CACHE", format!("redis://:{secret}@127.0.0.1/1?password={secret}")),
            ("COUNTERFOIL_CACHE", format!("redis://user:{secret}@127.0.0.1")),
            ("COUNTERFOIL_MASTER_KEY", key.clone()),
        ];
        for (variable, value) in urls {
            let described = configuration(&[], &[(variable.to_owned(), value.clone())]).describe();
            let shown = format!("{described:?}");
            assert!(!shown.contains(secret) && !shown.contains(&key), "{variable}: {shown}");
        }
    }

    /// A setting without a fixed default is shown as it was written. A new one belongs here only if no secret can be written
    /// into it; a secret comes from a file or a variable that is no setting.
    #[test]
    fn every_setting_that_is_shown_as_written_is_known_to_hold_no_secret() {
        let shown: BTreeSet<&str> = settings()
            .filter(|setting| matches!(setting.default, DefaultValue::Description(_)))
            .map(|setting| setting.name)
            .filter(|name| !["store", "cache"].contains(name))
            .collect();

        let known = BTreeSet::from(KNOWN);
        let unknown: Vec<_> = shown.symmetric_difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    const KNOWN: [&str; 27] = [
        "cookies.name",
        "cookies.domain",
        "login_url",
        "forward_auth.hosts",
        "forward_auth.proxies",
        "node.name",
        "pages.accent",
        "pages.css",
        "pages.logo",
        "pages.texts",
        "pages.templates",
        "pages.languages",
        "return_origins",
        "help_url",
        "breached_passwords",
        "password_hashing.threads",
        "issuer",
        "base_path",
        "store_file",
        "cache_file",
        "master_key_file",
        "log_level",
        "trusted_origins",
        "trusted_proxies",
        "tls.certificate",
        "tls.key",
        "metrics.listen",
    ];
}
