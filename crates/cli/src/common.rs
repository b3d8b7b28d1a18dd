//! The options that every command understands.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What every command understands.
#[derive(Args)]
pub(crate) struct Common {
    /// Where the store, the master key and the operator's socket are.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "COUNTERFOIL_DATA_DIR",
        default_value = "counterfoil-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// The store, if it is not in the data directory: `sqlite:FILE`.
    #[arg(long, global = true, value_name = "URL", env = "COUNTERFOIL_STORE")]
    pub(crate) store: Option<String>,
    /// The file of the master key, if it is not in the data directory. The key itself may be given in
    /// COUNTERFOIL_MASTER_KEY: 32 bytes as base64url.
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERFOIL_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Where to listen; port 0 takes any free one.
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        env = "COUNTERFOIL_LISTEN",
        default_value = "127.0.0.1:3000"
    )]
    pub(crate) listen: SocketAddr,
    /// In whose name tokens are issued: an https URL, or http on loopback. The address listened on unless said
    /// otherwise.
    #[arg(long, global = true, value_name = "URL", env = "COUNTERFOIL_ISSUER")]
    pub(crate) issuer: Option<String>,
    /// For how many seconds a spent refresh token is answered again.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "COUNTERFOIL_REFRESH_GRACE",
        default_value_t = 10
    )]
    pub(crate) refresh_grace: u32,
    /// Whether strangers may register.
    #[arg(long, global = true, env = "COUNTERFOIL_REGISTRATION", default_value = "open")]
    pub(crate) registration: Registration,
    /// What new passwords must be like.
    #[arg(long, global = true, env = "COUNTERFOIL_PASSWORD_RULES", default_value = "standard")]
    pub(crate) password_rules: PasswordRules,
    /// A list of breached passwords, made by `passwords build-filter`; none of them may be set.
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERFOIL_BREACHED_PASSWORDS")]
    pub(crate) breached_passwords: Option<PathBuf>,
    /// How the log is written to standard error.
    #[arg(long, global = true, env = "COUNTERFOIL_LOG", default_value = "text")]
    pub(crate) log: LogFormat,
}

/// What new passwords must be like, beside being hard to guess.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PasswordRules {
    /// At least 8 characters.
    Standard,
    /// At least 15 characters, as NIST wants it where the password is all there is.
    Nist,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// Who may register over the network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Registration {
    /// Anybody.
    Open,
    /// Nobody; users are added by `user add`.
    Closed,
}
