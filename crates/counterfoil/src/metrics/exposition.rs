//! Collects every metric of an installation into one OpenMetrics text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::app::readiness_check::ReadinessCheck;
use crate::counters::Outcome;
use crate::metrics::encoder::Encoder;
use crate::metrics::{
    credential_checks, feed, password_hashing, process, registered_counters, requests, shared_cache, store,
};
use crate::runtime::panics::panic_count;

impl App {
    /// Every metric as OpenMetrics text, for a host application with a metrics page of its own;
    /// [`serve_metrics`](crate::serve_metrics) serves it on a listener. Its content type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`. The text holds no secret and nothing that a
    /// client sent, but do not publish it: it shows how many users log in.
    ///
    /// `docs/operate.md` describes each metric.
    pub async fn metrics(&self) -> String {
        let mut registry = Registry::default();
        let failed = self.failed_checks().await;
        registered_counters::register(&mut registry, &self.parts);
        registry.register_collector(Box::new(Exposition { app: self.clone(), failed }));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }
}

/// One reading of all metrics that are computed when they are exported.
#[derive(Debug)]
struct Exposition {
    app: App,
    failed: Vec<ReadinessCheck>,
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (encoder, parts) = (&mut Encoder(encoder), &self.app.parts);
        self.installation(encoder)?;
        self.token_refreshes(encoder)?;
        self.revocation_log(encoder)?;
        feed::encode(encoder, &parts.feed)?;
        self.node(encoder)?;
        credential_checks::encode(encoder, &self.app)?;
        shared_cache::encode(encoder, parts.shared_cache.as_ref().map(|shared| shared.metrics()))?;
        password_hashing::encode(encoder, &parts.hashing)?;
        store::encode(encoder, parts.store.metrics())?;
        requests::encode(encoder, &self.app)?;
        process::encode(encoder)
    }
}

impl Exposition {
    fn installation(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        encoder.gauges("counterfoil_build_info", "Always 1, labelled with the version", |sample| {
            sample(&[("version", version)], 1)
        })?;
        let started = self.app.parts.started_at.unix_seconds();
        encoder.gauge("counterfoil_start_time_seconds", "Start time in Unix seconds", started)?;
        encoder.gauges("counterfoil_ready", "1 if the readiness check passes, 0 if it fails", |sample| {
            ReadinessCheck::ALL.iter().try_for_each(|check| {
                sample(&[("check", check.as_str())], u64::from(!self.failed.contains(check)))
            })
        })?;
        encoder.gauge(
            "counterfoil_clock_jump_detected",
            "1 while a jump of the system clock prevents tokens from being issued",
            u64::from(!self.app.parts.clock.may_issue()),
        )?;
        encoder.counter(
            "counterfoil_panics",
            "Panics of request handlers, answered with 500, and of background tasks, which are restarted",
            panic_count(),
        )
    }

    fn token_refreshes(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let metrics = &self.app.parts.metrics;
        let rotated = self.app.parts.issuer.rotations();
        let repeated = self.app.parts.issuer.repeated_refreshes();
        encoder.counters("counterfoil_token_refreshes", "Refresh tokens presented, by result", |sample| {
            sample(&[("result", "rotated")], rotated)?;
            sample(&[("result", "repeated")], repeated)?;
            let mut failures = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Success);
            failures.try_for_each(|outcome| {
                sample(&[("result", outcome.as_str())], metrics.refreshes.total(outcome))
            })
        })
    }

    fn revocation_log(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let revocations = self.app.parts.session_cache.revocations();
        encoder.gauge(
            "counterfoil_revocation_log_position",
            "Last position in the revocation log",
            revocations.head().number(),
        )?;
        encoder.gauge("counterfoil_active_revocations", "Revocations kept in memory", revocations.len())
    }

    fn node(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let node = self.app.parts.node.as_ref();
        encoder.gauge(
            "counterfoil_node_lease_seconds",
            "How long this node answers from memory if it does not renew its lease; 0: it has none",
            node.map_or(0.0, |node| node.lease.remaining().as_secs_f64()),
        )?;
        let nodes = node.map_or(0, |node| node.metrics.nodes());
        encoder.gauge("counterfoil_nodes", "Nodes that have a row in the store; 0 with SQLite", nodes)
    }
}
