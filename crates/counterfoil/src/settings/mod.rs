//! The settings of an installation: plain values, filled in by the program that reads the configuration.

pub(crate) mod audit_log;
pub(crate) mod base_path;
pub(crate) mod cache_url;
pub(crate) mod console;
pub(crate) mod cookie_options;
pub(crate) mod data_dir;
pub(crate) mod database_url;
pub(crate) mod description;
pub(crate) mod development_mode;
pub(crate) mod feed;
pub(crate) mod forward_auth;
pub(crate) mod guarded_host;
pub(crate) mod guarded_origins;
pub(crate) mod host_cookie_names;
pub(crate) mod introspection;
pub(crate) mod ip_network;
pub(crate) mod issuer_url;
pub(crate) mod login_url;
pub(crate) mod loopback;
pub(crate) mod node;
pub(crate) mod pages;
pub(crate) mod secret_url_file;
pub(crate) mod store_file;
pub(crate) mod store_url;
pub(crate) mod write_rate_limits;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::login_rate_limiter;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::username_policy::UsernamePolicy;
use counterfoil_files::with_suffix;
use counterfoil_jose::Algorithm;
use counterfoil_verify::{Origin, TokenVerifierBuilder};

use crate::keys::master_key::MasterKeySource;
use crate::keys::tls_files::TlsFiles;
use crate::settings::audit_log::AuditLogSettings;
use crate::settings::base_path::BasePath;
use crate::settings::cache_url::CacheUrl;
use crate::settings::console::ConsoleSettings;
use crate::settings::cookie_options::CookieOptions;
use crate::settings::description::SettingDescription;
use crate::settings::development_mode::DevelopmentMode;
use crate::settings::feed::FeedSettings;
use crate::settings::forward_auth::ForwardAuthSettings;
use crate::settings::introspection::IntrospectionLimits;
use crate::settings::ip_network::Network;
use crate::settings::issuer_url::IssuerUrl;
use crate::settings::login_url::LoginUrl;
use crate::settings::node::NodeSettings;
use crate::settings::pages::PagesSettings;
use crate::settings::store_url::StoreUrl;
use crate::settings::write_rate_limits::WriteRateLimits;

/// The settings of an installation. Only the issuer and the store have no default.
///
/// ```
/// use std::time::Duration;
/// use counterfoil::{Settings, StoreUrl};
///
/// let store: StoreUrl = "sqlite:auth.db".parse()?;
/// let defaults = Settings::new("https://auth.example".parse()?, store);
/// let settings = defaults.with(|settings| settings.refresh_reuse_grace = Duration::ZERO);
/// assert_eq!(settings.limits.max_body_size, 64 * 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The `iss` of all tokens: the URL at which clients reach the server.
    pub issuer: IssuerUrl,
    /// The store of users, sessions and keys.
    pub store: StoreUrl,
    /// A cache of sessions that several processes share, before a store in a database server. `None`: sessions are cached in
    /// memory only. Before a file it is an error.
    pub cache: Option<CacheUrl>,
    /// The directory of the master key and the admin socket; created with mode 0700 if it does not exist.
    /// `None`: the master key is stored next to the SQLite file, and there is no socket.
    pub data_dir: Option<PathBuf>,
    /// The key that encrypts the other keys in the store.
    pub master_key: MasterKeySource,
    /// Grace period during which a used refresh token may be retried; zero allows no retry.
    pub refresh_reuse_grace: Duration,
    /// Whether users may register over HTTP.
    pub registration: Registration,
    /// Which new usernames are accepted. It does not concern stored names: every user can log in.
    pub usernames: UsernamePolicy,
    /// The path below which the routes are served, such as `/auth`; the root by default. The URLs in the metadata
    /// (RFC 8414), in problem types and in links contain it.
    pub base_path: BasePath,
    /// The names and attributes of the cookies.
    pub cookies: CookieOptions,
    /// Whether a logout sends `Clear-Site-Data: "cookies", "storage"` (W3C). It deletes every cookie and all
    /// storage of the host, also of other applications on it: set it only if the host serves one application.
    pub clear_site_data_on_logout: bool,
    /// Whether access tokens name their user in the claim `preferred_username` (OpenID Connect Core 1.0, section 5.1).
    /// Without it `Principal::username` is `None` for access tokens; services then learn no names.
    pub username_claim: bool,
    /// Whether access tokens name their entry in a status list (the claim `status`), for services that do not follow the
    /// revocation feed. The claim takes some 120 bytes of a token. The lists are served either way.
    pub status_claim: bool,
    /// The signature algorithm of access tokens. If the current key has another algorithm, a rotation starts
    /// at the next start of the server; there is no rotation between asymmetric and shared-secret algorithms.
    pub algorithm: Algorithm,
    /// How long a key signs before it is rotated; `None`: keys are rotated only on request.
    pub signing_key_rotation_interval: Option<Duration>,
    /// The `max-age` of the key set: how long services may cache the public keys. A new key does not sign
    /// before it has been published for this long. Verifiers cache keys for at least a minute, so a lower
    /// value has no effect.
    pub jwks_max_age: Duration,
    /// Additional delay of a rotation, for other nodes to load a change and for responses under way.
    pub key_margin: Duration,
    /// The Argon2id parameters of password hashes.
    pub argon2: Argon2Cost,
    /// How many passwords are hashed concurrently; the number of CPU cores by default.
    pub password_hashing_threads: usize,
    /// How many passwords may wait to be hashed; more are rejected with 503.
    pub password_hashing_queue_size: usize,
    /// The percentage of the hashing threads and their queue that one client IP, and one account, may use; more gets 429.
    /// The same holds for the validation of new passwords. 100: no share applies.
    pub password_hashing_max_share: u8,
    /// How many logins that a rate limit rejects may wait until they are answered, so that their time does not tell the
    /// scheme of the account's password hash; of one client IP no more than its share. Further ones are answered at once.
    pub password_hashing_max_delayed_refusals: usize,
    /// How long a password may wait to be hashed; after that it is rejected with 503.
    pub password_hashing_queue_timeout: Duration,
    /// How many cookie sessions are cached in memory, about 700 bytes each.
    pub session_cache_size: usize,
    /// How many access tokens are cached in memory once their signatures are verified, about 1.5 KiB each. With more tokens in
    /// use than that, signatures are verified again. 0: every signature is verified at each use.
    pub token_cache_size: usize,
    /// The maximum number of active sessions of a user, 100 by default; at the limit a login ends the oldest one.
    /// `None`: no limit. Without one a user can make the lists and the ends of their sessions long.
    pub max_sessions: Option<NonZeroU32>,
    /// The maximum size of the data of all sessions of a user, in bytes; up to 1 KiB of each session is always allowed.
    /// `None`: no limit.
    pub max_session_data_per_user: Option<NonZeroU64>,
    /// The minimum length of new passwords, in code points; values below 8 have no effect. NIST SP 800-63B-4,
    /// section 3.1.1.2, requires 15 if the password is the only factor.
    pub password_min_length: usize,
    /// A list of breached passwords, which are refused as new passwords.
    pub breached_passwords: Option<PathBuf>,
    /// Other origins whose pages may send unsafe requests with cookies and read the responses (CORS).
    pub trusted_origins: Vec<Origin>,
    /// Networks of proxies whose `X-Forwarded-For` or `Forwarded` is trusted; none by default.
    pub trusted_proxies: Vec<Network>,
    /// Rate limits of logins, password changes and registrations.
    pub rate_limits: login_rate_limiter::RateLimits,
    /// Rate limits of other requests that change something.
    pub write_rate_limits: WriteRateLimits,
    /// How much of the audit log is kept.
    pub audit_log: AuditLogSettings,
    /// The feed that resource servers follow.
    pub feed: FeedSettings,
    /// This process as one of several on a PostgreSQL store.
    pub node: NodeSettings,
    /// How long a server that is told to stop still serves, while `/readyz` answers 503 and each response of HTTP/1.1 closes its
    /// connection: load balancers send requests to others meanwhile.
    pub shutdown_delay: Duration,
    /// Forward authentication: which proxies may ask, and for which hosts.
    pub forward_auth: ForwardAuthSettings,
    /// The page to which forward authentication sends a browser without a credential; `None`: it sends it nowhere.
    pub login_url: Option<LoginUrl>,
    /// Rate limits of introspection.
    pub introspection: IntrospectionLimits,
    /// Limits of requests and connections.
    pub limits: Limits,
    /// The certificate for TLS; without one the server speaks plain HTTP, for loopback or behind a TLS proxy.
    pub tls: Option<TlsFiles>,
    /// The pages for people.
    pub pages: PagesSettings,
    /// The console for administrators, which is one of the pages.
    pub console: ConsoleSettings,
    /// Every setting with its value and where it was set, for the console. Empty: the application has set them in code.
    pub descriptions: Vec<SettingDescription>,
    /// Development mode, only for an issuer on plain HTTP and loopback; off by default.
    pub development_mode: Option<DevelopmentMode>,
}

/// Whether users may register over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Anyone may register.
    #[default]
    Open,
    /// Only an operator or an administrator adds users.
    Closed,
}

/// Limits of requests and connections.
///
/// ```
/// use counterfoil::Limits;
///
/// let limits = Limits::default().with(|limits| limits.max_connections = 1_000);
/// assert_eq!(limits.max_body_size, 64 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a request body, in bytes.
    pub max_body_size: usize,
    /// Maximum size of all headers of a request, in bytes; at least 8 KiB.
    pub max_header_size: usize,
    /// How long a client may take to send the headers.
    pub header_timeout: Duration,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    /// How long an HTTP/2 connection may be idle; it is closed at most a quarter later. An HTTP/1.1
    /// connection waits for its next request no longer than `header_timeout`.
    pub idle_timeout: Duration,
    /// Maximum number of connections, as far as the process may open files. For one more, the server closes a
    /// connection without a request in progress, of the client IP that has the most; without one, the new connection
    /// is closed.
    pub max_connections: usize,
    /// Maximum number of connections of one client IP (IPv6: of one network). Trusted proxies and loopback
    /// are exempt.
    pub max_connections_per_ip: usize,
    /// Maximum number of connections of one client IP that have sent no request yet, TLS handshakes included; for one
    /// more, the oldest of them is closed. Trusted proxies are exempt, loopback is not.
    pub max_pending_connections_per_ip: usize,
    /// Maximum memory of all request bodies that are being read, in bytes; more are rejected with 503.
    pub max_total_body_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_size: 64 * 1024,
            max_header_size: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_connections: 10_000,
            max_connections_per_ip: 1_000,
            max_pending_connections_per_ip: 200,
            max_total_body_memory: 128 << 20,
        }
    }
}

impl Limits {
    /// The same limits after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Settings {
    /// The same settings after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The defaults, with this issuer and this store.
    pub fn new(issuer: IssuerUrl, store: StoreUrl) -> Self {
        Self {
            issuer,
            store,
            cache: None,
            data_dir: None,
            master_key: MasterKeySource::default(),
            refresh_reuse_grace: Duration::from_secs(10),
            registration: Registration::Open,
            usernames: UsernamePolicy::default(),
            base_path: BasePath::ROOT,
            cookies: CookieOptions::new(),
            clear_site_data_on_logout: false,
            username_claim: true,
            status_claim: true,
            algorithm: RotationSchedule::DEFAULT.algorithm,
            signing_key_rotation_interval: RotationSchedule::DEFAULT.interval,
            jwks_max_age: RotationSchedule::DEFAULT.max_age,
            key_margin: RotationSchedule::DEFAULT.margin,
            argon2: Argon2Cost::default(),
            password_hashing_threads: std::thread::available_parallelism().map_or(1, usize::from),
            password_hashing_queue_size: 64,
            password_hashing_max_share: 25,
            password_hashing_max_delayed_refusals: 1024,
            password_hashing_queue_timeout: Duration::from_secs(5),
            session_cache_size: 1 << 20,
            token_cache_size: TokenVerifierBuilder::DEFAULT_CACHE_SIZE,
            max_sessions: NonZeroU32::new(100),
            max_session_data_per_user: NonZeroU64::new(512 * 1024),
            password_min_length: PasswordPolicy::MIN_LENGTH,
            breached_passwords: None,
            trusted_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            rate_limits: login_rate_limiter::RateLimits::default(),
            write_rate_limits: WriteRateLimits::default(),
            audit_log: AuditLogSettings::default(),
            feed: FeedSettings::default(),
            node: NodeSettings::default(),
            shutdown_delay: Duration::ZERO,
            forward_auth: ForwardAuthSettings::default(),
            login_url: None,
            introspection: IntrospectionLimits::default(),
            limits: Limits::default(),
            tls: None,
            pages: PagesSettings::default(),
            console: ConsoleSettings::default(),
            descriptions: Vec::new(),
            development_mode: None,
        }
    }

    /// The URL below which clients reach the routes, without a slash at the end: the origin of the issuer with the
    /// base path. At the root it is the issuer itself, whose path a proxy then removes.
    pub(crate) fn api_url(&self) -> String {
        match self.base_path.is_root() {
            true => self.issuer.to_string(),
            false => format!("{}{}", self.issuer.origin().as_str(), self.base_path),
        }
    }

    /// The path at which clients reach a route with this path template, which contains the base path: at the root a proxy
    /// removes the path of the issuer.
    pub(crate) fn public_path(&self, route: &str) -> String {
        match self.base_path.is_root() {
            true => format!("{}{route}", self.issuer.path()),
            false => route.to_owned(),
        }
    }

    /// What the path of every route begins with, as browsers see it; empty at the root.
    pub(crate) fn public_prefix(&self) -> String {
        match self.base_path.is_root() {
            true => self.issuer.path().to_owned(),
            false => self.base_path.to_string(),
        }
    }

    /// The schedule of key rotation.
    pub(crate) fn schedule(&self) -> RotationSchedule {
        RotationSchedule {
            algorithm: self.algorithm,
            interval: self.signing_key_rotation_interval,
            max_age: self.jwks_max_age,
            margin: self.key_margin,
        }
    }

    /// The file of the master key: the configured one, or the default.
    pub(crate) fn master_key_file(&self) -> Option<PathBuf> {
        self.master_key.file.clone().or_else(|| self.default_master_key_file())
    }

    /// The default file of the master key: `DIR/master-key`, or next to the SQLite file.
    pub(crate) fn default_master_key_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("master-key"));
        in_dir.or_else(|| self.store.file().map(|store| with_suffix(store, ".key")))
    }

    /// The file of the last known position of the revocation log: `DIR/rollback-guard`, or next to the SQLite file.
    pub(crate) fn rollback_guard_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("rollback-guard"));
        in_dir.or_else(|| self.store.file().map(|store| with_suffix(store, ".rollback-guard")))
    }

    /// The files of the installation, also temporary ones: those of SQLite next to the database, and the
    /// restored database that replaces it at the next start; keys, certificates, lists and the admin socket.
    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        let beside_store = ["", "-wal", "-shm", "-journal", ".lock", ".new", ".restored"];
        let store = self.store.file().map(|store| beside_store.map(|suffix| with_suffix(store, suffix)));
        let master_key = self.master_key_file().map(|key| [with_suffix(&key, ".next"), key]);
        let rollback_guard = self.rollback_guard_file().map(|guard| [with_suffix(&guard, ".new"), guard]);
        let tls = self.tls.clone().map(|tls| [tls.certificate, tls.key]);
        let pairs = [master_key, rollback_guard, tls].into_iter().flatten().flatten();
        let socket = self.data_dir.as_ref().map(|dir| dir.join("admin.sock"));
        let others = self.breached_passwords.clone().into_iter().chain(socket);
        store.into_iter().flatten().chain(pairs).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("https://auth.example".parse().unwrap(), "sqlite:dir/auth.db".parse().unwrap())
    }

    #[test]
    fn the_master_key_is_in_the_data_directory_or_next_to_the_store() {
        let in_dir = Settings { data_dir: Some("data".into()), ..settings() };

        assert_eq!(settings().default_master_key_file(), Some("dir/auth.db.key".into()));
        assert_eq!(in_dir.default_master_key_file(), Some("data/master-key".into()));
    }

    #[test]
    fn the_routes_are_below_the_base_path_or_at_the_issuer() {
        let url = |issuer: &str, path: &str| {
            let (issuer, base_path) = (issuer.parse().unwrap(), path.parse().unwrap());
            Settings { issuer, base_path, ..settings() }.api_url()
        };

        assert_eq!(url("https://shop.example", ""), "https://shop.example");
        assert_eq!(url("https://shop.example", "/auth"), "https://shop.example/auth");
        assert_eq!(url("https://shop.example/auth", ""), "https://shop.example/auth");
        assert_eq!(url("https://shop.example/auth", "/auth"), "https://shop.example/auth");
    }

    #[test]
    fn debug_output_hides_the_master_key() {
        let text = Some(counterfoil_jose::Secret::new("c2VjcmV0".to_owned()));
        let settings = Settings { master_key: MasterKeySource { text, file: None }, ..settings() };

        assert!(!format!("{settings:?}").contains("c2VjcmV0"));
    }
}
