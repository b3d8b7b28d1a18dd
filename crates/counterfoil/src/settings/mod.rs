//! What an installation is told before it starts: plain values, filled in by whoever reads configuration.

pub(crate) mod data_dir;
pub(crate) mod ip_network;
pub(crate) mod issuer_url;
pub(crate) mod store_url;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::login_rate_limiter;
use counterfoil_jose::Algorithm;
use counterfoil_verify::Origin;

use crate::keys::master_key::MasterKeySource;
use crate::keys::tls::TlsFiles;
use crate::settings::ip_network::Network;
use crate::settings::issuer_url::IssuerUrl;
use crate::settings::store_url::StoreUrl;

/// The settings of an installation. Only issuer and store have no default.
///
/// ```
/// use std::time::Duration;
/// use counterfoil::{Settings, StoreUrl};
///
/// let store: StoreUrl = "sqlite:auth.db".parse()?;
/// let settings = Settings { refresh_grace: Duration::ZERO, ..Settings::new("https://auth.example".parse()?, store) };
/// assert_eq!(settings.limits.body, 64 * 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// In whose name everything is issued.
    pub issuer: IssuerUrl,
    /// Where records are kept.
    pub store: StoreUrl,
    /// Where the master key, the operator's socket and the like live; made with mode 0700 if it is not there.
    /// Without one they are beside the store, and there is no socket.
    pub data_dir: Option<PathBuf>,
    /// The key that seals the other keys.
    pub master_key: MasterKeySource,
    /// How long a spent refresh token is answered again; zero closes the window.
    pub refresh_grace: Duration,
    /// Whether strangers may register.
    pub registration: Registration,
    /// What a browser forgets at a logout.
    pub logout_clears: LogoutClears,
    /// What signs access tokens. Where another algorithm signs now, an orderly rotation begins by itself; from
    /// public keys to a shared secret or back it does not.
    pub algorithm: Algorithm,
    /// How long a key signs until the next one takes its place; `None`: until somebody asks for it.
    pub key_rotation: Option<Duration>,
    /// How long services may keep the public keys: the `max-age` of the key set. A new key signs nothing before it
    /// has been published for so long. Verifiers keep keys for a minute at least, so no less is of use.
    pub jwks_max_age: Duration,
    /// What a rotation waits beyond that: for other nodes to take a change up, and for the way to who asks them.
    pub key_margin: Duration,
    /// What one password hash costs.
    pub password_cost: Argon2Cost,
    /// How many passwords are hashed at a time; as many as there are cores unless said otherwise.
    pub hashing_threads: usize,
    /// How many more may wait for that; beyond, logins are told to come back.
    pub hashing_waiting: usize,
    /// How long one may wait; a password that waited longer is not hashed at all.
    pub hashing_deadline: Duration,
    /// How many cookie sessions are judged from memory, about 300 bytes each.
    pub remembered_sessions: usize,
    /// How many live sessions a user may have; none unless said otherwise. At the cap a login takes the place of
    /// the oldest of them.
    pub max_sessions: Option<NonZeroU32>,
    /// What new passwords must be like.
    pub password_rules: PasswordRules,
    /// A list of breached passwords, none of which may be set.
    pub breached_passwords: Option<PathBuf>,
    /// Pages of other origins that may write to us.
    pub trusted_origins: Vec<Origin>,
    /// Proxies whose word on where a request comes from is believed; none unless said otherwise.
    pub trusted_proxies: Vec<Network>,
    /// How often passwords may be guessed, and users registered.
    pub throttle: login_rate_limiter::RateLimits,
    /// What a request may take.
    pub limits: Limits,
    /// The certificate to serve TLS with; plain HTTP without one, for loopback or behind a proxy that ends TLS.
    pub tls: Option<TlsFiles>,
}

/// What a browser forgets at a logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutClears {
    /// The cookies of ours that it shows.
    OurCookies,
    /// Every cookie of the site and all that its pages have stored (`Clear-Site-Data`, W3C), also what other
    /// applications of the host keep there: for a host that serves one application.
    Site,
}

/// Who may register over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Anybody.
    #[default]
    Open,
    /// Nobody; an operator adds users.
    Closed,
}

/// What new passwords must be like, beside being hard to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordRules {
    /// At least 8 characters.
    #[default]
    Standard,
    /// At least 15, as NIST SP 800-63B-4 wants it where the password is all there is.
    Nist,
}

/// What requests and connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a body.
    pub body: usize,
    /// The most bytes of all headers together; at least 8 KiB.
    pub headers: usize,
    /// How long a client may take to send its headers.
    pub header_read: Duration,
    /// How long a request may take as a whole.
    pub request: Duration,
    /// How long a connection is kept on which nothing is asked for; a quarter longer at most. One of HTTP/1.1 waits
    /// for its next request no longer than for headers.
    pub idle: Duration,
    /// The most connections at a time; others are closed at once.
    pub connections: usize,
    /// How many of them one source may have: an address, or a network of IPv6. Trusted proxies and this machine
    /// itself may have all of them.
    pub connections_of_source: usize,
    /// The most bytes that bodies take together while they are being read; others are told to come back.
    pub bodies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            headers: 16 * 1024,
            header_read: Duration::from_secs(10),
            request: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            connections: 10_000,
            connections_of_source: 1_000,
            bodies: 128 << 20,
        }
    }
}

impl Settings {
    /// The defaults, for this issuer and this store.
    pub fn new(issuer: IssuerUrl, store: StoreUrl) -> Self {
        Self {
            issuer,
            store,
            data_dir: None,
            master_key: MasterKeySource::default(),
            refresh_grace: Duration::from_secs(10),
            registration: Registration::Open,
            logout_clears: LogoutClears::OurCookies,
            algorithm: RotationSchedule::DEFAULT.algorithm,
            key_rotation: RotationSchedule::DEFAULT.every,
            jwks_max_age: RotationSchedule::DEFAULT.max_age,
            key_margin: RotationSchedule::DEFAULT.margin,
            password_cost: Argon2Cost::default(),
            hashing_threads: std::thread::available_parallelism().map_or(1, usize::from),
            hashing_waiting: 64,
            hashing_deadline: Duration::from_secs(5),
            remembered_sessions: 1 << 20,
            max_sessions: None,
            password_rules: PasswordRules::Standard,
            breached_passwords: None,
            trusted_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            throttle: login_rate_limiter::RateLimits::default(),
            limits: Limits::default(),
            tls: None,
        }
    }

    /// How the keys follow one another.
    pub(crate) fn schedule(&self) -> RotationSchedule {
        RotationSchedule {
            algorithm: self.algorithm,
            every: self.key_rotation,
            max_age: self.jwks_max_age,
            margin: self.key_margin,
        }
    }

    /// The file of the master key: the one that is named, or the default.
    pub(crate) fn master_key_file(&self) -> Option<PathBuf> {
        self.master_key.file.clone().or_else(|| self.default_master_key_file())
    }

    /// The file of the master key, where it is not named: `DIR/master-key`, or beside the store.
    pub(crate) fn default_master_key_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("master-key"));
        in_dir.or_else(|| self.store.file().map(|store| beside(store, ".key")))
    }

    /// The file that tells what was last seen of the store: `DIR/rollback-guard`, or beside the store.
    pub(crate) fn rollback_guard_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("rollback-guard"));
        in_dir.or_else(|| self.store.file().map(|store| beside(store, ".rollback-guard")))
    }

    /// The files that the installation lives on, those too that are there only at times: SQLite's own beside the
    /// database, and the restored one that takes its place at the next start.
    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        let beside_store = ["", "-wal", "-shm", "-journal", ".lock", ".new", ".restored"];
        let store = self.store.file().map(|store| beside_store.map(|suffix| beside(store, suffix)));
        let master_key = self.master_key_file().map(|key| [beside(&key, ".next"), key]);
        let rollback_guard = self.rollback_guard_file().map(|head| [beside(&head, ".new"), head]);
        store.into_iter().flatten().chain(master_key.into_iter().chain(rollback_guard).flatten()).collect()
    }
}

/// `auth.db` becomes `auth.db.key`.
fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("https://auth.example".parse().unwrap(), "sqlite:dir/auth.db".parse().unwrap())
    }

    #[test]
    fn the_master_key_is_in_the_data_directory_or_beside_the_store() {
        let in_dir = Settings { data_dir: Some("data".into()), ..settings() };

        assert_eq!(settings().default_master_key_file(), Some("dir/auth.db.key".into()));
        assert_eq!(in_dir.default_master_key_file(), Some("data/master-key".into()));
    }

    #[test]
    fn debug_shows_no_master_key() {
        let text = Some(counterfoil_jose::Secret::new("c2VjcmV0".to_owned()));
        let settings = Settings { master_key: MasterKeySource { text, file: None }, ..settings() };

        assert!(!format!("{settings:?}").contains("c2VjcmV0"));
    }
}
