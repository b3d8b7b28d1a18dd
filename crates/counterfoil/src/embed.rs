//! Counterfoil inside another axum application.

use axum::Router;

use counterfoil_core::store::StoreError;

use crate::app::error::OpenError;
use crate::app::{App, HostLayer};
use crate::background;
use crate::runtime::task::Task;
use crate::settings::Settings;
use crate::settings::issuer_url::{IssuerUrl, IssuerUrlError};
use crate::settings::store_url::{StoreUrl, StoreUrlError};

/// The issuer of [`Counterfoil::open`]: the address at which the examples listen.
const DEFAULT_ISSUER: &str = "http://localhost:3000";

/// Counterfoil as a library: its routes, and the layer for the host application's routes.
///
/// Expired sessions are purged in the background until it is closed; [`close`](Self::close) it before the
/// process ends.
///
/// ```
/// use axum::{Router, routing::get};
/// use counterfoil::{Counterfoil, Principal};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Counterfoil::open("sqlite:auth.db").await?;
/// let app: Router = Router::new()
///     .route("/hello", get(async |user: Principal| format!("Hello {}", user.subject())))
///     .layer(auth.layer())
///     .merge(auth.routes());
/// # drop(app);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Counterfoil {
    app: App,
    jobs: Task,
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
    /// The installation cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Counterfoil {
    /// Opens the store at `store`, such as `sqlite:auth.db`, for an application at `http://localhost:3000`.
    /// The master key is next to the store (`auth.db.key`) and is created at the first start.
    ///
    /// An application with another URL uses [`Counterfoil::for_issuer`].
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn open(store: &str) -> Result<Self, EmbedError> {
        Self::for_issuer(DEFAULT_ISSUER, store).await
    }

    /// Opens the store at `store` for an application that its clients reach at `issuer`, such as
    /// `https://shop.example`.
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn for_issuer(issuer: &str, store: &str) -> Result<Self, EmbedError> {
        let (issuer, store): (IssuerUrl, StoreUrl) = (issuer.parse()?, store.parse()?);
        Ok(Self::with_settings(Settings::new(issuer, store)).await?)
    }

    /// Opens with all settings.
    ///
    /// # Errors
    ///
    /// What is wrong; nothing that existed was changed.
    pub async fn with_settings(settings: Settings) -> Result<Self, OpenError> {
        let app = App::open(settings).await?;
        Ok(Self { jobs: background::start(app.clone()), app })
    }

    /// Every route of the HTTP API: register, log in and out, refresh, list sessions, and so on.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: sessions record the client IP,
    /// and failed logins are counted by client IP. Without it only the limit of consecutive failures of an
    /// account applies.
    pub fn routes(&self) -> Router {
        self.app.routes()
    }

    /// The layer that lets handlers extract a [`Principal`](crate::Principal) or
    /// [`SessionData`](crate::SessionData).
    pub fn layer(&self) -> HostLayer {
        self.app.layer()
    }

    /// The open installation.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops the background jobs and closes the store.
    ///
    /// # Errors
    ///
    /// If the store was not closed cleanly. Acknowledged writes are durable in any case.
    pub async fn close(self) -> Result<(), StoreError> {
        self.jobs.cancel().await;
        self.app.close().await
    }
}
