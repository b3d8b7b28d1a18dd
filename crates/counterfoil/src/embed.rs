//! Counterfoil inside somebody else's axum application.

use axum::Router;

use counterfoil_core::store::StoreError;

use crate::app::{App, HostLayer, OpenError};
use crate::background;
use crate::runtime::task::Task;
use crate::settings::Settings;
use crate::settings::issuer_url::{IssuerFault, IssuerUrl};
use crate::settings::store_url::{StoreUrl, StoreUrlFault};

/// The issuer of [`Counterfoil::open`]: where examples listen.
const AT_HOME: &str = "http://localhost:3000";

/// Counterfoil as a library: its routes, and the layer for the host's own.
///
/// Dead sessions are buried while it lives; [`close`](Self::close) it before the process ends.
///
/// ```
/// use axum::{Router, routing::get};
/// use counterfoil::{Counterfoil, Principal};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Counterfoil::open("sqlite:auth.db").await?;
/// let app: Router = Router::new()
///     .route("/hello", get(async |who: Principal| format!("Hello {}", who.subject())))
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

/// An embedded Counterfoil did not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The store's address is none.
    #[error(transparent)]
    Store(#[from] StoreUrlFault),
    /// The issuer is none.
    #[error(transparent)]
    Issuer(#[from] IssuerFault),
    /// It did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Counterfoil {
    /// Opens the store at `store`, like `sqlite:auth.db`, for an application that is tried out at
    /// `http://localhost:3000`. The master key is beside the store (`auth.db.key`), made at the first start.
    ///
    /// An application that is served under its own name says so: [`Counterfoil::for_issuer`].
    ///
    /// # Errors
    ///
    /// Says what is wrong; nothing that was there is changed.
    pub async fn open(store: &str) -> Result<Self, EmbedError> {
        Self::for_issuer(AT_HOME, store).await
    }

    /// Opens the store at `store` for an application whose clients know it as `issuer`, like
    /// `https://shop.example`.
    ///
    /// # Errors
    ///
    /// Says what is wrong; nothing that was there is changed.
    pub async fn for_issuer(issuer: &str, store: &str) -> Result<Self, EmbedError> {
        let (issuer, store): (IssuerUrl, StoreUrl) = (issuer.parse()?, store.parse()?);
        Ok(Self::with(Settings::new(issuer, store)).await?)
    }

    /// Opens with all settings in hand.
    ///
    /// # Errors
    ///
    /// Says what is wrong; nothing that was there is changed.
    pub async fn with(settings: Settings) -> Result<Self, OpenError> {
        let app = App::open(settings).await?;
        Ok(Self { jobs: background::start(app.clone()), app })
    }

    /// Registering, logging in and out, refreshing, listing: every route of the HTTP contract.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: sessions show where they are used
    /// from, and guesses are counted by source. Without it only the count in a row holds for an account.
    pub fn routes(&self) -> Router {
        self.app.routes()
    }

    /// The layer that lets handlers take a [`Principal`](crate::Principal) or
    /// [`SessionData`](crate::SessionData).
    pub fn layer(&self) -> HostLayer {
        self.app.layer()
    }

    /// The installation behind it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Finishes what is under way and closes the store.
    ///
    /// # Errors
    ///
    /// If the store was not closed in good order. What it has acknowledged is safe all the same.
    pub async fn close(self) -> Result<(), StoreError> {
        self.jobs.cancel().await;
        self.app.close().await
    }
}
