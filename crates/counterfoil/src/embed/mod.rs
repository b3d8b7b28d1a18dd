//! Counterfoil inside another axum application.

pub(crate) mod builder;
pub(crate) mod client_info;
pub(crate) mod credentials;
pub mod custom_store;
pub(crate) mod error;
#[cfg(all(doc, not(doctest)))]
pub mod examples;
pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod sessions;
pub(crate) mod store_source;
#[cfg(feature = "test-util")]
pub mod testing;
pub(crate) mod users;

use std::sync::Arc;

use axum::Router;
use tokio::sync::Mutex;

use counterfoil_core::store::StoreError;

use crate::app::App;
use crate::app::error::OpenError;
use crate::background;
use crate::http::host_layer::HostLayer;
#[cfg(feature = "pages")]
use crate::http::require_sign_in::RequireSignIn;
use crate::runtime::task::{Task, run_detached};
use crate::settings::Settings;
use crate::settings::base_path::BasePathError;
use crate::settings::issuer_url::IssuerUrlError;
use crate::settings::store_url::StoreUrlError;

/// Counterfoil as a library: its routes, the layer for the host application's routes, and logins from its handlers.
///
/// Clones are cheap and share one installation, so it can be part of the application's state. Expired sessions are
/// purged in the background until it is closed; [`close`](Self::close) it before the process ends.
///
/// ```
/// use axum::{Router, routing::get};
/// use counterfoil::{Counterfoil, Principal};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Counterfoil::open("sqlite:auth.db").await?;
/// let app: Router = Router::new()
///     .route("/hello", get(async |user: Principal| format!("Hello {}", user.username().unwrap_or("guest"))))
///     .layer(auth.layer())
///     .merge(auth.routes());
/// # drop(app);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Counterfoil {
    app: App,
    /// The background jobs; `None` after they were stopped.
    jobs: Arc<Mutex<Option<Task>>>,
}

/// An embedded Counterfoil cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The store URL is invalid.
    #[error(transparent)]
    Store(#[from] StoreUrlError),
    /// The issuer URL is invalid.
    #[error(transparent)]
    Issuer(#[from] IssuerUrlError),
    /// The base path is invalid.
    #[error(transparent)]
    BasePath(#[from] BasePathError),
    /// No store was named.
    #[error("no store is named: call `store(\"sqlite:auth.db\")` on the builder")]
    NoStore,
    /// The installation cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Counterfoil {
    /// Opens with all settings.
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn with_settings(settings: Settings) -> Result<Self, OpenError> {
        Ok(Self::start(App::open(settings).await?))
    }

    /// Starts the background jobs of an open installation.
    fn start(app: App) -> Self {
        Self { jobs: Arc::new(Mutex::new(Some(background::start(app.clone())))), app }
    }

    /// Every route of the HTTP API: register, log in and out, refresh, list sessions, and so on. They are below the base
    /// path already: merge them into the application's router.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: sessions record the client IP,
    /// and failed logins are counted by client IP. Without it only the limit of consecutive failures of an
    /// account applies.
    pub fn routes(&self) -> Router {
        self.app.routes()
    }

    /// The pages for people: sign-in, registration and account, in six languages and without script. They are below the base
    /// path already: merge them into the application's router, beside [`routes`](Self::routes).
    #[cfg(feature = "pages")]
    pub fn pages(&self) -> Router {
        self.app.pages()
    }

    /// The layer for routes that only a signed-in user may open. A browser without a login is sent to the sign-in page and returns
    /// after it; a request of a script or of a program gets 401. [`layer`](Self::layer) must be outside of it.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use counterfoil::{Counterfoil, Principal};
    ///
    /// # async fn example(auth: Counterfoil) {
    /// let app: Router = Router::new()
    ///     .route("/orders", get(async |user: Principal| format!("The orders of {}", user.username().unwrap_or("you"))))
    ///     .route_layer(auth.require_sign_in())
    ///     .route("/", get(async || "Welcome"))
    ///     .layer(auth.layer())
    ///     .merge(auth.routes())
    ///     .merge(auth.pages());
    /// # drop(app);
    /// # }
    /// ```
    #[cfg(feature = "pages")]
    pub fn require_sign_in(&self) -> RequireSignIn {
        self.app.require_sign_in()
    }

    /// The layer that lets handlers extract a [`Principal`](crate::Principal) or
    /// [`SessionData`](crate::SessionData).
    pub fn layer(&self) -> HostLayer {
        self.app.layer()
    }

    /// The settings that it was opened with.
    pub fn settings(&self) -> &Settings {
        self.app.settings()
    }

    /// The open installation.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Ends every event stream of the routes and answers every poll that waits, and accepts no new ones: call it when the server begins to
    /// stop, because a server that waits for its connections would otherwise wait for these.
    pub fn end_streams(&self) {
        self.app.start_shutdown();
    }

    /// Stops the background jobs and closes the store. Further calls, also on clones, wait for the first and do nothing.
    ///
    /// # Errors
    ///
    /// If the store was not closed cleanly. Acknowledged writes are durable in any case.
    pub async fn close(&self) -> Result<(), CloseError> {
        let auth = self.clone();
        // A caller that gives up waiting must not leave the store open: a later call would do nothing.
        run_detached(async move {
            let mut jobs = auth.jobs.lock().await;
            let Some(running) = jobs.take() else { return Ok(()) };
            running.cancel().await;
            Ok(auth.app.close().await?)
        })
        .await
    }
}

/// The store was not closed cleanly.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct CloseError(#[from] StoreError);
