//! From what was typed, the environment and the file to the settings of an installation. Everything is judged here,
//! before anything is created, and everything that is wrong is told at once.

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use counterfoil::{IssuerUrl, Settings, StoreUrl, TlsFiles, operator};
use counterfoil_jose::Secret;

use crate::common::{Flags, LogFormat};
use crate::configuration::draft::Draft;
use crate::configuration::environment::texts;
use crate::configuration::file::Told;
use crate::configuration::source::{Finding, Given, Place};
use crate::fault::Fault;

mod draft;
mod environment;
mod file;
mod guessing;
mod limits;
pub(crate) mod setting;
pub(crate) mod source;
pub(crate) mod table;
pub(crate) mod weak;
mod wrong;

/// The variable that may hold the master key itself. It is read here and never an argument.
const MASTER_KEY: &str = "COUNTERFOIL_MASTER_KEY";

/// The database in a data directory.
const DATABASE: &str = "counterfoil.db";

/// What was said about the installation, by whatever way.
#[derive(Debug)]
pub(crate) struct Common {
    /// Where everything lives that is not named otherwise.
    pub(crate) data_dir: PathBuf,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where the metrics are served, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How log lines look.
    pub(crate) log: LogFormat,
    /// How much is logged, if that was said.
    pub(crate) log_level: Option<String>,
    /// The configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    draft: Draft,
    faults: Vec<Finding>,
    unknown: Vec<Finding>,
    is_whole: bool,
}

impl Common {
    /// Reads the file and the environment beside what was typed. What is wrong is kept for whoever asks for the
    /// settings: not every command does.
    pub(crate) fn read(flags: &Flags) -> Self {
        Self::of(flags, env::vars_os())
    }

    /// The same with these variables.
    fn of(flags: &Flags, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let told = flags.config.as_deref().map(file::read);
        Self::with_told(told.unwrap_or_else(|| Told { is_whole: true, ..Told::default() }), flags, variables)
    }

    /// What a file at `path` that holds `text` would say, if it were all that is said.
    pub(crate) fn of_text(path: &Path, text: &str) -> Self {
        Self::with_told(file::told(path, text), &Flags::default(), [])
    }

    fn with_told(
        told: Told,
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let (variables, master_key) = without_master_key(variables);
        let heard = environment::hear(variables);
        let mut draft = Draft::default();
        draft.master_key.text = master_key;
        let mut faults = [told.faults, heard.faults].concat();
        for given in told.given.into_iter().chain(heard.given).chain(typed(flags)) {
            faults.extend(take(&mut draft, given));
        }
        Self {
            data_dir: draft.data_dir.clone(),
            listen: draft.listen,
            metrics_listen: draft.metrics_listen,
            log: draft.log,
            log_level: draft.log_level.clone(),
            file: flags.config.clone(),
            draft,
            faults,
            unknown: heard.unknown,
            is_whole: told.is_whole,
        }
    }

    /// The store, if one was named.
    pub(crate) fn named_store(&self) -> Option<&StoreUrl> {
        self.draft.store.as_ref()
    }

    /// Variables that look like settings and are none.
    pub(crate) fn unknown(&self) -> &[Finding] {
        &self.unknown
    }

    /// Whether what was said of the address can be used, for a command that needs nothing else.
    ///
    /// # Errors
    ///
    /// If it is wrong; usage.
    pub(crate) fn judge_address(&self) -> Result<(), Fault> {
        let wrong = |fault: &&Finding| matches!(fault.key.as_deref(), Some("listen" | "log" | "log_level"));
        match self.faults.iter().find(wrong) {
            Some(fault) => Err(fault.clone().into()),
            None => Ok(()),
        }
    }

    /// The settings for a server that is reached at `address`, which is the issuer unless one was named.
    ///
    /// # Errors
    ///
    /// If anything that was said is wrong; usage, and all of it at once.
    pub(crate) fn settings(&self, address: SocketAddr) -> Result<Settings, Fault> {
        self.judge(address).map_err(|faults| Fault::all(faults.into_iter().map(Fault::from)))
    }

    /// The same, with what is wrong one by one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub(crate) fn judge(&self, address: SocketAddr) -> Result<Settings, Vec<Finding>> {
        let mut faults = self.faults.clone();
        let has_said = |key: &str| faults.iter().any(|fault| fault.key.as_deref() == Some(key));
        let is_known = self.is_whole && !has_said("issuer") && !has_said("listen");
        let issuer = self.issuer_at(address);
        let tls = self.tls();
        if is_known {
            faults.extend(issuer.as_ref().err().cloned());
        }
        if self.is_whole {
            faults.extend(self.shared_door());
            faults.extend(tls.as_ref().err().cloned());
        }
        match (issuer, tls) {
            (Ok(issuer), Ok(tls)) if faults.is_empty() => Ok(self.with(issuer, tls)),
            _ => Err(faults),
        }
    }

    fn with(&self, issuer: IssuerUrl, tls: Option<TlsFiles>) -> Settings {
        let draft = self.draft.clone();
        let in_dir = || StoreUrl::Sqlite(self.data_dir.join(DATABASE));
        Settings {
            issuer,
            store: draft.store.unwrap_or_else(in_dir),
            data_dir: Some(draft.data_dir),
            master_key: draft.master_key,
            tls,
            ..draft.rest
        }
    }

    /// The issuer: as named, else the address on loopback.
    fn issuer_at(&self, address: SocketAddr) -> Result<IssuerUrl, Finding> {
        if let Some(named) = &self.draft.issuer {
            if !named.is_secure() && !address.ip().is_loopback() {
                let message = format!("it is plain HTTP, which is for loopback only, and {address} is not");
                let hint = "use https:// (TLS may end at a proxy), or listen on 127.0.0.1";
                return Err(together("issuer", message, hint));
            }
            return Ok(named.clone());
        }
        let scheme = if self.draft.tls_certificate.is_some() { "https" } else { "http" };
        let own = format!("{scheme}://{address}").parse().ok();
        own.filter(|_| address.ip().is_loopback()).ok_or_else(|| {
            together(
                "issuer",
                format!("{address} is not loopback, so the issuer has to be named"),
                "--issuer https://auth.example, as clients reach it; TLS may end at a proxy",
            )
        })
    }

    /// The metrics are for those who watch and the service is for everybody: not at one door.
    fn shared_door(&self) -> Option<Finding> {
        let (public, metrics) = (self.listen, self.metrics_listen?);
        let is_everywhere = public.ip().is_unspecified() || metrics.ip().is_unspecified();
        let is_shared = public.port() == metrics.port()
            && public.port() != 0
            && (is_everywhere || public.ip() == metrics.ip());
        let message = format!("{metrics} is the address that everybody is served at");
        is_shared.then(|| together("metrics_listen", message, "name another port, like 127.0.0.1:9464"))
    }

    /// Both files for TLS, or none.
    fn tls(&self) -> Result<Option<TlsFiles>, Finding> {
        let lonely = |key, other: &str| {
            together(key, format!("{other} is missing"), "name both, or none for plain HTTP")
        };
        match (self.draft.tls_certificate.clone(), self.draft.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(lonely("tls_certificate", "tls_key")),
            (None, Some(_)) => Err(lonely("tls_key", "tls_certificate")),
        }
    }
}

/// What keeps these settings from being served, as far as it is seen without opening the store.
pub(crate) fn unfit(settings: &Settings) -> Vec<Fault> {
    operator::preflight_errors(settings).iter().map(fault_of).collect()
}

/// The same, and what only looks like it: for whoever does not go on to open the store.
pub(crate) fn unfit_or_suspect(settings: &Settings) -> Vec<Fault> {
    operator::preflight_errors(settings)
        .iter()
        .chain(&operator::missing_master_key(settings))
        .map(fault_of)
        .collect()
}

fn fault_of(unfit: &operator::PreflightError) -> Fault {
    let fault = Fault::of(unfit);
    match unfit.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// The settings of a throw-away installation in `dir`. What was configured for a real one does not count.
pub(crate) fn for_trying_out(dir: &Path, address: SocketAddr) -> Result<Settings, Fault> {
    let store = StoreUrl::Sqlite(dir.join(DATABASE));
    let issuer = format!("http://{address}").parse();
    let issuer = issuer
        .map_err(|fault: counterfoil::IssuerFault| Fault::usage(fault.to_string()).hint(fault.hint()))?;
    Ok(Settings { data_dir: Some(dir.to_owned()), ..Settings::new(issuer, store) })
}

/// What is wrong with no single value.
fn together(key: &str, message: String, hint: &str) -> Finding {
    Finding { key: Some(key.to_owned()), place: Place::Together, message, hint: Some(hint.to_owned()) }
}

/// Parts the master key from the variables. One that is no text is as wrong as an empty one.
fn without_master_key(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> (Vec<(OsString, OsString)>, Option<Secret<String>>) {
    let (mut key, rest): (Vec<_>, Vec<_>) = variables.into_iter().partition(|(name, _)| name == MASTER_KEY);
    (rest, key.pop().map(|(_, text)| Secret::new(text.into_string().unwrap_or_default())))
}

fn typed(flags: &Flags) -> impl Iterator<Item = Given> {
    flags.typed().map(|(key, name, text)| {
        let setting = table::setting(key).expect("every option is a setting");
        Given { setting, texts: texts(text.clone(), setting.form), place: Place::Flag(name) }
    })
}

/// Puts one value where it belongs, or says what is wrong with it.
fn take(draft: &mut Draft, given: Given) -> Option<Finding> {
    let wrong = (given.setting.take)(draft, &given.texts).err()?;
    let key = Some(given.setting.key.to_owned());
    Some(Finding { key, place: given.place, message: wrong.message, hint: wrong.hint })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_oneof, proptest};

    use super::*;
    use crate::arguments::Arguments;
    use crate::configuration::table::settings;

    fn common(arguments: &[&str], variables: &[(&str, &str)]) -> Common {
        let typed = [&["counterfoil"], arguments, &["serve"]].concat();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Common::of(&Arguments::parse_from(typed).flags, variables)
    }

    fn issuer_of(arguments: &[&str]) -> Result<String, Fault> {
        let common = common(arguments, &[]);
        common.settings(common.listen).map(|settings| settings.issuer.as_str().to_owned())
    }

    #[test]
    fn on_loopback_the_address_is_the_issuer() {
        assert_eq!(issuer_of(&["--listen", "127.0.0.1:8080"]).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(issuer_of(&["--listen", "[::1]:8080"]).unwrap(), "http://[::1]:8080");
    }

    #[test]
    fn elsewhere_the_issuer_is_named_and_secure() {
        assert!(issuer_of(&["--listen", "0.0.0.0:443"]).is_err());
        assert!(issuer_of(&["--issuer", "http://auth.example"]).is_err());
        assert!(issuer_of(&["--issuer", "https://auth.example/"]).is_err());
        let named = issuer_of(&["--listen", "0.0.0.0:443", "--issuer", "https://auth.example"]);
        assert_eq!(named.unwrap(), "https://auth.example");
    }

    #[test]
    fn what_was_typed_wins_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        fs::write(
            &file,
            "refresh_grace = 1\nmax_sessions = 1\nbody_limit = 2048\nissuer = \"https://a.example\"\n",
        )
        .unwrap();
        let variables = [("COUNTERFOIL_REFRESH_GRACE", "2"), ("COUNTERFOIL_MAX_SESSIONS", "2")];
        let common = common(&["--config", file.to_str().unwrap(), "--refresh-grace", "3"], &variables);

        let settings = common.settings(common.listen).unwrap();

        assert_eq!(settings.refresh_grace.as_secs(), 3);
        assert_eq!(settings.max_sessions.map(u32::from), Some(2));
        assert_eq!(settings.limits.body, 2048);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_where() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        fs::write(&file, "refresh_grace = -1\nisuer = \"x\"\ntls_key = \"key.pem\"\n").unwrap();
        let common = common(
            &["--config", file.to_str().unwrap(), "--registration", "maybe"],
            &[("COUNTERFOIL_STORE", "mysql:auth")],
        );

        let faults = common.judge(common.listen).unwrap_err();

        let keys: Vec<_> = faults.iter().filter_map(|fault| fault.key.as_deref()).collect();
        for key in ["refresh_grace", "isuer", "tls_key", "registration", "store"] {
            assert!(keys.contains(&key), "{key}: {faults:?}");
        }
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains("COUNTERFOIL_STORE")), "{told:?}");
        assert!(told.iter().any(|told| told.contains("c.toml, line 1")), "{told:?}");
    }

    #[test]
    fn a_master_key_is_read_and_never_shown() {
        let common = common(&[], &[("COUNTERFOIL_MASTER_KEY", "c2VjcmV0")]);

        assert!(common.draft.master_key.text.is_some());
        assert!(!format!("{common:?}").contains("c2VjcmV0"));
    }

    /// A line of a file, or what somebody takes for one.
    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            proptest::sample::select(settings().map(|setting| setting.key.to_owned()).collect::<Vec<_>>()),
            "[a-z_.\\[\\]\"]{0,12}"
        ];
        let value =
            prop_oneof!["[0-9_.+-]{1,25}", "\"[^\"\\\\\\n]{0,20}\"", "\\[.{0,20}\\]", any::<String>()];
        (key, value).prop_map(|(key, value)| format!("{key} = {value}"))
    }

    proptest! {
        #[test]
        fn whatever_a_file_holds_is_taken_or_told(lines in prop::collection::vec(line(), 0..8)) {
            let common = Common::of_text(Path::new("c.toml"), &lines.join("\n"));

            match common.judge(common.listen) {
                Ok(settings) => prop_assert!(settings.limits.headers >= 8192),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}
