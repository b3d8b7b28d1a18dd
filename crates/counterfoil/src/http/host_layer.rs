//! The layer for the routes of the application that embeds Counterfoil.

use std::sync::Arc;

use http::{HeaderMap, Uri};

use counterfoil_verify::{AuthLayer, ProblemIssuer};

use crate::app::App;
use crate::http::set_cookie::duplicates::DuplicateCookies;

/// The layer for the host application's routes: CSRF protection and authentication.
pub type HostLayer = AuthLayer;

impl App {
    /// The layer for the host application's own routes. With it their handlers can extract a `Principal`;
    /// cross-site writes with a cookie of this issuer are refused.
    pub fn layer(&self) -> HostLayer {
        self.auth_layer()
            .with_csrf_protection(Arc::clone(&self.parts.origins))
            .with_problem_issuer(ProblemIssuer(self.settings().api_url().into()))
            .with_application(Arc::clone(&self.parts) as _)
            .with_cleared_duplicates(self.clear_duplicates())
    }

    /// What clears the second cookie of a name for the routes of the host, as the answers of Counterfoil's own routes do. The
    /// cookie at the configured domain and path stays.
    fn clear_duplicates(&self) -> impl Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync + 'static {
        let (cookies, host) = (Arc::clone(&self.parts.cookies), self.settings().issuer.host().to_owned());
        move |uri, headers| {
            let mut cleared = HeaderMap::new();
            DuplicateCookies::of_request(&cookies, headers).clear(&host, uri.path(), &mut cleared);
            cleared
        }
    }
}
