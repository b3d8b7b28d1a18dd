//! The settings of `dev`: the configured ones with other defaults, without those that it cannot honour.

use std::path::Path;

use counterfoil::Settings;

use crate::configuration::Configuration;
use crate::configuration::diagnostic::Diagnostic;
use crate::configuration::table::setting;
use crate::error::CliError;

/// The file that marks a data directory of `dev`.
pub(crate) const MARKER: &str = "development";

/// Settings that `dev` refuses, with the reason and what to do.
const REFUSED: [(&str, &str, &str); 6] = [
    (
        "store",
        "dev keeps its store in its data directory, so that its demo user is in no other store",
        "remove it; --data-dir DIR keeps the data of dev between two runs",
    ),
    (
        "store_file",
        "dev keeps its store in its data directory, so that its demo user is in no other store",
        "remove it; --data-dir DIR keeps the data of dev between two runs",
    ),
    ("cache", "dev keeps its store in a file, which needs no cache", "remove it, or use `counterfoil serve`"),
    (
        "cache_file",
        "dev keeps its store in a file, which needs no cache",
        "remove it, or use `counterfoil serve`",
    ),
    ("tls.certificate", "dev serves plain HTTP on loopback only", "remove it, or use `counterfoil serve`"),
    ("tls.key", "dev serves plain HTTP on loopback only", "remove it, or use `counterfoil serve`"),
];

/// Defaults of `dev`, as in variables. A person who mistypes a password, and a test that logs in again and again, is not
/// locked out; the limits can still be reached, and end within a minute.
const DEFAULTS: [(&str, &str); 9] = [
    ("login_rate_limit.per_account_and_ip", "100/1m"),
    ("login_rate_limit.per_ip", "1000/1m"),
    ("login_rate_limit.per_account", "1000/1m"),
    ("login_rate_limit.per_account_from_one_ip", "1000/1m"),
    ("login_rate_limit.successful_per_account", "6000/1m"),
    ("login_rate_limit.successful_per_ip", "60000/1m"),
    ("login_rate_limit.password_change", "100/1m"),
    ("registration_rate_limit.per_ip", "1000/1m"),
    ("console.enabled", "true"),
];

/// Further defaults of `dev --fast`.
const FAST_DEFAULTS: [(&str, &str); 1] = [("refresh.reuse_grace", "5s")];

/// Whether the lifetimes are short enough to be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The usual lifetimes.
    Normal,
    /// Seconds instead of days.
    Fast,
}

impl Configuration {
    /// The configuration of `dev`. Settings that are not set have the defaults of `dev`.
    ///
    /// # Errors
    ///
    /// Every setting that is set and that `dev` cannot honour; usage.
    pub(crate) fn for_development(&self, pace: Pace) -> Result<Self, CliError> {
        let refused = REFUSED.iter().filter_map(|(name, reason, hint)| self.refusal(name, reason, hint));
        let errors: Vec<_> = refused.chain(self.insecure_issuer_only()).map(CliError::from).collect();
        if !errors.is_empty() {
            return Err(CliError::from_all(errors));
        }
        let mut changed = self.clone();
        let fast = if pace == Pace::Fast { FAST_DEFAULTS.as_slice() } else { &[] };
        for (name, value) in DEFAULTS.iter().chain(fast).filter(|(name, _)| !self.is_set(name)) {
            let setting = setting(name).expect("the table has each default of dev");
            let values = setting.form.split_values(value);
            (setting.apply)(&mut changed.builder, &values).expect("each default of dev is valid");
        }
        Ok(changed)
    }

    /// The same configuration with another data directory.
    pub(crate) fn with_data_dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.data_dir);
        dir.clone_into(&mut self.builder.data_dir);
        self
    }

    fn refusal(&self, name: &str, reason: &str, hint: &str) -> Option<Diagnostic> {
        let source = self.assigned.get(name)?.source.clone();
        let (key, hint) = (Some(name.to_owned()), Some(hint.to_owned()));
        Some(Diagnostic { key, source, message: reason.to_owned(), hint })
    }

    /// The refusal of an issuer on https. One on plain HTTP is on loopback.
    fn insecure_issuer_only(&self) -> Option<Diagnostic> {
        let is_secure = self.builder.issuer.as_ref().is_some_and(|issuer| issuer.is_secure());
        let refusal = || {
            let hint = "remove it, or set one like http://app.localhost:3000";
            self.refusal("issuer", "dev serves plain HTTP on loopback, so its issuer is not https", hint)
        };
        is_secure.then(refusal).flatten()
    }
}

/// Whether others than programs on this machine are served.
pub(crate) fn is_public(settings: &Settings) -> bool {
    settings.issuer.is_secure() || !settings.issuer.is_loopback()
}

/// The error if data of `dev`, with its demo user, would be served to others: the password of the demo user is public.
pub(crate) fn data_in_production(settings: &Settings) -> Option<CliError> {
    let marker = settings.data_dir.as_ref()?.join(MARKER);
    (is_public(settings) && marker.exists()).then(|| {
        let dir = marker.parent().unwrap_or(&marker).display();
        CliError::failure(format!(
            "{dir} is a data directory of `counterfoil dev`: its demo user has a public password"
        ))
        .with_hint(format!(
            "set another data directory; to keep this one, delete the user demo, then the file {}",
            marker.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::arguments::Arguments;
    use crate::configuration::setting::Setting;
    use crate::configuration::table::settings;
    use crate::configuration::table::tests::value_of;

    fn from_variables(variables: &[(&str, &str)]) -> Configuration {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let (_, flags) = Arguments::parse_from(["counterfoil", "dev"]).unwrap();
        Configuration::from_flags_and_variables(&flags, variables.collect())
    }

    /// Everything that the setting can change.
    fn state(configuration: &Configuration) -> String {
        format!("{:?}", configuration.builder)
    }

    /// A value that is the default neither of `serve` nor of `dev`.
    fn value(setting: &Setting) -> &'static str {
        match setting.name {
            "issuer" => "http://app.localhost:3000",
            // The default of `serve`, which is not that of `dev`.
            "console.enabled" => "false",
            _ => value_of(setting),
        }
    }

    #[test]
    fn every_setting_takes_effect_in_dev_or_is_refused_with_a_reason() {
        let default = state(&from_variables(&[]).for_development(Pace::Fast).unwrap());
        for setting in settings() {
            let configured = from_variables(&[(&setting.variable(), value(setting))]);

            match configured.for_development(Pace::Fast) {
                Ok(development) => {
                    let mut expected = development.builder.clone();
                    (setting.apply)(&mut expected, &setting.form.split_values(value(setting))).unwrap();
                    assert_eq!(format!("{expected:?}"), state(&development), "{} is changed", setting.name);
                    assert_ne!(default, state(&development), "{} has no effect", setting.name);
                }
                Err(error) => {
                    let is_known = REFUSED.iter().any(|(name, ..)| *name == setting.name);
                    let (message, hint) = error.into_parts();
                    assert!(is_known && message.contains(&setting.variable()), "{}: {message}", setting.name);
                    assert!(hint.is_some(), "{message}");
                }
            }
        }
    }

    #[test]
    fn all_settings_that_dev_refuses_are_named_at_once() {
        let configuration = from_variables(&[
            ("COUNTERFOIL_STORE", "sqlite:a.db"),
            ("COUNTERFOIL_TLS_KEY", "key.pem"),
            ("COUNTERFOIL_ISSUER", "https://auth.example"),
        ]);

        let error = format!("{:?}", configuration.for_development(Pace::Normal).unwrap_err());

        for variable in ["COUNTERFOIL_STORE", "COUNTERFOIL_TLS_KEY", "COUNTERFOIL_ISSUER"] {
            assert!(error.contains(variable), "{error}");
        }
    }

    #[test]
    fn twenty_typing_errors_do_not_lock_the_demo_user_out() {
        let listen = ([127, 0, 0, 1], 3000).into();
        let settings = from_variables(&[]).for_development(Pace::Normal).unwrap().settings(listen).unwrap();

        assert!(settings.rate_limits.per_account_and_ip.max >= 100);
        assert!(settings.rate_limits.per_account_and_ip.window.as_secs() <= 60);
    }
}
