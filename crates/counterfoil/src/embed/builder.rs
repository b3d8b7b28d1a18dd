//! The builder of an embedded Counterfoil.

use std::sync::Arc;

use serde_json::Value;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::services::application_users::UserStore;
use counterfoil_core::services::issuer::{ClaimsContext, ClaimsProvider};

use crate::app::{App, Hooks};
use crate::clock::{ClockSource, SystemClock};
use crate::embed::store_source::{StoreSource, StoreSourceKind};
use crate::embed::{Counterfoil, EmbedError};
use crate::settings::Settings;
use crate::settings::cookie_options::CookieOptions;
use crate::settings::store_url::StoreUrl;

/// The issuer without [`CounterfoilBuilder::issuer`]: the address at which the examples listen.
const DEFAULT_ISSUER: &str = "http://localhost:3000";

/// A change of the settings, made when the builder opens.
type Configure = Box<dyn FnOnce(&mut Settings) + Send>;

/// Builds a [`Counterfoil`].
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil::{CookieOptions, Counterfoil, SameSite};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let store = format!("sqlite:{}/auth.db", dir.path().display());
/// let auth = Counterfoil::builder()
///     .issuer("https://shop.example")
///     .store(store)
///     .cookies(CookieOptions::new().name("sid").same_site(SameSite::Strict))
///     .base_path("/auth")
///     .configure(|settings| settings.refresh_reuse_grace = Duration::from_secs(5))
///     .on_event(|event| println!("{}", event.kind.as_str()))
///     .open()
///     .await?;
/// assert_eq!(auth.settings().base_path.as_str(), "/auth");
/// auth.close().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is opened"]
pub struct CounterfoilBuilder {
    issuer: String,
    store: Option<StoreSource>,
    base_path: String,
    cookies: CookieOptions,
    configure: Vec<Configure>,
    hooks: Hooks,
    clock: Box<dyn ClockSource>,
}

impl Counterfoil {
    /// A builder, for everything that the short forms below do not set.
    pub fn builder() -> CounterfoilBuilder {
        CounterfoilBuilder::new()
    }

    /// Opens the store at `store`, such as `sqlite:auth.db`, for an application at `http://localhost:3000`.
    /// The master key is next to the store (`auth.db.key`) and is created at the first start.
    ///
    /// An application with another URL uses [`Counterfoil::for_issuer`] or [`Counterfoil::builder`].
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn open(store: &str) -> Result<Self, EmbedError> {
        Self::builder().store(store).open().await
    }

    /// Opens the store at `store` for an application that its clients reach at `issuer`, such as
    /// `https://shop.example`.
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn for_issuer(issuer: &str, store: &str) -> Result<Self, EmbedError> {
        Self::builder().issuer(issuer).store(store).open().await
    }
}

impl CounterfoilBuilder {
    fn new() -> Self {
        Self {
            issuer: DEFAULT_ISSUER.to_owned(),
            store: None,
            base_path: String::new(),
            cookies: CookieOptions::new(),
            configure: Vec::new(),
            hooks: Hooks::default(),
            clock: Box::new(SystemClock),
        }
    }

    /// The URL at which clients reach the application, such as `https://shop.example`: the `iss` of all tokens.
    /// `http://localhost:3000` by default.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), ..self }
    }

    /// The store of users, sessions and keys, such as `sqlite:auth.db`. The master key is next to it (`auth.db.key`) and
    /// is created at the first start. Or a [`Store`](crate::Store) that the application has opened; [`StoreSource`] has an example.
    pub fn store(self, store: impl Into<StoreSource>) -> Self {
        Self { store: Some(store.into()), ..self }
    }

    /// The path below which the routes are served, such as `/auth`; the root by default. The routes of
    /// [`Counterfoil::routes`] contain it already: merge them, and do not nest them.
    pub fn base_path(self, base_path: impl Into<String>) -> Self {
        Self { base_path: base_path.into(), ..self }
    }

    /// The name, domain, path and `SameSite` of the cookies.
    pub fn cookies(self, cookies: CookieOptions) -> Self {
        Self { cookies, ..self }
    }

    /// Changes any other setting. Later changes win.
    pub fn configure(mut self, configure: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Reads the time from another clock than the system's, for tests that depend on time.
    pub fn clock(self, clock: impl ClockSource) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Adds claims to each access token: the members of the object that `claims` returns for the token's user, session and
    /// client.
    ///
    /// A claim with a registered or reserved name, such as `sub` or `roles`, is an error: the login or refresh fails with
    /// 500, nothing is stored, and the log names the claim. A claim in a token is as old as the token, so an access right
    /// that must end at once does not belong there. `claims` runs during the request and must not block.
    pub fn claims(mut self, claims: impl Fn(&ClaimsContext<'_>) -> Value + Send + Sync + 'static) -> Self {
        self.hooks.claims = Some(ClaimsProvider::new(claims));
        self
    }

    /// Logs in the users of the application's own table, and no others. Registration and password changes are refused with
    /// 403: the application makes them in its table. A user that an operator or an administrator adds cannot log in.
    ///
    /// [`UserStore`] says when a change in the table ends sessions; `examples/own_user_table.rs` shows a whole application.
    pub fn users(mut self, users: impl UserStore) -> Self {
        self.hooks.users = Some(Arc::new(users));
        self
    }

    /// Calls `listener` with every audit event after it is durable, in order, on a thread of its own.
    ///
    /// The listener is for notifications, such as a mail about a login from a new device. It may block; if more than
    /// 1,024 events wait for it, further ones are dropped and a warning is logged. The audit log in the store has all of
    /// them. A panic of the listener is logged and ends nothing.
    pub fn on_event(mut self, listener: impl Fn(&AuditEvent) + Send + Sync + 'static) -> Self {
        self.hooks.on_event = Some(Arc::new(listener));
        self
    }

    /// Opens the store and starts the background jobs.
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn open(mut self) -> Result<Counterfoil, EmbedError> {
        let url = match self.store.ok_or(EmbedError::NoStore)?.0 {
            StoreSourceKind::Url(url) => url.parse()?,
            StoreSourceKind::Open(store) => {
                self.hooks.store = Some(store);
                StoreUrl::Application
            }
        };
        let mut settings = Settings::new(self.issuer.parse()?, url);
        settings.base_path = self.base_path.parse()?;
        settings.cookies = self.cookies;
        for configure in self.configure {
            configure(&mut settings);
        }
        let clock = self.clock;
        Ok(Counterfoil::start(App::open_with(settings, self.hooks, move || clock.read()).await?))
    }
}

impl std::fmt::Debug for CounterfoilBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CounterfoilBuilder")
            .field("issuer", &self.issuer)
            .field("base_path", &self.base_path)
            .field("cookies", &self.cookies)
            .finish_non_exhaustive()
    }
}
