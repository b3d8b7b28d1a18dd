//! Counts HTTP requests by route template, method and status.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};

use counterfoil_core::histogram::Histogram;

/// The values of the label `method`. Every other method is `other`.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// The values of the label `status`. Every other status is 0, which is exported as `other`.
const STATUSES: [u16; 20] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 500, 501, 503, 0];

/// The counters of one route, held by the middleware of the route.
#[derive(Debug)]
pub(crate) struct Route {
    /// The route template, for example `/v1/sessions/{id}`.
    pub(crate) path: String,
    counts: [[AtomicU64; STATUSES.len()]; METHODS.len()],
    /// How long responses took.
    pub(crate) duration: Histogram,
}

impl Route {
    fn new(path: String) -> Self {
        let counts = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { path, counts, duration: Histogram::default() }
    }

    /// Counts one response.
    pub(crate) fn record(&self, method: &'static str, status: StatusCode, duration: Duration) {
        let method = METHODS.iter().position(|one| *one == method).unwrap_or(METHODS.len() - 1);
        let status = STATUSES.iter().position(|one| *one == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        self.counts[method][status].fetch_add(1, Ordering::Relaxed);
        self.duration.record(duration);
    }

    /// Method, status and count of every series that is not zero.
    pub(crate) fn totals(&self) -> Vec<(&'static str, String, u64)> {
        let mut totals = Vec::new();
        for (method, statuses) in METHODS.into_iter().zip(&self.counts) {
            for (status, count) in STATUSES.into_iter().zip(statuses) {
                let status = if status == 0 { "other".to_owned() } else { status.to_string() };
                totals.push((method, status, count.load(Ordering::Relaxed)));
            }
        }
        totals.retain(|(_, _, count)| *count > 0);
        totals
    }
}

/// The label value for a method. A method that a client invents becomes `other`, so that clients cannot create series.
pub(crate) fn method_label(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// The counters of all routes. A route looks its counters up when the router is built, not for each request.
#[derive(Debug, Default)]
pub(crate) struct HttpRequests(Mutex<BTreeMap<String, Arc<Route>>>);

impl HttpRequests {
    /// The counters of the route with this template; the same value for each call.
    pub(crate) fn route(&self, path: String) -> Arc<Route> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(path.clone()).or_insert_with(|| Arc::new(Route::new(path))))
    }

    /// Every route, sorted by template.
    pub(crate) fn routes(&self) -> Vec<Arc<Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_or_status_is_counted_as_other() {
        let route = Route::new("/v1/me".to_owned());
        let invented = Method::from_bytes(b"HUNTER2").unwrap();

        route.record(method_label(&invented), StatusCode::from_u16(999).unwrap(), Duration::ZERO);
        route.record(method_label(&Method::GET), StatusCode::OK, Duration::ZERO);

        let totals = route.totals();
        assert_eq!(totals, [("GET", "200".into(), 1), ("other", "other".into(), 1)]);
    }
}
