//! Collects every metric of an installation into one OpenMetrics text.

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::app::readiness_check::ReadinessCheck;
use crate::counters::{CHECK_RESULTS, CREDENTIAL_TYPES, Outcome};
use crate::metrics::encoder::Encoder;
use crate::metrics::process;
use crate::metrics::shared_cache;
use crate::runtime::panics::panic_count;
use crate::store::node::metrics::NodeMetrics;

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
        self.register_counters(&mut registry);
        registry.register_collector(Box::new(Exposition { app: self.clone(), failed }));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }

    /// Registers the counters that `prometheus-client` holds; [`Exposition`] encodes all others.
    fn register_counters(&self, registry: &mut Registry) {
        let (events, connections) = (&self.parts.metrics.events, &self.parts.metrics.connections);
        registry.register(
            "counterfoil_logins",
            "Login attempts, by result",
            self.parts.metrics.logins.family(),
        );
        registry.register(
            "counterfoil_host_logins",
            "Logins at guarded hosts that returned from the issuer, by result",
            self.parts.metrics.host_logins.family(),
        );
        registry.register(
            "counterfoil_registrations",
            "Registration attempts, by result",
            self.parts.metrics.registrations.family(),
        );
        registry.register(
            "counterfoil_password_changes",
            "Attempts to change a password, by result",
            self.parts.metrics.password_changes.family(),
        );
        registry.register(
            "counterfoil_sessions_created",
            "Sessions created by logins, by mode",
            events.sessions_created.clone(),
        );
        registry.register(
            "counterfoil_sessions_ended",
            "Sessions ended, by reason, without those that expired",
            events.sessions_ended.clone(),
        );
        registry.register(
            "counterfoil_audit_events",
            "Audit events written, by kind",
            events.audit_events.clone(),
        );
        registry.register(
            "counterfoil_revocation_log_entries",
            "Entries appended to the revocation log",
            events.revocation_log_entries.clone(),
        );
        registry.register(
            "counterfoil_audit_events_removed_above_limit",
            "Audit events removed before their time, because there were too many",
            self.parts.audit_log_limit.removed.clone(),
        );
        registry.register(
            "counterfoil_writes_refused",
            "Requests that would change something, refused by a rate limit",
            self.parts.write_rate_limiter.refused(),
        );
        registry.register(
            "counterfoil_introspections",
            "Requests for introspection, by result",
            self.parts.metrics.introspections.requests.clone(),
        );
        let feed = &self.parts.feed.metrics;
        registry.register("counterfoil_feed_polls", "Polls of verifiers, by result", feed.polls.clone());
        registry.register(
            "counterfoil_feed_snapshots",
            "Snapshots that verifiers got, by reason",
            feed.snapshots.clone(),
        );
        registry.register(
            "counterfoil_feed_repeated_polls",
            "Polls with a number that their instance had sent before: two processes may share one instance id",
            feed.repeated_polls.clone(),
        );
        registry.register(
            "counterfoil_feed_delayed_polls",
            "Polls that were served later because their instance sent too many",
            feed.delayed_polls.clone(),
        );
        registry.register(
            "counterfoil_fleet_waits",
            "Revocations that waited until no verifier accepted their subject",
            feed.fleet_waits.clone(),
        );
        registry.register(
            "counterfoil_fleet_wait_expired_leases",
            "Verifiers whose lease ran out during such a wait",
            feed.fleet_expired.clone(),
        );
        // Of a process that is the only one on its store they stay 0, so that alerts find every series.
        let alone = NodeMetrics::default();
        let node = self.parts.node.as_ref().map_or(&alone, |node| &node.metrics);
        registry.register(
            "counterfoil_node_renewals",
            "Renewals of the lease of this node",
            node.renewals.clone(),
        );
        registry.register(
            "counterfoil_node_failed_renewals",
            "Renewals of the lease of this node that failed",
            node.failed_renewals.clone(),
        );
        registry.register(
            "counterfoil_node_applied_changes",
            "Changes of other nodes that this one has applied",
            node.applied_changes.clone(),
        );
        registry.register(
            "counterfoil_node_removals",
            "Dead nodes that this one has removed",
            node.removed_nodes.clone(),
        );
        registry.register("counterfoil_connections", "Open connections", connections.open.clone());
        registry.register(
            "counterfoil_connections_refused",
            "New connections closed because a limit was reached",
            connections.refused.clone(),
        );
        registry.register(
            "counterfoil_connections_closed_for_others",
            "Connections closed to make room for others",
            connections.closed.clone(),
        );
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
        let encoder = &mut Encoder(encoder);
        self.installation(encoder)?;
        self.token_refreshes(encoder)?;
        self.revocation_log(encoder)?;
        self.feed(encoder)?;
        self.node(encoder)?;
        self.credential_checks(encoder)?;
        shared_cache::encode(encoder, self.app.parts.shared_cache.as_ref().map(|shared| shared.metrics()))?;
        self.password_hashing(encoder)?;
        self.store(encoder)?;
        self.requests(encoder)?;
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

    fn feed(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let feed = &self.app.parts.feed;
        let counts = feed.follower_counts();
        encoder.gauges(
            "counterfoil_feed_verifiers",
            "Processes that follow the feed, by whether their lease has run out in the last ten minutes",
            |sample| {
                sample(&[("state", "fresh")], counts.fresh as u64)?;
                sample(&[("state", "stale")], counts.stale as u64)
            },
        )?;
        encoder.gauge(
            "counterfoil_feed_lag_seconds",
            "Age of the oldest revocation that a verifier with a lease has not confirmed",
            counts.max_lag.as_secs_f64(),
        )?;
        encoder.gauge("counterfoil_feed_streams", "Open event streams of the feed", feed.open_streams())?;
        encoder.gauge(
            "counterfoil_feed_waiting_polls",
            "Polls that wait for a revocation",
            feed.waiting_polls(),
        )
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

    fn credential_checks(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let checks = &self.app.parts.metrics.credential_checks;
        encoder.counters(
            "counterfoil_credential_checks",
            "Credentials checked, by type and result",
            |sample| {
                for (credential_type, type_name) in CREDENTIAL_TYPES.into_iter().enumerate() {
                    for (result, result_name) in CHECK_RESULTS.into_iter().enumerate() {
                        let total = checks.total(credential_type, result);
                        sample(&[("type", type_name), ("result", result_name)], total)?;
                    }
                }
                Ok(())
            },
        )?;
        let (hits, misses) = checks.cache_hits_and_misses();
        encoder.counters(
            "counterfoil_session_cache_requests",
            "Session tokens checked from the cache (hit) or from the store (miss)",
            |sample| {
                sample(&[("result", "hit")], hits)?;
                sample(&[("result", "miss")], misses)
            },
        )?;
        encoder.gauge(
            "counterfoil_session_cache_entries",
            "Sessions in the cache",
            self.app.parts.session_cache.len(),
        )?;
        let tokens = self.app.parts.verifier.token_verifier();
        encoder.counter(
            "counterfoil_token_cache_misses",
            "Access tokens whose signature was verified because they were not in the cache",
            tokens.verified_signatures(),
        )?;
        encoder.gauge("counterfoil_token_cache_entries", "Access tokens in the cache", tokens.cached_tokens())
    }

    fn password_hashing(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let pool = &self.app.parts.hashing;
        let metrics = pool.metrics();
        encoder.gauge(
            "counterfoil_password_hash_queue_length",
            "Passwords waiting to be hashed",
            pool.queue_length(),
        )?;
        encoder.gauge(
            "counterfoil_password_hash_allocated_threads",
            "Hashing threads that have memory allocated",
            pool.allocated_threads(),
        )?;
        encoder.histogram(
            "counterfoil_password_hash_queue",
            "Time that passwords waited to be hashed",
            &metrics.queue_time,
        )?;
        encoder.histogram(
            "counterfoil_password_hash_duration",
            "Time to hash one password",
            &metrics.duration,
        )?;
        encoder.counters(
            "counterfoil_password_hash_rejected",
            "Password hashes rejected because the queue was full or timed out, or a client IP or account used its share",
            |sample| {
                sample(&[("reason", "queue_full")], metrics.rejected_queue_full.get())?;
                sample(&[("reason", "share")], metrics.rejected_share.get())?;
                sample(&[("reason", "timeout")], metrics.rejected_timeout.get())
            },
        )?;
        encoder.histogram(
            "counterfoil_password_validation_duration",
            "Time to validate one new password",
            &pool.validation_metrics().duration,
        )?;
        let rejected = pool.validation_metrics();
        encoder.counters(
            "counterfoil_password_validation_rejected",
            "New passwords rejected because the queue of their validation was full or timed out, or a share was used",
            |sample| {
                sample(&[("reason", "queue_full")], rejected.rejected_queue_full.get())?;
                sample(&[("reason", "share")], rejected.rejected_share.get())?;
                sample(&[("reason", "timeout")], rejected.rejected_timeout.get())
            },
        )?;
        encoder.counter(
            "counterfoil_refusals_not_delayed",
            "Rate-limited logins that were answered at once because too many waited",
            pool.refusals_not_delayed(),
        )
    }

    fn store(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let store = self.app.parts.store.metrics();
        encoder.histogram("counterfoil_store_read", "Duration of reads from the store", &store.reads)?;
        encoder.histogram(
            "counterfoil_store_commit",
            "Time from a write request until it is durable",
            &store.commits,
        )?;
        encoder.histogram(
            "counterfoil_store_transaction",
            "Duration of transactions; write requests in one transaction share its sync",
            &store.transactions,
        )?;
        let waiting = store.pending.load(Ordering::Relaxed);
        encoder.gauge("counterfoil_store_queue", "Write requests queued or in progress", waiting)?;
        let failed = store.failed.load(Ordering::Relaxed);
        encoder.counter("counterfoil_store_failures", "Write requests that failed", failed)?;
        let refused = store.lists_refused();
        encoder.counter(
            "counterfoil_store_lists_refused",
            "Lists not read, because too many waited",
            refused,
        )?;
        let waiting = store.reads_waiting.load(Ordering::Relaxed);
        encoder.gauge(
            "counterfoil_store_reads_waiting",
            "Reads that wait for a connection to the database",
            waiting,
        )?;
        let refused = store.reads_refused.load(Ordering::Relaxed);
        encoder.counter(
            "counterfoil_store_reads_refused",
            "Reads for which no connection to the database became free or could be made",
            refused,
        )?;
        let may_lose = u64::from(store.may_lose_commits.load(Ordering::Relaxed));
        encoder.gauge(
            "counterfoil_store_may_lose_commits",
            "1 if a crash or a promotion of a standby could lose confirmed commits",
            may_lose,
        )
    }

    fn requests(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let routes = self.app.parts.metrics.requests.routes();
        encoder.counters("counterfoil_http_requests", "HTTP requests answered", |sample| {
            for route in &routes {
                for (method, status, count) in route.totals() {
                    sample(
                        &[("route", route.path.as_str()), ("method", method), ("status", &status)],
                        count,
                    )?;
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
        let max = match self.app.parts.metrics.connections.limit.get() {
            0 => self.app.settings().limits.max_connections,
            limit => usize::try_from(limit).unwrap_or_default(),
        };
        encoder.gauge("counterfoil_connections_limit", "Maximum number of open connections", max)
    }
}
