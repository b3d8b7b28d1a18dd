//! The options that every command understands.

use std::path::PathBuf;

use clap::Args;

/// What every command understands. Only what is typed often has an option; every setting has a key in the file and
/// an environment variable. What was typed wins over the environment, and that over the file.
#[derive(Args, Debug, Default)]
pub(crate) struct Flags {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERFOIL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the store, the master key and the operator's socket are [default: counterfoil-data].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// The store, if it is not in the data directory: `sqlite:FILE`.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// The file of the master key, if it is not in the data directory. The key itself may be given in
    /// COUNTERFOIL_MASTER_KEY: 32 bytes as base64url.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) master_key_file: Option<String>,
    /// Where to listen; port 0 takes any free one [default: 127.0.0.1:3000].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// In whose name tokens are issued: an https URL, or http on loopback. The address listened on unless said
    /// otherwise.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// For how many seconds a spent refresh token is answered again [default: 10].
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) refresh_grace: Option<String>,
    /// Whether strangers may register [default: open].
    #[arg(long, global = true, value_name = "open|closed")]
    pub(crate) registration: Option<String>,
    /// What new passwords must be like [default: standard].
    #[arg(long, global = true, value_name = "standard|nist")]
    pub(crate) password_rules: Option<String>,
    /// A list of breached passwords, made by `passwords build-filter`; none of them may be set.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) breached_passwords: Option<String>,
    /// Where the metrics are served, if anywhere: another address than the one listened on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// How the log is written to standard error [default: text].
    #[arg(long, global = true, value_name = "text|json")]
    pub(crate) log: Option<String>,
    /// How much is logged: a level, or several by their origin, like `info,hyper=debug` [default: info].
    #[arg(long, global = true, value_name = "LEVELS")]
    pub(crate) log_level: Option<String>,
}

impl Flags {
    /// What was typed: the key of the setting, the option, the text.
    pub(crate) fn typed(&self) -> impl Iterator<Item = (&'static str, &'static str, &String)> {
        let all = [
            ("data_dir", "data-dir", &self.data_dir),
            ("store", "store", &self.store),
            ("master_key_file", "master-key-file", &self.master_key_file),
            ("listen", "listen", &self.listen),
            ("issuer", "issuer", &self.issuer),
            ("refresh_grace", "refresh-grace", &self.refresh_grace),
            ("registration", "registration", &self.registration),
            ("password_rules", "password-rules", &self.password_rules),
            ("breached_passwords", "breached-passwords", &self.breached_passwords),
            ("metrics_listen", "metrics-listen", &self.metrics_listen),
            ("log", "log", &self.log),
            ("log_level", "log-level", &self.log_level),
        ];
        all.into_iter().filter_map(|(key, name, text)| text.as_ref().map(|text| (key, name, text)))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}
