//! The options that all commands share.

use std::path::PathBuf;

use clap::Args;

/// The options of every command. Only settings that are often set on the command line have one; every setting
/// has a key in the file and an environment variable. Options override the environment, which overrides the
/// file.
#[derive(Args, Debug, Default)]
pub(crate) struct Flags {
    /// The configuration file [env: COUNTERFOIL_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Directory of the store, the master key and the admin socket [default: counterfoil-data].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// The store: `sqlite:FILE` [default: in the data directory].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// File of the master key [default: in the data directory]. The key itself can be set in
    /// COUNTERFOIL_MASTER_KEY, as base64url of 32 bytes.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) master_key_file: Option<String>,
    /// IP address and port to listen on; port 0 picks a free one [default: 127.0.0.1:3000].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// The issuer of tokens: the https URL at which clients reach the server, or http on loopback
    /// [default: the listen address, if it is loopback].
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Grace period in seconds during which a used refresh token may be retried [default: 10].
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) refresh_reuse_grace: Option<String>,
    /// Whether users may register: `open`, or `closed` if only operators add users [default: open].
    #[arg(long, global = true, value_name = "open|closed")]
    pub(crate) registration: Option<String>,
    /// Minimum length of new passwords, from 8 to 64 [default: 8].
    #[arg(long, global = true, value_name = "LENGTH")]
    pub(crate) password_min_length: Option<String>,
    /// File of breached passwords, built by `passwords build-filter`; they are refused as new passwords.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) breached_passwords: Option<String>,
    /// IP address and port of the metrics; must differ from the listen address [default: no metrics].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// Format of the log on standard error [default: text].
    #[arg(long, global = true, value_name = "text|json")]
    pub(crate) log_format: Option<String>,
    /// Log level, or several by target, like `info,hyper=debug` [default: info].
    #[arg(long, global = true, value_name = "LEVELS")]
    pub(crate) log_level: Option<String>,
}

impl Flags {
    /// The options that are set: the name of the setting, the name of the option, the text.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &'static str, &String)> {
        let all = [
            ("data_dir", "data-dir", &self.data_dir),
            ("store", "store", &self.store),
            ("master_key_file", "master-key-file", &self.master_key_file),
            ("listen", "listen", &self.listen),
            ("issuer", "issuer", &self.issuer),
            ("refresh.reuse_grace", "refresh-reuse-grace", &self.refresh_reuse_grace),
            ("registration", "registration", &self.registration),
            ("password_min_length", "password-min-length", &self.password_min_length),
            ("breached_passwords", "breached-passwords", &self.breached_passwords),
            ("metrics.listen", "metrics-listen", &self.metrics_listen),
            ("log_format", "log-format", &self.log_format),
            ("log_level", "log-level", &self.log_level),
        ];
        all.into_iter().filter_map(|(name, option, text)| text.as_ref().map(|text| (name, option, text)))
    }
}
