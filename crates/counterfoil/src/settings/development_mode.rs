//! Development mode: a server on a developer's machine, which is less strict and says more.

use std::fmt;
use std::sync::Arc;

use axum::Router;

/// Development mode, for a server on the developer's own machine. [`App::open`](crate::App::open) refuses it unless the
/// issuer is on plain HTTP and loopback.
///
/// - Pages of every origin on loopback are trusted, with any port (CORS and CSRF).
/// - A 401 says in `detail` why the credential or the login was refused. Elsewhere an attacker who learned that could correct
///   a forgery step by step, tell a revoked credential from one that never existed, and find out which users exist.
/// - `/` is an HTML page.
/// - It can have routes of its own, which a server for others has not.
///
/// ```
/// use counterfoil::{DevelopmentMode, Settings};
///
/// let settings = Settings::new("http://localhost:3000".parse()?, "sqlite:dev.db".parse()?);
/// let mode = DevelopmentMode::new("<!doctype html><title>Auth</title>");
/// let settings = settings.with(|settings| settings.development_mode = Some(mode));
/// assert!(settings.issuer.is_loopback());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DevelopmentMode {
    page: Arc<str>,
    routes: Router,
}

/// What [`DevelopmentMode::page`] replaces in the page.
const NONCE: &str = "{{nonce}}";

impl DevelopmentMode {
    /// Development mode with this HTML document at `/`. Its content security policy allows nothing but `<style>`
    /// elements with `nonce="{{nonce}}"`, in which the text in braces is replaced for each response.
    pub fn new(page: impl Into<Arc<str>>) -> Self {
        Self { page: page.into(), routes: Router::new() }
    }

    /// The same with more routes, at paths that the server does not have. They are checked as its own pages are: the host is
    /// this machine, and a write does not come from another site.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// The routes that were added.
    pub(crate) fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// The document with the nonce of one response.
    pub(crate) fn page(&self, nonce: &str) -> String {
        self.page.replace(NONCE, nonce)
    }
}

impl fmt::Debug for DevelopmentMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentMode").finish_non_exhaustive()
    }
}
