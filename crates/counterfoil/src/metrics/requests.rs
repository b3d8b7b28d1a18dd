//! Metrics of the HTTP requests, and the limit of connections.

use std::fmt;

use crate::app::App;
use crate::metrics::encoder::Encoder;

pub(super) fn encode(encoder: &mut Encoder<'_>, app: &App) -> fmt::Result {
    let routes = app.parts.metrics.requests.routes();
    encoder.counters("counterfoil_http_requests", "HTTP requests answered", |sample| {
        for route in &routes {
            for (method, status, count) in route.totals() {
                sample(&[("route", route.path.as_str()), ("method", method), ("status", &status)], count)?;
            }
        }
        Ok(())
    })?;
    encoder.histograms("counterfoil_http_request_duration", "Duration of HTTP requests", |sample| {
        let snapshots = routes.iter().map(|route| (route.path.as_str(), route.duration.snapshot()));
        let used = snapshots.filter(|(_, snapshot)| snapshot.count() > 0);
        used.into_iter().try_for_each(|(path, snapshot)| sample(&[("route", path)], snapshot))
    })?;
    // Before the server listens, the setting.
    let max = match app.parts.metrics.connections.limit.get() {
        0 => app.settings().limits.max_connections,
        limit => usize::try_from(limit).unwrap_or_default(),
    };
    encoder.gauge("counterfoil_connections_limit", "Maximum number of open connections", max)
}
