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
mod files;
pub(crate) mod forward_auth;
pub(crate) mod guarded_host;
pub(crate) mod guarded_origins;
pub(crate) mod host_cookie_names;
pub(crate) mod introspection;
pub(crate) mod ip_network;
pub(crate) mod issuer_url;
pub(crate) mod limits;
pub(crate) mod login_url;
pub(crate) mod loopback;
pub(crate) mod node;
pub(crate) mod pages;
pub(crate) mod registration;
pub(crate) mod secret_url_file;
pub(crate) mod store_file;
pub(crate) mod store_url;
mod urls;
pub(crate) mod write_rate_limits;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use counterfoil_core::services::keys::rotation_schedule::RotationSchedule;
use counterfoil_core::services::login_rate_limiter;
use counterfoil_core::services::password_policy::PasswordPolicy;
use counterfoil_core::services::username_policy::UsernamePolicy;
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
use crate::settings::limits::Limits;
use crate::settings::login_url::LoginUrl;
use crate::settings::node::NodeSettings;
use crate::settings::pages::PagesSettings;
use crate::settings::registration::Registration;
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

    /// The schedule of key rotation.
    pub(crate) fn schedule(&self) -> RotationSchedule {
        RotationSchedule {
            algorithm: self.algorithm,
            interval: self.signing_key_rotation_interval,
            max_age: self.jwks_max_age,
            margin: self.key_margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_master_key() {
        let text = Some(counterfoil_jose::Secret::new("c2VjcmV0".to_owned()));
        let (issuer, store) = ("https://auth.example".parse().unwrap(), "sqlite:auth.db".parse().unwrap());
        let settings =
            Settings { master_key: MasterKeySource { text, file: None }, ..Settings::new(issuer, store) };

        assert!(!format!("{settings:?}").contains("c2VjcmV0"));
    }
}
