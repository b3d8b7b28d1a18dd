//! Every request, by the template of its route, its method and its status.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};

use counterfoil_core::histogram::Histogram;

/// The methods that are told apart, and all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// The statuses that are told apart, and all others (0).
const STATUSES: [u16; 20] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 429, 500, 501, 503, 0];

/// What is counted of one route. Whoever serves the route holds it.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its template, as `/v1/sessions/{id}`.
    pub(crate) path: &'static str,
    counts: [[AtomicU64; STATUSES.len()]; METHODS.len()],
    /// How long answers took.
    pub(crate) took: Histogram,
}

impl Route {
    fn new(path: &'static str) -> Self {
        let counts = std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { path, counts, took: Histogram::default() }
    }

    /// Counts an answer that took this long.
    pub(crate) fn count(&self, method: &'static str, status: StatusCode, took: Duration) {
        let method = METHODS.iter().position(|one| *one == method).unwrap_or(METHODS.len() - 1);
        let status = STATUSES.iter().position(|one| *one == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        self.counts[method][status].fetch_add(1, Ordering::Relaxed);
        self.took.record(took);
    }

    /// Method, status and how many, where there was any.
    pub(crate) fn counted(&self) -> Vec<(&'static str, String, u64)> {
        let mut counted = Vec::new();
        for (method, statuses) in METHODS.into_iter().zip(&self.counts) {
            for (status, count) in STATUSES.into_iter().zip(statuses) {
                let status = if status == 0 { "other".to_owned() } else { status.to_string() };
                counted.push((method, status, count.load(Ordering::Relaxed)));
            }
        }
        counted.retain(|(_, _, count)| *count > 0);
        counted
    }
}

/// The word of a method that is one; what somebody made up is repeated nowhere.
pub(crate) fn known(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// All routes. They are asked for when routes are put together, and not at a request.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<&'static str, Arc<Route>>>);

impl Requests {
    /// The route with this template; the same each time.
    pub(crate) fn route(&self, path: &'static str) -> Arc<Route> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(path).or_insert_with(|| Arc::new(Route::new(path))))
    }

    /// Every route, in the order of their templates.
    pub(crate) fn all(&self) -> Vec<Arc<Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_makes_up_is_no_label() {
        let route = Route::new("/v1/me");
        let odd = Method::from_bytes(b"HUNTER2").unwrap();

        route.count(known(&odd), StatusCode::from_u16(999).unwrap(), Duration::ZERO);
        route.count(known(&Method::GET), StatusCode::OK, Duration::ZERO);

        let counted = route.counted();
        assert_eq!(counted, [("GET", "200".into(), 1), ("other", "other".into(), 1)]);
    }
}
